// Runs a peer.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/configuration.h"
#include "identity/identity.h"
#include "ipld/multiaddr.h"

namespace ipfsc::app {

/// The whole configuration as it is now, with what the command line says. Blocks.
using LoadConfiguration = std::function<Result<config::Configuration>()>;

/// What the command line of `daemon` says beyond the configuration.
struct DaemonFlags {
  std::vector<ipld::Multiaddr> bootstrap;  ///< --bootstrap: peers to join, each with /p2p/<id>
  bool no_trust = false;                   ///< --no-trust
  LoadConfiguration load;                  ///< for SIGUSR1; unset: the signal does nothing
};

/// What `users` in service.json may have instead of the password. Takes about 0.1 s.
Result<std::string> hash_password(std::string_view password);

/// Builds the peer, runs it until a signal ends it and returns the exit code. The caller holds the folder's lock and
/// has applied --leave and --stats to `config`. An error is a peer that could not start.
Result<int> run_daemon(const config::Configuration& config, const identity::Identity& identity,
                       const DaemonFlags& flags);

}  // namespace ipfsc::app
