// SimCluster: a seed's story. Peers come, users write while all sorts of things go wrong, then everything is well again
// and the cluster has to come to rest.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "sim/sim_admin.h"
#include "sim/sim_check.h"
#include "sim/sim_load.h"
#include "sim/sim_requests.h"

namespace ipfsc::sim {

struct Story {
  int peers = 3;
  int steps = 30;  ///< things that happen, about two a second
  Duration repin_grace = std::chrono::seconds(3);
  bool admin = false;         ///< somebody changes peers meanwhile: drains, roles, pauses
  bool adds = false;          ///< users add content, too
  bool requests = false;      ///< and the pinning service has users
  std::vector<int> one_node;  ///< numbers of peers that use one IPFS node
};

class SimCluster {
 public:
  SimCluster(uint64_t seed, const Story& story);
  /// The number of peers and steps that belong to the seed.
  static Story story_of(uint64_t seed);

  /// The whole story. Each returns early after a complaint.
  void run();
  void gather_peers();
  void storm();
  void come_to_rest();
  void check_end();
  /// Room that was promised to adds is there again, and is not promised twice.
  void check_room();

  /// What did not hold.
  const std::vector<std::string>& complaints() const { return complaints_; }
  /// What happened, for a person; equal for equal seeds.
  const std::vector<std::string>& trace() const { return trace_; }
  World& world() { return world_; }
  SimLoad& load() { return load_; }
  const Peers& peers() const { return peers_; }
  StateBook& book() { return book_; }
  Duration rested_after() const { return rested_after_; }

 private:
  uint64_t below(uint64_t limit) { return random_() % limit; }
  SimPeer& any_peer() { return *peers_[below(peers_.size())]; }
  void run_for(Duration time);
  void watch();
  void act();
  void write();
  void give_order();
  void add_peer();
  void hurt_peer();
  void hurt_disk();
  void hurt_network();
  void hurt_node();
  void start(SimPeer& peer);
  PeerSettings settings_of(int number);
  bool all_well() const;
  bool can_lose(const SimPeer& peer) const;
  void say(std::string what);

  Story story_;
  std::mt19937_64 random_;
  std::vector<std::string> complaints_, trace_;
  World world_;
  SimLoad load_;
  SimRequests requests_;
  SimAdmin admin_;
  Peers peers_;  // they use those before
  StateBook book_;
  bool forgetful_ = false;
  std::pair<int, int> factors_ = {-1, -1};  // by default
  std::vector<SteadyTime> started_;         // by peer
  std::vector<int> checked_start_;          // SimPeer::starts() that was seen ready
  Duration rested_after_{};
};

}  // namespace ipfsc::sim
