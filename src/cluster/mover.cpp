#include "cluster/mover.h"

#include <algorithm>
#include <ranges>

#include "base/gather.h"
#include "base/log.h"
#include "cluster/members.h"
#include "cluster/record_entries.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("mover");

constexpr Duration kPause = std::chrono::milliseconds(500);
constexpr Duration kLookAgain = std::chrono::seconds(30);  // for what was blocked
constexpr size_t kListPage = 1000;
constexpr size_t kBatch = 500;          // movements in one entry
constexpr size_t kEntriesAtOnce = 4;    // on their way into the log
constexpr size_t kMostAtOnce = 16'384;  // movements that begin in one step, without another limit
constexpr size_t kMostPlanned = 131'072;
constexpr std::string_view kSettings = "cluster";
constexpr std::string_view kPaused = "movements paused";

std::vector<ipld::PeerId> peers_of(const google::protobuf::RepeatedPtrField<std::string>& ids) {
  std::vector<ipld::PeerId> peers;
  for (const auto& bytes : ids) {
    if (auto peer = ipld::PeerId::from_bytes(bytes)) peers.push_back(*std::move(peer));
  }
  return peers;
}

/// On a worker thread.
Result<> offer_page(const state::State& state, state::PinCursor& cursor, std::vector<state::StoredPin>& page,
                    allocator::Planner& planner, std::set<ipld::Cid>* offered) {
  page.clear();
  TRY(cursor.next(page, kListPage));
  for (const auto& stored : page) {
    if (stored.pin.everywhere() || (offered && !offered->insert(stored.pin.cid).second)) continue;
    TRY_ASSIGN(auto work, state.work(stored.pin.cid));
    if (work && work->moves_size() > 0) continue;
    allocator::PlanPin pin{.cid = stored.pin.cid,
                           .replication_factor_min = stored.pin.options.replication_factor_min,
                           .replication_factor_max = stored.pin.options.replication_factor_max,
                           .allocations = stored.pin.allocations};
    if (work) pin.leaving = peers_of(work->leaving());
    planner.offer(pin);
  }
  return {};
}

/// Peers that were removed at once: their copies are still in the log, and have to be made elsewhere.
std::vector<ipld::PeerId> removed_holders(const state::State& state) {
  std::vector<ipld::PeerId> out;
  for (const auto& peer : state.peers()) {
    if (was_removed(peer) && peer.pins > 0) out.push_back(peer.id);
  }
  return out;
}

}  // namespace

bool movements_paused(const state::State& state) {
  auto record = state.record(kSettings, kPaused);
  return record && *record;
}

proto::Operation pause_movements(bool pause) {
  return pause ? put_record(kSettings, kPaused, {}, "rest") : remove_record(kSettings, kPaused, "rest");
}

Task<> Mover::run() {
  for (;;) {
    bool more = !repairs_.empty() && context_.options.moves_per_second <= 0;
    CO_TRY(co_await context_.runtime.sleep_for(more ? Duration::zero() : kPause));
    if (!context_.consensus.is_leader()) {
      forget_plans();
      picture_.refresh();
      continue;
    }
    auto done = co_await step();
    if (done) continue;
    if (done.error().kind == ErrorKind::kCancelled) co_return done;
    log.warn("copies could not be moved: {}", done.error().message);
    forget_plans();
    CO_TRY(co_await context_.runtime.sleep_for(kPause));
  }
}

void Mover::forget_plans() {
  plan_again_ = true;
  repairs_.clear();
  rebalancing_.clear();
}

Task<> Mover::step() {
  if (context_.state.counters().work > 0) CO_TRY(co_await settle());
  if (context_.options.disable_repinning) co_return Result<>{};
  CO_TRY(co_await plan());
  if (context_.state.counters().records > 0) CO_TRY(co_await rebalance());
  co_return Result<>{};
}

Task<> Mover::submit(std::vector<proto::Operation> operations) {
  if (operations.empty()) co_return Result<>{};
  CO_TRY(co_await context_.consensus.submit(std::move(operations),
                                            context_.runtime.now() + context_.options.write_timeout));
  co_return Result<>{};
}

Task<> Mover::submit_all(std::vector<Task<>> entries) {
  for (auto& done : co_await gather(context_.runtime, std::move(entries))) CO_TRY(std::move(done));
  co_return Result<>{};
}

void Mover::change(std::vector<proto::Operation>& operations, const state::StoredPin& seen, CopyChange change) const {
  log.debug("{}: {} copies more, {} less, then {} movements", seen.pin.cid.to_string(), change.add ? 1 : 0,
            change.remove.size(), change.work.moves_size());
  append_change(operations, seen, std::move(change), context_.state.info().apply_version);
}

