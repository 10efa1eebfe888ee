#include "cluster/mover.h"

#include <algorithm>
#include <ranges>

#include "base/log.h"
#include "cluster/members.h"
#include "cluster/record_entries.h"

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

std::vector<ipld::PeerId> peers_of(const google::protobuf::RepeatedPtrField<std::string>& ids) {
  std::vector<ipld::PeerId> peers;
  for (const auto& bytes : ids) {
    if (auto peer = ipld::PeerId::from_bytes(bytes)) peers.push_back(*std::move(peer));
  }
  return peers;
}

/// The movement is over; copies that leave for another reason still do.
proto::Work ended(proto::Work work) {
  work.clear_moves();
  return work;
}

/// Only copies of such a pin can move.
bool moves_copies(const std::optional<state::StoredPin>& stored) { return stored && !stored->pin.everywhere(); }

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
    CO_TRY(co_await context_.runtime.sleep_for(kPause));
    if (!context_.consensus.is_leader()) {
      plan_again_ = true;
      rebalancing_.clear();
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

void Mover::change(std::vector<proto::Operation>& operations, const state::StoredPin& seen, CopyChange change) const {
  log.debug("{}: {} copies more, {} less, then {} movements", seen.pin.cid.to_string(), change.add ? 1 : 0,
            change.remove.size(), change.work.moves_size());
  append_change(operations, seen, std::move(change), context_.state.info().apply_version);
}

// --- movements under way

Task<> Mover::settle() {
  CO_TRY_ASSIGN(auto page, context_.state.work_after(settled_to_, kWorkPage));
  settled_to_ = page.size() < kWorkPage ? ipld::Cid() : page.back().cid;
  picture_.refresh();
  auto moving = std::ranges::partition(page, [](const auto& item) { return item.work.moves_size() == 0; });
  std::vector<state::WorkItem> moves(std::make_move_iterator(moving.begin()), std::make_move_iterator(moving.end()));
  page.erase(moving.begin(), moving.end());
  CO_TRY(co_await settle_replaced(std::move(page)));
  co_return co_await settle_moves(std::move(moves));
}

allocator::PeerState Mover::state_of(const ipld::PeerId& peer) {
  const auto* candidate = picture_.peers().find(peer);
  return candidate != nullptr ? candidate->state : allocator::PeerState::kRemoved;
}

/// Copies of which others took the place go when all living peers that are to hold the pin have it.
Task<> Mover::settle_replaced(std::vector<state::WorkItem> items) {
  struct Open {
    state::StoredPin seen;
    std::vector<ipld::PeerId> leaving, living;
    size_t needed = 0;
  };
  std::vector<Open> open;
  Questions questions;
  std::vector<proto::Operation> operations;
  for (auto& item : items) {
    CO_TRY_ASSIGN(auto stored, context_.state.get(item.cid));
    if (!moves_copies(stored)) {
      operations.push_back(work_operation(item.cid, {}, "failover"));
      continue;
    }
    std::set<Bytes> leaving(item.work.leaving().begin(), item.work.leaving().end());
    Open waiting{.seen = *std::move(stored)};
    size_t staying = 0;
    for (const auto& peer : waiting.seen.pin.allocations) {
      if (leaving.contains(peer.bytes())) {
        waiting.leaving.push_back(peer);
        continue;
      }
      ++staying;
      if (allocator::lives(state_of(peer))) waiting.living.push_back(peer);
    }
    waiting.needed = std::min(staying, static_cast<size_t>(waiting.seen.pin.options.replication_factor_min));
    if (waiting.leaving.empty() || staying == 0) {  // allocated anew meanwhile
      change(operations, waiting.seen, {});
      continue;
    }
    for (const auto& peer : waiting.living) questions[peer].push_back(item.cid);
    open.push_back(std::move(waiting));
  }
  CO_TRY_ASSIGN(auto there, co_await ask(std::move(questions)));
  for (auto& item : open) {
    bool all =
        std::ranges::all_of(item.living, [&](const auto& peer) { return there[peer].contains(item.seen.pin.cid); });
    if (!all || item.living.size() < item.needed) continue;
    change(operations, item.seen, {.remove = std::move(item.leaving)});
  }
  co_return co_await submit(std::move(operations));
}

Task<> Mover::settle_moves(std::vector<state::WorkItem> page) {
  struct Open {
    state::StoredPin seen;
    proto::Work work;
    std::optional<ipld::PeerId> from;
    ipld::PeerId to;
    bool source_lives;
  };
  std::vector<Open> open;
  Questions questions;
  std::vector<proto::Operation> operations;
  for (auto& item : page) {
    CO_TRY_ASSIGN(auto stored, context_.state.get(item.cid));
    if (!moves_copies(stored)) {
      operations.push_back(work_operation(item.cid, {}, "failover"));
      continue;
    }
    auto move = item.work.moves_size() == 1 ? std::optional(item.work.moves(0)) : std::nullopt;
    auto to = move ? ipld::PeerId::from_bytes(move->to()) : fail(ErrorKind::kDataLoss, "");
    if (!to || !stored->pin.allocated_to(*to)) {  // allocated anew meanwhile
      change(operations, *stored, {.work = ended(std::move(item.work))});
      continue;
    }
    std::optional<ipld::PeerId> from;
    if (!move->from().empty()) {
      CO_TRY_ASSIGN(from, ipld::PeerId::from_bytes(move->from()));
    }
    if (!allocator::lives(state_of(*to))) {
      log.info("{}: its new holder {} is gone as well", item.cid.to_string(), to->to_string());
      change(operations, *stored, {.remove = {*to}, .work = ended(std::move(item.work))});
      plan_again_ = true;
      continue;
    }
    questions[*to].push_back(item.cid);
    open.push_back({.seen = *std::move(stored),
                    .work = std::move(item.work),
                    .from = std::move(from),
                    .to = *std::move(to),
                    .source_lives = move->source_lives()});
  }
  CO_TRY_ASSIGN(auto there, co_await ask(std::move(questions)));
  size_t arrivals = 0, cancelled = 0;
  for (auto& item : open) {
    bool arrived = there[item.to].contains(item.seen.pin.cid);
    bool returned = item.from && !item.source_lives && state_of(*item.from) == allocator::PeerState::kUp;
    if (!arrived && !returned) continue;
    // Confirmed movements stand; for the others the copy that came back is enough.
    CopyChange end{.work = ended(std::move(item.work))};
    if (!arrived) {
      end.remove.push_back(item.to);
    } else if (item.from) {
      end.remove.push_back(*item.from);
    }
    change(operations, item.seen, std::move(end));
    ++(arrived ? arrivals : cancelled);
  }
  CO_TRY(co_await submit(std::move(operations)));
  if (arrivals > 0) log.info("{} copies have moved", arrivals);
  if (cancelled > 0) log.info("{} movements were cancelled: their peer has returned", cancelled);
  co_return Result<>{};
}

/// Who has what; nothing of those that do not answer.
Task<std::map<ipld::PeerId, std::set<ipld::Cid>>> Mover::ask(Questions questions) {
  std::map<ipld::PeerId, std::set<ipld::Cid>> there;
  for (auto& [peer, cids] : questions) {
    auto has = co_await have(peer, std::move(cids));
    if (!has && has.error().kind == ErrorKind::kCancelled) co_return fail(has.error());
    if (has) there[peer] = *std::move(has);
  }
  co_return there;
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
    page.clear();
    CO_TRY(co_await run_blocking(context_.runtime, [&] { return cursor->next(page, kListPage); }));
    for (const auto& stored : page) {
      if (stored.pin.everywhere() || (offered && !offered->insert(stored.pin.cid).second)) continue;
      CO_TRY_ASSIGN(auto work, context_.state.work(stored.pin.cid));
      if (work && work->moves_size() > 0) continue;
      allocator::PlanPin pin{.cid = stored.pin.cid,
                             .replication_factor_min = stored.pin.options.replication_factor_min,
                             .replication_factor_max = stored.pin.options.replication_factor_max,
                             .allocations = stored.pin.allocations};
      if (work) pin.leaving = peers_of(work->leaving());
      planner.offer(pin);
    }
  }
  co_return Result<>{};
}

