// Mover: what becomes of the movements under way.
#include <algorithm>
#include <ranges>

#include "base/log.h"
#include "cluster/mover.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("mover");

constexpr size_t kWorkPage = 1000;  // settled in one step

/// The movement is over; copies that leave for another reason still do.
proto::Work ended(proto::Work work) {
  work.clear_moves();
  return work;
}

/// Somebody who did not know of the movement may have chosen fewer holders meanwhile, the new one among them.
bool may_lose(const model::Pin& pin, const ipld::PeerId& peer) {
  auto stay = std::ranges::count_if(pin.allocations, [&](const auto& holder) { return holder != peer; });
  return stay >= pin.options.replication_factor_min;
}

/// Copies that are more than the pin's maximum when `end` is done leave then. A claim may have ended while they moved.
void let_go_of_extras(const state::StoredPin& seen, CopyChange& end, const auto& lives) {
  auto most = seen.pin.options.replication_factor_max;
  std::vector<ipld::PeerId> stay;
  for (const auto& peer : seen.pin.allocations) {
    bool leaves = std::ranges::find(end.work.leaving(), peer.bytes()) != end.work.leaving().end();
    if (!leaves && std::ranges::find(end.remove, peer) == end.remove.end()) stay.push_back(peer);
  }
  if (most < 1 || stay.size() <= static_cast<size_t>(most)) return;
  std::ranges::stable_partition(stay, lives);
  for (const auto& peer : stay | std::views::drop(most)) end.work.add_leaving(peer.bytes());
}

}  // namespace

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
    CopyChange end{.remove = std::move(item.leaving)};
    let_go_of_extras(item.seen, end, [&](const auto& peer) { return allocator::lives(state_of(peer)); });
    change(operations, item.seen, std::move(end));
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
    } else if (item.from && may_lose(item.seen.pin, *item.from)) {
      end.remove.push_back(*item.from);
    } else if (item.from) {
      plan_again_ = true;
    }
    let_go_of_extras(item.seen, end, [&](const auto& peer) { return allocator::lives(state_of(peer)); });
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

}  // namespace ipfsc::cluster