/// Peers whose copies have to be made elsewhere, at once or after the grace.
std::set<ipld::PeerId> Mover::sources() {
  std::set<ipld::PeerId> out;
  for (const auto& candidate : picture_.peers().all()) {
    using enum allocator::PeerState;
    if (candidate.state == kDraining || candidate.state == kDown) out.insert(candidate.peer);
  }
  for (auto& peer : removed_holders(context_.state)) out.insert(std::move(peer));
  return out;
}

/// Feeds the planner; pins that are held everywhere or on the move are left out, and those in `offered`.
Task<> Mover::offer(allocator::Planner& planner, state::ListQuery query, std::set<ipld::Cid>* offered) {
  CO_TRY_ASSIGN(auto cursor, context_.state.list(std::move(query)));
  std::vector<state::StoredPin> page;
  while (!cursor->done()) {
    CO_TRY(co_await run_blocking(context_.runtime,
                                 [&] { return offer_page(context_.state, *cursor, page, planner, offered); }));
  }
  co_return Result<>{};
}

/// With the loads that they will have when the movements under way have ended.
Task<allocator::Peers> Mover::settled_peers() {
  std::map<ipld::PeerId, uint64_t> going;
  for (ipld::Cid after;;) {
    auto page = co_await run_blocking(context_.runtime, [&] { return context_.state.work_after(after, kListPage); });
    CO_TRY(page);
    if (page->empty()) break;
    after = page->back().cid;
    for (const auto& item : *page) {
      for (const auto& move : item.work.moves()) {
        if (auto from = ipld::PeerId::from_bytes(move.from())) ++going[*std::move(from)];
      }
      for (const auto& peer : peers_of(item.work.leaving())) ++going[peer];
    }
  }
  picture_.refresh();
  auto all = picture_.peers().all();
  std::vector<allocator::Candidate> candidates(all.begin(), all.end());
  for (auto& candidate : candidates) candidate.pins -= std::min(candidate.pins, going[candidate.peer]);
  co_return allocator::Peers(std::move(candidates));
}

Task<allocator::Plan> Mover::plan_all(allocator::PlanRequest request) {
  CO_TRY_ASSIGN(auto peers, co_await settled_peers());
  request.now = context_.runtime.wall_now();
  request.grace = context_.options.repin_grace;
  allocator::Planner planner(std::move(peers), picture_.policy(), std::move(request));
  CO_TRY(co_await offer(planner, {}, nullptr));
  co_return std::move(planner).finish();
}

/// What is to be planned now: repairs first.
Result<std::vector<Mover::Wanted>> Mover::wanted() {
  allocator::PlanRequest any{
      .now = context_.runtime.wall_now(), .grace = context_.options.repin_grace, .max_moves = kMostPlanned};
  Wanted repairs{.request = any, .peers = removed_holders(context_.state)};
  Wanted drains{.request = any};
  drains.request.goal = allocator::Goal::kDrain;
  std::vector<Wanted> replacements;
  for (const auto& candidate : picture_.peers().all()) {
    if (candidate.state == allocator::PeerState::kDown) repairs.peers.push_back(candidate.peer);
    if (candidate.state != allocator::PeerState::kDraining) continue;
    TRY_ASSIGN(auto record, context_.state.record(kReplacements, candidate.peer.bytes()));
    auto replacement = record ? ipld::PeerId::from_bytes(record->value) : fail(ErrorKind::kNotFound, "");
    if (!replacement) {
      drains.peers.push_back(candidate.peer);
      continue;
    }
    auto& [request, peers] = replacements.emplace_back(any, std::vector{candidate.peer});
    request.goal = allocator::Goal::kReplace;
    request.leaving = peers;
    request.replacement = *std::move(replacement);
  }
  std::vector<Wanted> out{std::move(repairs), std::move(drains)};
  std::ranges::move(replacements, std::back_inserter(out));
  return out;
}

