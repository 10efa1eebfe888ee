// SimAdmin: who looks after a simulated cluster. Drains peers and takes that back, replaces and removes them, changes
// their roles, pauses and resumes movements, rebalances; remembers what was acknowledged.
#pragma once

#include <deque>
#include <random>
#include <string>
#include <vector>

#include "sim/sim_check.h"

namespace ipfsc::sim {

/// One order about a peer, or about movements.
struct Order {
  enum class Kind : uint8_t { kDrain, kUndrain, kReplace, kRole, kRemove, kPause, kResume, kPlan };
  Kind kind;
  std::string text;
  ipld::PeerId peer;         ///< unless it is about movements
  ipld::PeerId replacement;  ///< kReplace
  proto::PeerRole role = proto::PEER_ROLE_AUTO;
  bool force = false;    ///< kRemove
  bool dry_run = false;  ///< kReplace, kPlan
  cluster::PlanGoal goal = cluster::PlanGoal::kRebalance;
  SteadyTime began{};
  std::optional<SteadyTime> ended;  ///< none: it may still be done
  bool done = false;                ///< acknowledged
  bool unknown = false;             ///< it ended without a certain answer
};

class SimAdmin {
 public:
  /// `complaints` gets one line for each broken promise.
  SimAdmin(World& world, uint64_t seed, std::vector<std::string>& complaints);

  /// Gives an order through `through`, which is ready. Returns what it is, for the trace.
  std::string act(SimPeer& through, const Peers& peers);
  /// At the end: gives the order that is still needed before the cluster can come to rest, one at a time. "" = none is.
  std::string put_right(SimPeer& through);
  /// Its removal was ordered once.
  bool removes(const ipld::PeerId& peer) const;
  /// A peer comes anew: what was ordered about it before is of no account.
  void forget(const ipld::PeerId& peer);

  /// While movements are paused none begins.
  void look(const Peers& peers);
  /// What was ordered last of a peer, and acknowledged, is so.
  void check_end(const state::State& state);

 private:
  using Moves = std::set<std::tuple<ipld::Cid, Bytes, uint64_t>>;  // pin, target, start
  struct Pause {
    SteadyTime seen;
    LogIndex applied;
    std::optional<Moves> moves;  // under way when all that was begun before it had to be here
  };

  std::string give(SimPeer& through, Order order);
  Task<> carry_out(SimPeer& through, size_t number);
  void check_last(const state::State& state, const state::Peer& peer, bool role);

  World& world_;
  std::mt19937_64 random_;
  std::vector<std::string>& complaints_;
  std::deque<Order> orders_;  // stable addresses
  std::map<std::string, Pause> pauses_;
};

}  // namespace ipfsc::sim
