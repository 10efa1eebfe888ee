// Mover: makes copies elsewhere when a peer is down for longer than the grace or is to be emptied, and takes it back
// when the peer returns in time. Runs where the leader is; what is under way is in the log (state's `work`), so another
// leader goes on with it.
//
// A movement is two entries: the target is added, and when it has the content the source is dropped. In between the pin
// has one copy more, never one less.
//
// A peer that joins leaves a record in the log when cluster.repin.rebalance_on_join is set. Whoever leads rebalances
// when such a peer is up and can take something, and removes the record when there is nothing more to move.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "allocator/plan.h"
#include "base/rate_limiter.h"
#include "cluster/cluster.h"
#include "cluster/move_entries.h"
#include "cluster/peer_picture.h"

namespace ipfsc::cluster {

/// I/O thread only.
class Mover {
 public:
  Mover(Context context, PeerPicture& picture, PeerCalls& calls)
      : context_(context), picture_(picture), calls_(calls), budget_(budget_of(context.options)) {}

  /// For ever; ends when cancelled.
  Task<> run();
  /// The options have another rate.
  void rate_has_changed() { budget_ = budget_of(context_.options); }
  /// Over all pins, with this time and grace; nothing is begun.
  Task<allocator::Plan> plan_all(allocator::PlanRequest request);
  /// Writes the beginning of these movements into the log, or of as many of them as the budget has, and not of a second
  /// one of a pin before the first has ended; returns those that have begun. kFailedPrecondition while movements are
  /// paused.
  Task<std::vector<allocator::Move>> begin(std::vector<allocator::Move> moves);
  /// Why a peer that drains is not empty yet, as of the last look; "" = nothing is in the way.
  const std::string& blocked() const { return blocked_; }

 private:
  static RateLimiter budget_of(const ClusterOptions& options) {
    return {options.moves_per_second, std::max(1.0, options.moves_per_second)};
  }
  Task<> step();
  void forget_plans();
  Task<> settle();
  Task<> settle_replaced(std::vector<state::WorkItem> items);
  Task<> settle_moves(std::vector<state::WorkItem> page);
  using Questions = std::map<ipld::PeerId, std::vector<ipld::Cid>>;
  Task<std::map<ipld::PeerId, std::set<ipld::Cid>>> ask(Questions questions);
  allocator::PeerState state_of(const ipld::PeerId& peer);
  Task<> plan();
  struct Wanted {
    allocator::PlanRequest request;
    std::vector<ipld::PeerId> peers;  // whose copies it is about
  };
  Result<std::vector<Wanted>> wanted();
  Task<> rebalance();
  Task<> plan_rebalance();
  Task<allocator::Peers> settled_peers();
  Result<bool> still_right(const allocator::Move& move) const;
  Task<> offer(allocator::Planner& planner, state::ListQuery query, std::set<ipld::Cid>* offered);
  Task<std::set<ipld::Cid>> have(ipld::PeerId peer, std::vector<ipld::Cid> cids);
  Task<> begin_some(std::deque<allocator::Move>& planned, size_t most);
  Task<> submit(std::vector<proto::Operation> operations);
  Task<> submit_all(std::vector<Task<>> entries);
  void change(std::vector<proto::Operation>& operations, const state::StoredPin& seen, CopyChange change) const;
  std::set<ipld::PeerId> sources();

  Context context_;
  PeerPicture& picture_;
  PeerCalls& calls_;
  ipld::Cid settled_to_;                // settle() goes on behind it
  std::set<ipld::PeerId> planned_for_;  // the sources of the last plan
  bool plan_again_ = true;
  SteadyTime planned_at_{};
  std::optional<WallTime> next_due_;  // when the grace of the first pin ends that the last plan left alone for it
  std::string blocked_;
  RateLimiter budget_;
  std::deque<allocator::Move> repairs_;      // of the last plan for `planned_for_`, not begun
  std::deque<allocator::Move> rebalancing_;  // planned for peers that have joined, not begun
};

/// Only copies of such a pin can move.
inline bool moves_copies(const std::optional<state::StoredPin>& stored) { return stored && !stored->pin.everywhere(); }
/// The log's record of a pause: it holds over a change of the leader.
bool movements_paused(const state::State& state);
proto::Operation pause_movements(bool pause);
/// Makes the log remember that `peer` has joined and is to get its share of the copies.
proto::Operation rebalance_for(const ipld::PeerId& peer);

}  // namespace ipfsc::cluster
