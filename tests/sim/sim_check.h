// What must hold in a simulated cluster: always, and when it has come to rest.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/sim_peer.h"

namespace ipfsc::sim {

using Peers = std::vector<std::unique_ptr<SimPeer>>;

/// Equal entries of the log make equal states, whoever applied them.
class StateBook {
 public:
  explicit StateBook(std::vector<std::string>& complaints) : complaints_(complaints) {}
  void look(const Peers& peers);
  void see(const std::string& peer, LogIndex applied, const state::StateHash& hash);

 private:
  struct Seen {
    std::string peer;
    state::StateHash hash;
  };
  std::vector<std::string>& complaints_;
  std::map<LogIndex, Seen> seen_;
};

/// Why the cluster is not at rest; "" = all peers agree and hold what the pinset says, with as many copies as it says,
/// nothing else, and all of them say so. Asks trackers, which may move the clock a little.
std::string unrest(World& world, const Peers& peers, const std::vector<ipld::Cid>& cids);

}  // namespace ipfsc::sim
