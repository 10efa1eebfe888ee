// Runs a peer.
#pragma once

#include <vector>

#include "base/result.h"
#include "config/configuration.h"
#include "identity/identity.h"
#include "ipld/multiaddr.h"

namespace ipfsc::app {

/// What the command line of `daemon` says beyond the configuration.
struct DaemonFlags {
  std::vector<ipld::Multiaddr> bootstrap;  ///< --bootstrap: peers to join, each with /p2p/<id>
  bool no_trust = false;                   ///< --no-trust
};

/// Builds the peer, runs it until a signal ends it and returns the exit code. The caller holds the folder's lock and
/// has applied --leave and --stats to `config`. An error is a peer that could not start.
Result<int> run_daemon(const config::Configuration& config, const identity::Identity& identity,
                       const DaemonFlags& flags);

}  // namespace ipfsc::app