Task<> Mover::plan() {
  auto from = sources();
  auto now = context_.runtime.now();
  bool due = (plan_again_ && repairs_.empty()) || from != planned_for_ ||
             (next_due_ && context_.runtime.wall_now() >= *next_due_) || now - planned_at_ >= kLookAgain;
  if (!from.empty() && movements_paused(context_.state)) {
    blocked_ = "movements are paused";
    plan_again_ = true;
    co_return Result<>{};
  }
  if (budget_.take(0, now) > Duration::zero()) co_return Result<>{};
  if (from.empty()) {
    planned_for_.clear();
    repairs_.clear();
    co_return Result<>{};
  }
  if (!due) co_return co_await begin_some(repairs_, kMostAtOnce);
  planned_for_ = from;
  planned_at_ = now;
  plan_again_ = false;
  next_due_.reset();
  blocked_.clear();
  repairs_.clear();
  CO_TRY_ASSIGN(auto all, wanted());
  for (auto& [request, peers] : all) {
    std::set<ipld::Cid> offered;
    allocator::Planner planner(picture_.peers(), picture_.policy(), std::move(request));
    for (const auto& peer : peers) CO_TRY(co_await offer(planner, {.peer = peer}, &offered));
    if (offered.empty()) continue;
    auto plan = std::move(planner).finish();
    if (plan.next_due) next_due_ = plan.next_due;  // only a repair waits
    if (plan.blocked_pins > 0) {
      blocked_ = fmt::format("{} pins cannot be moved, {}: {}", plan.blocked_pins, plan.blocked.front().cid.to_string(),
                             plan.blocked.front().reason);
      log.warn("{}", blocked_);
    }
    std::ranges::move(plan.moves, std::back_inserter(repairs_));
    plan_again_ |= plan.more;
  }
  co_return co_await begin_some(repairs_, kMostAtOnce);
}

/// Those that are still right, up to `most` and what the budget has.
Task<> Mover::begin_some(std::deque<allocator::Move>& planned, size_t most) {
  auto rate = context_.options.moves_per_second;
  if (rate > 0) most = static_cast<size_t>(std::max(1.0, rate));
  std::vector<allocator::Move> moves;
  while (!planned.empty() && moves.size() < most) {
    auto move = std::move(planned.front());
    planned.pop_front();
    CO_TRY_ASSIGN(bool right, still_right(move));
    if (right) {
      moves.push_back(std::move(move));
    } else {
      plan_again_ = true;
    }
  }
  if (moves.empty()) co_return Result<>{};
  size_t right = moves.size();
  CO_TRY_ASSIGN(auto begun, co_await begin(std::move(moves)));
  plan_again_ |= begun.size() < right;
  co_return Result<>{};
}

Task<std::vector<allocator::Move>> Mover::begin(std::vector<allocator::Move> moves) {
  if (movements_paused(context_.state)) co_return fail(ErrorKind::kFailedPrecondition, "movements are paused");
  auto rate = context_.options.moves_per_second;
  size_t most = rate > 0 ? static_cast<size_t>(std::max(1.0, rate)) : moves.size();
  std::vector<allocator::Move> begun;
  std::set<ipld::Cid> moving;
  std::vector<proto::Operation> operations;
  std::vector<Task<>> entries;
  auto started = std::chrono::duration_cast<std::chrono::milliseconds>(context_.runtime.wall_now().time_since_epoch());
  for (auto& move : moves) {
    if (begun.size() >= most) break;
    CO_TRY_ASSIGN(auto stored, context_.state.get(move.cid));
    CO_TRY_ASSIGN(auto before, context_.state.work(move.cid));
    if (!moves_copies(stored) || (before && before->moves_size() > 0) || !moving.insert(move.cid).second) continue;
    budget_.take(1, context_.runtime.now());
    CopyChange begin{.add = move.to, .work = std::move(before).value_or(proto::Work())};
    if (!move.to) {  // one copy too many
      begin.remove.push_back(*move.from);
    } else {
      auto& to = *begin.work.add_moves();
      if (move.from) to.set_from(move.from->bytes());
      to.set_to(move.to->bytes());
      to.set_started_ms(static_cast<uint64_t>(started.count()));
      to.set_reason(move.reason);
      const auto* source = move.from ? picture_.peers().find(*move.from) : nullptr;
      to.set_source_lives(source && source->state == allocator::PeerState::kUp);
    }
    change(operations, *stored, std::move(begin));
    begun.push_back(std::move(move));
    if (operations.size() >= kBatch) entries.push_back(submit(std::exchange(operations, {})));
    if (entries.size() >= kEntriesAtOnce) CO_TRY(co_await submit_all(std::exchange(entries, {})));
  }
  entries.push_back(submit(std::move(operations)));
  CO_TRY(co_await submit_all(std::move(entries)));
  if (!begun.empty()) log.info("{} copies are made elsewhere: {}", begun.size(), begun.front().reason);
  co_return begun;
}

}  // namespace ipfsc::cluster
