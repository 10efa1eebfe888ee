// Which copies are to move: repair, drain, replace, rebalance, top-up. Decides only; nothing is moved here.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "allocator/candidate.h"

namespace ipfsc::allocator {

/// One pin, as the planner needs it.
struct PlanPin {
  ipld::Cid cid;
  int replication_factor_min = -1;  ///< both -1: held everywhere, never moved
  int replication_factor_max = -1;
  std::vector<ipld::PeerId> allocations;
  std::vector<ipld::PeerId> arriving;  ///< targets of movements under way: their copies are not there yet
  std::vector<ipld::PeerId> leaving;   ///< sources of movements under way: their copies will go
  std::optional<uint64_t> size_bytes;
};

enum class Goal : uint8_t {
  kRepair,     ///< pins below their minimum of living copies get it back
  kDrain,      ///< copies leave the peers that drain, and those in PlanRequest::leaving
  kReplace,    ///< as kDrain; PlanRequest::replacement takes what it can
  kRebalance,  ///< hard rules are kept again, then loads come within the tolerance, with few moves
  kTopUp,      ///< pins below their maximum get more copies
};

enum class Measure : uint8_t { kPins, kFreeBytes };

struct PlanRequest {
  Goal goal = Goal::kRepair;
  std::vector<ipld::PeerId> leaving;         ///< kDrain, kReplace
  std::optional<ipld::PeerId> replacement;   ///< kReplace
  WallTime now{};                            ///< kRepair: on the clock of Candidate::since
  Duration grace = std::chrono::minutes(5);  ///< kRepair; none when one living copy is left and the minimum is more
  bool replace_unknown = false;              ///< kRepair: copies of peers that are not members are given up, too
  Measure measure = Measure::kPins;          ///< kRebalance
  double tolerance = 0.1;                    ///< kRebalance: accepted difference from the mean, as a part of the mean
  size_t max_moves = 16'384;                 ///< in one plan, and pins that are remembered for it: about 500 bytes each
  size_t max_blocked = 100;                  ///< pins that are named when nothing can be done for them; all are counted
};

/// Made in two steps: `to` gets it, and when it has it, `from` gives it up. Moves can be made in any order and some can
/// be left out: no pin comes below its minimum by that.
struct Move {
  ipld::Cid cid;
  std::optional<ipld::PeerId> from;  ///< none: one copy more
  std::optional<ipld::PeerId> to;    ///< none: the copy at `from` is not needed
  std::optional<uint64_t> size_bytes;
  std::string reason;
  bool operator==(const Move&) const = default;
};

struct Blocked {
  ipld::Cid cid;
  std::string reason;
  bool operator==(const Blocked&) const = default;
};

struct Plan {
  std::vector<Move> moves;           ///< the most urgent first
  std::vector<Blocked> blocked;      ///< by CID, the first PlanRequest::max_blocked
  uint64_t pins = 0;                 ///< that were offered
  uint64_t blocked_pins = 0;         ///< for which nothing, or not enough, can be done now
  uint64_t waiting_pins = 0;         ///< kRepair: below their minimum, but within the grace
  std::optional<WallTime> next_due;  ///< when the first of these is due
  uint64_t unknown_pins = 0;         ///< held by peers that are not members: moved on request only
  uint64_t unweighed_pins = 0;       ///< kRebalance by bytes: of unknown size
  bool more = false;                 ///< max_moves was reached: plan again when these are done
  std::string summary;               ///< one sentence; when there are no moves: why
};

/// Fed with the pins in any order and in pieces of any size; each pin once. The plan does not depend on that order.
/// Memory: max_moves pins. A pin costs two allocations when there is something to do for it, else its lookups.
class Planner {
 public:
  Planner(Peers peers, Policy policy, PlanRequest request);
  ~Planner();
  Planner(Planner&&) noexcept;
  Planner& operator=(Planner&&) noexcept;

  void offer(const PlanPin& pin);
  void offer(std::span<const PlanPin> pins);
  /// Ends it.
  Plan finish() &&;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

/// The same for pins that are in memory.
Plan plan_moves(Peers peers, Policy policy, PlanRequest request, std::span<const PlanPin> pins);

}  // namespace ipfsc::allocator
