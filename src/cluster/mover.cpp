#include "cluster/mover.h"

#include <algorithm>
#include <ranges>

#include "base/log.h"
#include "cluster/members.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("mover");

constexpr Duration kPause = std::chrono::milliseconds(500);
constexpr Duration kLookAgain = std::chrono::seconds(30);  // for what was blocked
constexpr size_t kWorkPage = 1000;                         // settled in one step
constexpr size_t kListPage = 1000;
constexpr size_t kBatch = 500;  // movements in one entry
constexpr std::string_view kSettings = "cluster";
constexpr std::string_view kPaused = "movements paused";

proto::Operation operation() {
  proto::Operation op;
  op.set_actor("failover");
  return op;
}

proto::Operation move_pin(const ipld::Cid& cid, const ipld::PeerId* add, const ipld::PeerId* remove) {
  auto op = operation();
  auto& move = *op.mutable_pin_move();
  move.set_cid(cid.bytes());
  if (add != nullptr) move.add_add(add->bytes());
  if (remove != nullptr) move.add_remove(remove->bytes());
  return op;
}

proto::Operation end_work(const ipld::Cid& cid) {
  auto op = operation();
  op.mutable_work_remove()->set_cid(cid.bytes());
  return op;
}

}  // namespace

bool movements_paused(const state::State& state) {
  auto record = state.record(kSettings, kPaused);
  return record && *record;
}

proto::Operation pause_movements(bool pause) {
  proto::Operation op;
  op.set_actor("rest");
  if (pause) {
    op.mutable_record_put()->set_kind(std::string(kSettings));
    op.mutable_record_put()->set_key(std::string(kPaused));
  } else {
    op.mutable_record_remove()->set_kind(std::string(kSettings));
    op.mutable_record_remove()->set_key(std::string(kPaused));
  }
  return op;
}

Task<> Mover::run() {
  for (;;) {
    CO_TRY(co_await context_.runtime.sleep_for(kPause));
    if (!context_.consensus.is_leader()) {
      plan_again_ = true;
      picture_.refresh();
      continue;
    }
    auto done = co_await step();
    if (done) continue;
    if (done.error().kind == ErrorKind::kCancelled) co_return done;
    log.warn("copies could not be moved: {}", done.error().message);
    plan_again_ = true;
    CO_TRY(co_await context_.runtime.sleep_for(kPause));
  }
}

Task<> Mover::step() {
  if (context_.state.counters().work > 0) CO_TRY(co_await settle());
  if (context_.options.disable_repinning) co_return Result<>{};
  co_return co_await plan();
}

Task<> Mover::submit(std::vector<proto::Operation> operations) {
  if (operations.empty()) co_return Result<>{};
  CO_TRY(co_await context_.consensus.submit(std::move(operations),
                                            context_.runtime.now() + context_.options.write_timeout));
  co_return Result<>{};
}

// --- movements under way

Task<> Mover::settle() {
  CO_TRY_ASSIGN(auto page, context_.state.work_after(settled_to_, kWorkPage));
  settled_to_ = page.size() < kWorkPage ? ipld::Cid() : page.back().cid;
  co_return co_await settle_page(std::move(page));
}