/// With the loads that they will have when the movements under way have ended.
Task<allocator::Peers> Mover::settled_peers() {
  std::map<ipld::PeerId, uint64_t> going;
  for (ipld::Cid after;;) {
    auto page = co_await run_blocking(context_.runtime, [&] { return context_.state.work_after(after, kWorkPage); });
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
  allocator::PlanRequest any{.now = context_.runtime.wall_now(), .grace = context_.options.repin_grace};
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
  bool due = plan_again_ || from != planned_for_ || (next_due_ && context_.runtime.wall_now() >= *next_due_) ||
             now - planned_at_ >= kLookAgain;
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
  next_due_.reset();
  blocked_.clear();
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
    auto planned = plan.moves.size();
    CO_TRY_ASSIGN(auto begun, co_await begin(std::move(plan.moves)));
    plan_again_ |= plan.more || begun.size() < planned;
  }
  co_return Result<>{};
}

Task<std::vector<allocator::Move>> Mover::begin(std::vector<allocator::Move> moves) {
  if (movements_paused(context_.state)) co_return fail(ErrorKind::kFailedPrecondition, "movements are paused");
  auto rate = context_.options.moves_per_second;
  size_t most = rate > 0 ? static_cast<size_t>(std::max(1.0, rate)) : moves.size();
  std::vector<allocator::Move> begun;
  std::set<ipld::Cid> moving;
  std::vector<proto::Operation> operations;
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
    if (operations.size() >= kBatch) CO_TRY(co_await submit(std::exchange(operations, {})));
  }
  CO_TRY(co_await submit(std::move(operations)));
  if (!begun.empty()) log.info("{} copies are made elsewhere: {}", begun.size(), begun.front().reason);
  co_return begun;
}

}  // namespace ipfsc::cluster
