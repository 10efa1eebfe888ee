#include "allocator/plan_steps.h"

#include <fmt/format.h>

#include <algorithm>

namespace ipfsc::allocator {
namespace {

using List = Copies::List;

Placement placement(const PlanContext& context, std::initializer_list<const List*> lists,
                    const Candidate* without = nullptr) {
  Placement out(context.policy);
  for (const auto* list : lists) {
    for (const auto* peer : *list) {
      if (peer != without) out.add(*peer);
    }
  }
  return out;
}

/// What a new copy must fit beside when `from` goes for it: all copies that are there to stay, or may be. Those of
/// `from` and of `going` do not count, but another one on their nodes would be none: it is there already, and will go.
Placement beside(const PlanContext& context, const Copies& copies, const Candidate* from) {
  auto out = placement(context, {&copies.lasting, &copies.pending, &copies.quitting, &copies.twins}, from);
  // Repair replaces what is down.
  for (const auto* peer : copies.down) {
    if (context.request.goal != Goal::kRepair && peer != from) out.add(*peer);
  }
  for (const auto* peer : copies.going) out.avoid_node_of(*peer);
  if (from != nullptr) out.avoid_node_of(*from);
  return out;
}

size_t count(int factor) { return static_cast<size_t>(factor); }
size_t minimum(const PlanPin& pin) { return count(pin.replication_factor_min); }
size_t maximum(const PlanPin& pin) { return count(pin.replication_factor_max); }

Move move_of(const PlanPin& pin, const Candidate* from, const Candidate* to, std::string reason) {
  Move out{.cid = pin.cid, .size_bytes = pin.size_bytes, .reason = std::move(reason)};
  if (from != nullptr) out.from = from->peer;
  if (to != nullptr) out.to = to->peer;
  return out;
}

std::string copies_text(size_t copies) {
  return copies == 1 ? "1 copy" : fmt::format("{} copies", copies == 0 ? "no" : std::to_string(copies));
}

/// The copy that a new one at `to` takes the place of: one that cannot stay beside it, else what is worth least.
const Candidate* replaced_by(const PlanContext& context, const Copies& copies, const Candidate& to) {
  if (!copies.twins.empty()) return copies.twins.front();
  Placement alone(context.policy);
  alone.add(to);
  for (const auto* peer : copies.down) {
    if (alone.clash(*peer)) return peer;
  }
  for (const auto* list : {&copies.gone, &copies.down}) {
    if (!list->empty()) return list->front();
  }
  return context.request.replace_unknown && !copies.unknown.empty() ? copies.unknown.front() : nullptr;
}

/// Whether the copies that stay are enough for the others to go at once.
bool minimum_stays(const PlanPin& pin, const Copies& copies) { return copies.lasting.size() >= minimum(pin); }

/// Two lasting copies that a hard rule forbids to be together: the one to move, and the clash.
struct Misplaced {
  const Candidate* peer = nullptr;
  std::string why;
};

Misplaced misplaced(const PlanContext& context, const Copies& copies, const Loads& loads) {
  const Candidate* worst = nullptr;
  for (const auto* peer : copies.lasting) {
    if (!placement(context, {&copies.lasting}, peer).clash(*peer)) continue;
    if (worst == nullptr || loads.above(peer->peer).value_or(0) > loads.above(worst->peer).value_or(0)) worst = peer;
  }
  if (worst == nullptr) return {};
  return {worst, placement(context, {&copies.lasting}, worst).clash(*worst)->text()};
}

Step put_right(const PlanContext& context, const PlanPin& pin, const Copies& copies, const Candidate& from,
               const std::string& why) {
  auto target = find_target(context, pin, beside(context, copies, &from), 1);
  if (target.peer != nullptr) return move_of(pin, &from, target.peer, why);
  return Blocked{pin.cid, fmt::format("{}; {}", why, target.why_none)};
}

}  // namespace

Step repair_step(const PlanContext& context, const PlanPin& pin, const Copies& copies) {
  auto min = minimum(pin), have = copies.future();
  if (have >= min) return Nothing{};
  if (!context.request.replace_unknown && have + copies.unknown.size() >= min) return Unknown{};
  auto readable = copies.readable();
  bool last_one = readable == 1 && min > 1;
  if (auto since = copies.below_since(min); since && !last_one) {
    auto due = *since + context.request.grace;
    if (due > context.request.now) return Waiting{due};
  }
  auto target = find_target(context, pin,
                            beside(context, copies, copies.twins.empty() ? nullptr : copies.twins.front()), min - have);
  auto state = fmt::format("{} of at least {}{}", copies_text(readable), min,
                           readable == 0 ? ": to be found outside of the cluster" : "");
  if (target.peer == nullptr) return Blocked{pin.cid, fmt::format("{}; {}", state, target.why_none)};
  return move_of(pin, replaced_by(context, copies, *target.peer), target.peer, state);
}

Step leave_step(const PlanContext& context, const PlanPin& pin, const Copies& copies) {
  if (copies.quitting.empty()) return Nothing{};
  const auto& from = *copies.quitting.front();
  auto leaves =
      fmt::format("{} {}", from.peer.to_string(), from.state == PeerState::kUp ? "leaves" : to_string(from.state));
  if (copies.places() >= maximum(pin) && minimum_stays(pin, copies)) {
    return move_of(pin, &from, nullptr, fmt::format("{}; {} stay", leaves, copies_text(copies.lasting.size())));
  }
  auto place = beside(context, copies, &from);
  auto preferred = context.request.goal == Goal::kReplace ? context.request.replacement : std::nullopt;
  auto target = find_target(context, pin, std::move(place), 1, preferred);
  if (target.peer != nullptr) {
    bool other = preferred && target.peer->peer != *preferred;
    return move_of(pin, &from, target.peer, leaves + (other ? "; its replacement cannot take it" : ""));
  }
  if (minimum_stays(pin, copies)) {
    return move_of(pin, &from, nullptr,
                   fmt::format("{}; {} stay; {}", leaves, copies_text(copies.lasting.size()), target.why_none));
  }
  return Blocked{pin.cid, fmt::format("{}; {} of at least {} would stay; {}", leaves,
                                      copies_text(copies.lasting.size()), minimum(pin), target.why_none)};
}

Step top_up_step(const PlanContext& context, const PlanPin& pin, const Copies& copies) {
  auto places = copies.places() + copies.quitting.size();
  if (places >= maximum(pin)) return Nothing{};
  auto target = find_target(context, pin, beside(context, copies, nullptr), maximum(pin) - places);
  auto state = fmt::format("{} of at most {}", copies_text(places), maximum(pin));
  if (target.peer == nullptr) return Blocked{pin.cid, fmt::format("{}; {}", state, target.why_none)};
  return move_of(pin, copies.gone.empty() ? nullptr : copies.gone.front(), target.peer, state);
}

Step rebalance_step(const PlanContext& context, const PlanPin& pin, const Copies& copies, const Loads& loads) {
  if (!copies.twins.empty()) {
    const auto& twin = *copies.twins.front();
    auto why = placement(context, {&copies.lasting, &copies.quitting}).clash(twin)->text();
    auto step = put_right(context, pin, copies, twin, why);
    if (std::holds_alternative<Blocked>(step) && minimum_stays(pin, copies)) return move_of(pin, &twin, nullptr, why);
    return step;
  }
  if (auto wrong = misplaced(context, copies, loads); wrong.peer != nullptr) {
    return put_right(context, pin, copies, *wrong.peer, wrong.why);
  }

  auto weight = loads.weight(pin);
  if (!weight) return Unweighed{};
  const Candidate *best_from = nullptr, *best_to = nullptr;
  double best_gap = 0;
  for (const auto* from : copies.lasting) {
    auto rest = beside(context, copies, from);
    for (const auto* to : able_peers(context, pin, rest)) {
      if (!loads.better(from->peer, to->peer, *weight) || rest.spreads_better(*from, *to)) continue;
      auto gap = *loads.above(from->peer) - *loads.above(to->peer);
      if (gap > best_gap) best_from = from, best_to = to, best_gap = gap;
    }
  }
  if (best_from == nullptr) return Nothing{};
  return move_of(pin, best_from, best_to, "evens out the loads");
}

Step next_step(const PlanContext& context, const Loads& loads, const PlanPin& pin, const Copies& copies) {
  switch (context.request.goal) {
    case Goal::kRepair:
      return repair_step(context, pin, copies);
    case Goal::kDrain:
    case Goal::kReplace:
      return leave_step(context, pin, copies);
    case Goal::kRebalance:
      return rebalance_step(context, pin, copies, loads);
    case Goal::kTopUp:
      return top_up_step(context, pin, copies);
  }
  return Nothing{};
}

Urgency urgency(const PlanContext& context, const Loads& loads, const PlanPin& pin, const Copies& copies) {
  auto signed_count = [](size_t n) { return static_cast<int64_t>(n); };
  if (context.request.goal != Goal::kRebalance) {
    // Nothing can be read of a pin without copies: others come first, they still have something to lose.
    return {.kind = copies.readable() == 0 ? 1 : 0,
            .copies = signed_count(copies.future()),
            .amount = signed_count(copies.future()) - signed_count(minimum(pin))};
  }
  Urgency out{.kind = 2};
  for (const auto* peer : copies.lasting) {
    if (loads.too_high(peer->peer)) out.kind = 1;
  }
  if (!copies.twins.empty() || misplaced(context, copies, loads).peer != nullptr) out.kind = 0;
  // Few moves: the largest first. Where each counts the same, the smallest, which cost least.
  constexpr uint64_t kUnknownSize = 1ULL << 62;
  auto size = signed_count(std::min(pin.size_bytes.value_or(kUnknownSize), kUnknownSize));
  out.amount = context.request.measure == Measure::kPins ? size : -size;
  return out;
}

}  // namespace ipfsc::allocator
