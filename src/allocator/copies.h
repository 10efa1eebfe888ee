// What the copies of a pin are worth, for the planner.
#pragma once

#include <deque>
#include <set>

#include "allocator/placement.h"
#include "allocator/plan.h"

namespace ipfsc::allocator {

/// What stays the same while a plan is made, but for the promises to `peers`.
struct PlanContext {
  Peers peers;
  Policy policy;
  PlanRequest request;
  std::set<ipld::PeerId> leaving;  ///< that give up their copies: draining, or named in the request

  PlanContext(Peers all, Policy rules, PlanRequest what);
  bool goal_is_to_leave() const { return request.goal == Goal::kDrain || request.goal == Goal::kReplace; }
};

/// Each peer that the pin names is in one of the lists, which are ordered by peer id (`down`: the longest down first).
/// Borrows from the context.
class Copies {
 public:
  using List = std::vector<const Candidate*>;

  Copies(const PlanContext& context, const PlanPin& pin);
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;

  List lasting;  ///< can be read, and stay; each on a node of its own
  List pending;  ///< on their way to peers that live
  List
      quitting;  ///< on a peer of PlanContext::leaving; of any state when the goal is to leave, else only readable ones
  List going;    ///< can be read; sources of movements under way
  List twins;    ///< can be read, on the node of another one
  List down;     ///< cannot be read now, and nobody is at it
  List unknown;  ///< of peers that are not members
  List gone;     ///< of removed peers

  /// Copies that can be read now, those on one node counted once.
  size_t readable() const { return lasting.size() + going_readable_ + quitting_readable_; }
  /// Those that can be read when the movements under way are done.
  size_t future() const { return lasting.size() + pending.size() + quitting_readable_; }
  /// Places of the pin that are taken when the movements under way are done, those of `quitting` left out.
  size_t places() const { return lasting.size() + pending.size() + twins.size() + down.size() + unknown.size(); }
  /// When it came below `min` readable copies; none: so long ago that it doesn't matter.
  std::optional<WallTime> below_since(size_t min) const;

 private:
  void sort_in(const PlanContext& context, const PlanPin& pin, const Candidate& peer, Placement& nodes);

  std::deque<Candidate> strangers_;  // what `unknown` points to
  size_t quitting_readable_ = 0;     // on nodes of their own
  size_t going_readable_ = 0;        // on none of the others'
};

/// Where the next copy goes; no peer: why not.
struct Target {
  const Candidate* peer = nullptr;
  std::string why_none;
};

/// The best peer that is up, has no copy and fits beside `placement`; `preferred` when it is one of these.
/// `wanted` copies are to follow each other in all: the first is chosen so that there is a place for the others.
Target find_target(const PlanContext& context, const PlanPin& pin, Placement placement, size_t wanted,
                   const std::optional<ipld::PeerId>& preferred = {});

/// Why none of the peers can take it, counted by reason.
std::string why_no_target(const PlanContext& context, const PlanPin& pin, const Placement& placement);
/// Peers that are up, stay, are not named for the pin, and fit beside `placement`; by id.
std::vector<const Candidate*> able_peers(const PlanContext& context, const PlanPin& pin, const Placement& placement);

}  // namespace ipfsc::allocator
