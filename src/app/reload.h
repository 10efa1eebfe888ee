// Reading the configuration again while the peer runs.
#pragma once

#include "app/daemon.h"
#include "app/peer.h"
#include "app/signals.h"
#include "config/configuration.h"

namespace ipfsc::app {

/// At each signal: reads the configuration, takes over what can change (docs/security.md), and names what needs a
/// restart. A configuration that cannot be used changes nothing. For ever; ends when cancelled.
Task<> reload_at_signals(Runtime& runtime, ReloadSignal& signal, Peer& peer, const identity::Identity& identity,
                         config::Configuration current, LoadConfiguration load);

}  // namespace ipfsc::app
