#include "sim/sim_admin.h"

#include <fmt/format.h>

#include <algorithm>

#include "cluster/members.h"
#include "cluster/mover.h"
#include "cluster/roles.h"

namespace ipfsc::sim {
namespace {

using namespace std::chrono_literals;
using Kind = Order::Kind;

/// A movement may have been proposed before its leader knew of the pause.
constexpr Duration kPauseTime = 10s;
constexpr uint64_t kPauseEntries = 32;
constexpr size_t kMaxWork = 1000;     // pins with movements: more than there are
constexpr size_t kTakers = 2;         // undrained peers: the largest minimum of the load's pins
constexpr Duration kOrderTime = 30s;  // then put_right() tries again
constexpr Kind kKinds[] = {Kind::kDrain,  Kind::kDrain,  Kind::kUndrain, Kind::kReplace, Kind::kRole, Kind::kRole,
                           Kind::kRemove, Kind::kRemove, Kind::kPause,   Kind::kResume,  Kind::kPlan};

bool about_drain(Kind kind) {
  return kind == Kind::kDrain || kind == Kind::kUndrain || kind == Kind::kReplace || kind == Kind::kRemove;
}
bool about_role(Kind kind) { return kind == Kind::kRole || kind == Kind::kRemove; }

/// The answer says that nothing was written.
bool certain(const Error& error) {
  return error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kFailedPrecondition ||
         error.kind == ErrorKind::kInvalidArgument;
}

}  // namespace

SimAdmin::SimAdmin(World& world, uint64_t seed, std::vector<std::string>& complaints)
    : world_(world), random_(seed), complaints_(complaints) {}

std::string SimAdmin::act(SimPeer& through, const Peers& peers) {
  const auto& peer = *peers[random_() % peers.size()];
  const auto& other = *peers[random_() % peers.size()];
  Order order{.kind = kKinds[random_() % std::size(kKinds)], .text = {}, .peer = peer.id(), .replacement = other.id()};
  order.dry_run = random_() % 4 == 0;
  switch (order.kind) {
    case Kind::kDrain:
      order.text = peer.name() + " is to be drained";
      break;
    case Kind::kUndrain:
      order.text = peer.name() + " is to take part again";
      break;
    case Kind::kReplace:
      order.text =
          fmt::format("{} is to be replaced by {}{}", peer.name(), other.name(), order.dry_run ? ", not really" : "");
      break;
    case Kind::kRole:
      order.role = static_cast<proto::PeerRole>(random_() % 4);
      order.text = fmt::format("{} is to have the role {}", peer.name(), cluster::role_name(order.role));
      break;
    case Kind::kRemove:
      order.force = random_() % 2 == 0;
      order.text = fmt::format("{} is to be removed{}", peer.name(), order.force ? " at once" : "");
      break;
    case Kind::kPause:
      order.text = "movements are to pause";
      break;
    case Kind::kResume:
      order.text = "movements are to go on";
      break;
    case Kind::kPlan:
      order.goal = random_() % 2 == 0 ? cluster::PlanGoal::kRebalance : cluster::PlanGoal::kTopUp;
      order.text = fmt::format("{}{}", order.goal == cluster::PlanGoal::kTopUp ? "top up" : "rebalance",
                               order.dry_run ? ", not really" : "");
      break;
  }
  return give(through, std::move(order));
}

std::string SimAdmin::put_right(SimPeer& through) {
  auto now = world_.runtime.now();
  auto open = [&](const Order& order) { return !order.ended && now - order.began < kOrderTime; };
  if (std::ranges::any_of(orders_, open)) return {};
  const auto& state = *through.state();
  if (cluster::movements_paused(state)) return give(through, {.kind = Kind::kResume, .text = "movements go on"});
  std::vector<state::Peer> drained;
  size_t takers = 0;
  for (const auto& peer : state.peers()) {
    if (!cluster::belongs(peer)) continue;
    if (peer.state == proto::PEER_STATE_DRAINING) {
      drained.push_back(peer);
    } else {
      ++takers;
    }
  }
  if (takers >= kTakers || drained.empty()) return {};
  return give(through,
              {.kind = Kind::kUndrain, .text = drained.front().name + " takes part again", .peer = drained.front().id});
}

std::string SimAdmin::give(SimPeer& through, Order order) {
  order.began = world_.runtime.now();
  auto text = fmt::format("{} (order {} through {})", order.text, orders_.size(), through.name());
  orders_.push_back(std::move(order));
  through.ask(carry_out(through, orders_.size() - 1));
  return text;
}

Task<> SimAdmin::carry_out(SimPeer& through, size_t number) {
  auto& order = orders_[number];
  auto& cluster = through.cluster();
  auto run = [&]() -> Task<> {
    switch (order.kind) {
      case Kind::kDrain:
      case Kind::kUndrain:
        co_return co_await cluster.drain_peer(order.peer, order.kind == Kind::kUndrain);
      case Kind::kReplace:
        CO_TRY(co_await cluster.replace_peer(order.peer, order.replacement, order.dry_run));
        break;
      case Kind::kRole:
        co_return co_await cluster.set_role(order.peer, order.role);
      case Kind::kRemove:
        co_return co_await cluster.remove_peer(order.peer, order.force, false);
      case Kind::kPause:
      case Kind::kResume:
        co_return co_await cluster.pause_movements(order.kind == Kind::kPause);
      case Kind::kPlan:
        CO_TRY(co_await cluster.plan_movements(order.goal, order.dry_run));
        break;
    }
    co_return Result<>{};
  };
  auto answer = co_await run();
  order.done = answer.has_value();
  order.unknown = !answer && !certain(answer.error());
  if (!order.unknown) order.ended = world_.runtime.now();
  co_return Result<>{};
}

bool SimAdmin::removes(const ipld::PeerId& peer) const {
  return std::ranges::any_of(orders_,
                             [&](const Order& order) { return order.kind == Kind::kRemove && order.peer == peer; });
}

void SimAdmin::forget(const ipld::PeerId& peer) {
  for (auto& order : orders_) {
    if (order.peer == peer) order.unknown = true, order.ended.reset();
  }
}

void SimAdmin::look(const Peers& peers) {
  for (const auto& peer : peers) {
    const auto* state = peer->ready() ? peer->state() : nullptr;
    if (state == nullptr || !cluster::movements_paused(*state)) {
      pauses_.erase(peer->name());
      continue;
    }
    auto now = world_.runtime.now();
    auto& pause = pauses_.try_emplace(peer->name(), Pause{now, state->applied_index(), {}}).first->second;
    // What is applied late was begun early.
    bool settled = now - pause.seen > kPauseTime && state->applied_index().value > pause.applied.value + kPauseEntries;
    if (!pause.moves && !settled) continue;
    auto work = state->work_after({}, kMaxWork);
    if (!work) continue;
    Moves moves;
    for (const auto& item : *work) {
      for (const auto& move : item.work.moves()) moves.emplace(item.cid, move.to(), move.started_ms());
    }
    if (pause.moves && !std::ranges::includes(*pause.moves, moves)) {
      complaints_.push_back("a movement began on " + peer->name() + " while movements were paused");
    }
    pause.moves = std::move(moves);
  }
}

void SimAdmin::check_end(const state::State& state) {
  for (const auto& peer : state.peers()) {
    if (!cluster::belongs(peer)) continue;
    check_last(state, peer, false);
    check_last(state, peer, true);
  }
}

void SimAdmin::check_last(const state::State&, const state::Peer& peer, bool role) {
  const Order* last = nullptr;
  for (const auto& order : orders_) {
    if (order.peer != peer.id || !(role ? about_role(order.kind) : about_drain(order.kind))) continue;
    if (order.kind == Kind::kReplace && order.dry_run) continue;
    if (order.ended && !order.done && order.kind != Kind::kRemove) continue;
    // Two at once, or one that may still be done: either may be the last.
    if (!order.ended || (last != nullptr && *last->ended > order.began)) return;
    last = &order;
  }
  if (last == nullptr || last->kind == Kind::kRemove) return;
  bool drained = peer.state == proto::PEER_STATE_DRAINING;
  bool so = role ? peer.role == last->role : drained == (last->kind != Kind::kUndrain);
  if (so) return;
  complaints_.push_back(fmt::format("it was acknowledged that {}, but it {}", last->text,
                                    role      ? fmt::format("has the role {}", cluster::role_name(peer.role))
                                    : drained ? "is drained"
                                              : "is not drained"));
}

}  // namespace ipfsc::sim