Task<> Mover::settle_page(std::vector<state::WorkItem> page) {
  picture_.refresh();
  const auto& peers = picture_.peers();
  auto state_of = [&](const ipld::PeerId& peer) {
    const auto* candidate = peers.find(peer);
    return candidate != nullptr ? candidate->state : allocator::PeerState::kRemoved;
  };
  struct Open {
    ipld::Cid cid;
    std::optional<ipld::PeerId> from;
    ipld::PeerId to;
    bool source_lives;
  };
  std::vector<Open> open;
  std::map<ipld::PeerId, std::vector<ipld::Cid>> questions;
  std::vector<proto::Operation> operations;
  for (auto& item : page) {
    CO_TRY_ASSIGN(auto stored, context_.state.get(item.cid));
    auto move = item.work.moves_size() == 1 ? std::optional(item.work.moves(0)) : std::nullopt;
    auto to = move ? ipld::PeerId::from_bytes(move->to()) : fail(ErrorKind::kDataLoss, "");
    if (!stored || !to || !stored->pin.allocated_to(*to)) {  // unpinned or allocated anew meanwhile
      operations.push_back(end_work(item.cid));
      continue;
    }
    std::optional<ipld::PeerId> from;
    if (!move->from().empty()) {
      CO_TRY_ASSIGN(from, ipld::PeerId::from_bytes(move->from()));
    }
    if (!allocator::lives(state_of(*to))) {
      log.info("{}: its new holder {} is gone as well", item.cid.to_string(), to->to_string());
      operations.push_back(move_pin(item.cid, nullptr, &*to));
      operations.push_back(end_work(item.cid));
      plan_again_ = true;
      continue;
    }
    questions[*to].push_back(item.cid);
    open.push_back({.cid = std::move(item.cid),
                    .from = std::move(from),
                    .to = *std::move(to),
                    .source_lives = move->source_lives()});
  }
  std::map<ipld::PeerId, std::set<ipld::Cid>> there;
  for (auto& [peer, cids] : questions) {
    auto has = co_await have(peer, std::move(cids));
    if (!has && has.error().kind == ErrorKind::kCancelled) co_return fail(has.error());
    if (has) there[peer] = *std::move(has);
  }
  size_t ended = 0, cancelled = 0;
  for (const auto& item : open) {
    bool arrived = there[item.to].contains(item.cid);
    bool returned = item.from && !item.source_lives && state_of(*item.from) == allocator::PeerState::kUp;
    if (!arrived && !returned) continue;
    // Confirmed movements stand; for the others the copy that came back is enough.
    if (!arrived) {
      operations.push_back(move_pin(item.cid, nullptr, &item.to));
    } else if (item.from) {
      operations.push_back(move_pin(item.cid, nullptr, &*item.from));
    }
    operations.push_back(end_work(item.cid));
    ++(arrived ? ended : cancelled);
  }
  CO_TRY(co_await submit(std::move(operations)));
  if (ended > 0) log.info("{} copies have moved", ended);
  if (cancelled > 0) log.info("{} movements were cancelled: their peer has returned", cancelled);
  co_return Result<>{};
}

Task<std::set<ipld::Cid>> Mover::have(ipld::PeerId peer, std::vector<ipld::Cid> cids) {
  std::set<ipld::Cid> out;
  if (peer == context_.options.self) {
    CO_TRY_ASSIGN(auto infos, co_await context_.tracker.status_of(cids));
    for (size_t i = 0; i < cids.size(); ++i) {
      if (infos[i].at.status == model::TrackerStatus::kPinned) out.insert(std::move(cids[i]));
    }
    co_return out;
  }
  CO_TRY_ASSIGN(auto have, co_await calls_.have(peer, cids));
  for (size_t i = 0; i < cids.size(); ++i) {
    if (have[i]) out.insert(std::move(cids[i]));
  }
  co_return out;
}

// --- new movements

/// Peers whose copies have to be made elsewhere now. `waiting`: there are others whose grace has not passed.
std::set<ipld::PeerId> Mover::sources(bool& waiting) {
  std::set<ipld::PeerId> out;
  for (const auto& candidate : picture_.peers().all()) {
    bool down = candidate.state == allocator::PeerState::kDown;
    if (candidate.state == allocator::PeerState::kDraining || down) out.insert(candidate.peer);
    waiting |= down && context_.runtime.wall_now() - *candidate.since < context_.options.repin_grace;
  }
  return out;
}

/// Feeds the planner; pins that are held everywhere or on the move are left out, and those in `offered`.
Task<> Mover::offer(allocator::Planner& planner, state::ListQuery query, std::set<ipld::Cid>* offered) {
  CO_TRY_ASSIGN(auto cursor, context_.state.list(std::move(query)));
  std::vector<state::StoredPin> page;
  while (!cursor->done()) {
    page.clear();
    CO_TRY(co_await run_blocking(context_.runtime, [&] { return cursor->next(page, kListPage); }));
    for (const auto& stored : page) {
      if (stored.pin.everywhere() || (offered && !offered->insert(stored.pin.cid).second)) continue;
      CO_TRY_ASSIGN(auto work, context_.state.work(stored.pin.cid));
      if (work && work->moves_size() > 0) continue;
      planner.offer({.cid = stored.pin.cid,
                     .replication_factor_min = stored.pin.options.replication_factor_min,
                     .replication_factor_max = stored.pin.options.replication_factor_max,
                     .allocations = stored.pin.allocations});
    }
  }
  co_return Result<>{};
}

Task<allocator::Plan> Mover::plan_all(allocator::PlanRequest request) {
  picture_.refresh();
  request.now = context_.runtime.wall_now();
  request.grace = context_.options.repin_grace;
  allocator::Planner planner(picture_.peers(), picture_.policy(), std::move(request));
  CO_TRY(co_await offer(planner, {}, nullptr));
  co_return std::move(planner).finish();
}

