// Copies for peers that have joined, when cluster.repin.rebalance_on_join is set.
#include "allocator/placement.h"
#include "base/log.h"
#include "cluster/members.h"
#include "cluster/mover.h"
#include "cluster/record_entries.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("mover");

constexpr std::string_view kJoined = "rebalance for";  // a record for each peer
constexpr size_t kMostJoined = 100;                    // looked at together
constexpr size_t kMovesAtOnce = 500;                   // movements that begin in one step, without another limit

}  // namespace

proto::Operation rebalance_for(const ipld::PeerId& peer) { return put_record(kJoined, peer.bytes(), {}, "membership"); }

/// Begins what the budget has of the plan for them.
Task<> Mover::rebalance() {
  if (movements_paused(context_.state)) co_return Result<>{};
  if (rebalancing_.empty()) CO_TRY(co_await plan_rebalance());
  if (rebalancing_.empty() || budget_.take(0, context_.runtime.now()) > Duration::zero()) co_return Result<>{};
  co_return co_await begin_some(rebalancing_, kMovesAtOnce);
}

/// Looks at all pins when one of them can take something now. Those that have nothing more to get are forgotten, and so
/// are those that have gone.
Task<> Mover::plan_rebalance() {
  CO_TRY_ASSIGN(auto records, context_.state.records(kJoined, {}, kMostJoined));
  std::vector<proto::Operation> gone, done;
  std::string names;
  for (const auto& record : records) {
    auto forget = remove_record(kJoined, record.key, "rebalance");
    forget.mutable_record_remove()->set_if_revision(record.revision);
    auto id = ipld::PeerId::from_bytes(record.key);
    auto known = id ? context_.state.peer(*id) : std::nullopt;
    if (!known || !belongs(*known)) {
      gone.push_back(std::move(forget));
      continue;
    }
    const auto* candidate = picture_.peers().find(*id);
    bool able = candidate && candidate->state == allocator::PeerState::kUp && candidate->free_bytes &&
                allocator::fit(*candidate, picture_.policy(), {});
    if (!able) continue;
    done.push_back(std::move(forget));
    names += fmt::format("{}{}", names.empty() ? "" : ", ", known->name.empty() ? id->to_string() : known->name);
  }
  CO_TRY(co_await submit(std::move(gone)));
  if (done.empty()) co_return Result<>{};
  CO_TRY_ASSIGN(auto plan, co_await plan_all({.goal = allocator::Goal::kRebalance}));
  log.info("{} joined the cluster: {}", names, plan.summary);
  for (auto& move : plan.moves) {
    move.reason = fmt::format("{} joined the cluster: {}", names, move.reason);
    rebalancing_.push_back(std::move(move));
  }
  if (rebalancing_.empty()) CO_TRY(co_await submit(std::move(done)));
  co_return Result<>{};
}

/// A planned move waits for the budget, and the pin may have changed meanwhile.
Result<bool> Mover::still_right(const allocator::Move& move) const {
  TRY_ASSIGN(auto stored, context_.state.get(move.cid));
  TRY_ASSIGN(auto work, context_.state.work(move.cid));
  if (!stored || stored->pin.everywhere() || (work && work->moves_size() > 0)) return false;
  return (!move.from || stored->pin.allocated_to(*move.from)) && (!move.to || !stored->pin.allocated_to(*move.to));
}

}  // namespace ipfsc::cluster