/// What is to be planned now, and the peers whose copies that is about. A pin belongs to the first that names a peer of
/// it: one that is both below its minimum and on a draining peer is repaired first.
Result<std::vector<std::pair<allocator::PlanRequest, std::vector<ipld::PeerId>>>> Mover::requests() {
  allocator::PlanRequest any{.now = context_.runtime.wall_now(), .grace = context_.options.repin_grace};
  std::vector<std::pair<allocator::PlanRequest, std::vector<ipld::PeerId>>> out(2, {any, {}});
  out[1].first.goal = allocator::Goal::kDrain;
  for (const auto& candidate : picture_.peers().all()) {
    if (candidate.state == allocator::PeerState::kDown) out[0].second.push_back(candidate.peer);
    if (candidate.state != allocator::PeerState::kDraining) continue;
    TRY_ASSIGN(auto record, context_.state.record(kReplacements, candidate.peer.bytes()));
    auto replacement = record ? ipld::PeerId::from_bytes(record->value) : fail(ErrorKind::kNotFound, "");
    if (!replacement) {
      out[1].second.push_back(candidate.peer);
      continue;
    }
    auto& [request, peers] = out.emplace_back(any, std::vector{candidate.peer});
    request.goal = allocator::Goal::kReplace;
    request.leaving = peers;
    request.replacement = *std::move(replacement);
  }
  return out;
}

Task<> Mover::plan() {
  bool waiting = false;
  auto from = sources(waiting);
  auto now = context_.runtime.now();
  bool due = plan_again_ || from != planned_for_ || waiting || now - planned_at_ >= kLookAgain;
  if (!from.empty() && movements_paused(context_.state)) {
    blocked_ = "movements are paused";
    plan_again_ = true;
    co_return Result<>{};
  }
  if (budget_.take(0, now) > Duration::zero()) co_return Result<>{};
  if (from.empty() || !due) {
    if (from.empty()) planned_for_.clear();
    co_return Result<>{};
  }
  planned_for_ = from;
  planned_at_ = now;
  plan_again_ = false;
  blocked_.clear();
  CO_TRY_ASSIGN(auto wanted, requests());
  std::set<ipld::Cid> offered;
  for (auto& [request, peers] : wanted) {
    auto before = offered.size();
    allocator::Planner planner(picture_.peers(), picture_.policy(), std::move(request));
    for (const auto& peer : peers) CO_TRY(co_await offer(planner, {.peer = peer}, &offered));
    if (offered.size() == before) continue;
    auto plan = std::move(planner).finish();
    if (plan.blocked_pins > 0) {
      blocked_ = fmt::format("{} pins cannot be moved, {}: {}", plan.blocked_pins, plan.blocked.front().cid.to_string(),
                             plan.blocked.front().reason);
      log.warn("{}", blocked_);
    }
    CO_TRY_ASSIGN(size_t begun, co_await begin(plan.moves));
    plan_again_ |= plan.more || begun < plan.moves.size();
  }
  co_return Result<>{};
}

Task<size_t> Mover::begin(const std::vector<allocator::Move>& moves) {
  if (movements_paused(context_.state)) co_return fail(ErrorKind::kFailedPrecondition, "movements are paused");
  auto rate = context_.options.moves_per_second;
  size_t count = rate > 0 ? std::min(moves.size(), static_cast<size_t>(std::max(1.0, rate))) : moves.size();
  budget_.take(static_cast<double>(count), context_.runtime.now());
  std::vector<proto::Operation> operations;
  auto started = std::chrono::duration_cast<std::chrono::milliseconds>(context_.runtime.wall_now().time_since_epoch());
  for (const auto& move : moves | std::views::take(count)) {
    if (!move.to) {  // one copy too many
      operations.push_back(move_pin(move.cid, nullptr, &*move.from));
    } else {
      operations.push_back(move_pin(move.cid, &*move.to, nullptr));
      auto op = operation();
      auto& put = *op.mutable_work_put();
      put.set_cid(move.cid.bytes());
      auto& to = *put.mutable_work()->add_moves();
      if (move.from) to.set_from(move.from->bytes());
      to.set_to(move.to->bytes());
      to.set_started_ms(static_cast<uint64_t>(started.count()));
      to.set_reason(move.reason);
      const auto* source = move.from ? picture_.peers().find(*move.from) : nullptr;
      to.set_source_lives(source && source->state == allocator::PeerState::kUp);
      operations.push_back(std::move(op));
    }
    if (operations.size() >= 2 * kBatch) CO_TRY(co_await submit(std::exchange(operations, {})));
  }
  CO_TRY(co_await submit(std::move(operations)));
  if (count > 0) log.info("{} copies are made elsewhere: {}", count, moves.front().reason);
  co_return count;
}

}  // namespace ipfsc::cluster
