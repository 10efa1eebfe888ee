#include "allocator/copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "allocator/order.h"

namespace ipfsc::allocator {
namespace {

bool contains(const std::vector<ipld::PeerId>& peers, const ipld::PeerId& peer) {
  return std::ranges::find(peers, peer) != peers.end();
}

bool names(const PlanPin& pin, const Candidate& peer) {
  return contains(pin.allocations, peer.peer) || contains(pin.arriving, peer.peer);
}

/// "no other peer can take it: 1 down, 2 without room"
class Tally {
 public:
  void count(std::string_view why) { ++counts_[std::string(why)]; }
  std::string text() const {
    if (counts_.empty()) return "there is no other peer";
    std::string out = "no other peer can take it: ";
    for (const auto& [why, count] : counts_) {
      out += fmt::format("{}{} {}", out.ends_with(": ") ? "" : ", ", count, why);
    }
    return out;
  }

 private:
  std::map<std::string, size_t> counts_;
};

std::string_view in_a_word(Unfit why, PeerState state) {
  switch (why) {
    case Unfit::kFits:
      return "that fit";
    case Unfit::kState:
      return to_string(state);
    case Unfit::kMetric:
      return "without a valid metric";
    case Unfit::kTrust:
      return "excluded by trust";
    case Unfit::kRoom:
      return "without room";
    case Unfit::kTag:
      return "without a tag";
  }
  return "";
}

}  // namespace

PlanContext::PlanContext(Peers all, Policy rules, PlanRequest what)
    : peers(std::move(all)), policy(std::move(rules)), request(std::move(what)) {
  for (const auto& peer : peers.all()) {
    if (peer.state == PeerState::kDraining) leaving.insert(peer.peer);
  }
  if (goal_is_to_leave()) {
    leaving.insert(request.leaving.begin(), request.leaving.end());
  }
}

Copies::Copies(const PlanContext& context, const PlanPin& pin) {
  auto named = pin.allocations;
  named.insert(named.end(), pin.arriving.begin(), pin.arriving.end());
  std::ranges::sort(named);
  named.erase(std::ranges::unique(named).begin(), named.end());
  List members;
  for (const auto& id : named) {
    if (const auto* peer = context.peers.find(id)) {
      members.push_back(peer);
    } else if (!contains(pin.leaving, id)) {
      const auto& stranger = strangers_.emplace_back(Candidate{.peer = id, .state = PeerState::kDown});
      (context.leaving.contains(id) ? quitting : unknown).push_back(&stranger);
    }
  }
  // Of two on one node the one that is worse off is the twin.
  std::ranges::sort(members, {}, [&](const auto* peer) {
    return std::tuple(context.leaving.contains(peer->peer), peer->state, peer->peer);
  });
  Placement nodes(context.policy);
  for (const auto* peer : members) sort_in(context, pin, *peer, nodes);
  going_readable_ =
      static_cast<size_t>(std::ranges::count_if(going, [&](const auto* peer) { return !nodes.on_node_of(*peer); }));
  for (auto* list : {&lasting, &pending, &quitting, &going, &twins, &gone}) {
    std::ranges::sort(*list, {}, &Candidate::peer);
  }
  std::ranges::sort(down, {}, [](const auto* peer) { return std::pair(peer->since, peer->peer); });
}

void Copies::sort_in(const PlanContext& context, const PlanPin& pin, const Candidate& peer, Placement& nodes) {
  bool readable = lives(peer.state) && !contains(pin.arriving, peer.peer);
  bool leaves = context.leaving.contains(peer.peer), twin = nodes.on_node_of(peer);
  if (contains(pin.leaving, peer.peer)) {
    if (readable) going.push_back(&peer);
  } else if (leaves && context.goal_is_to_leave()) {
    quitting.push_back(&peer);
    if (readable && !twin) ++quitting_readable_;
  } else if (peer.state == PeerState::kRemoved) {
    gone.push_back(&peer);
  } else if (readable && twin) {
    twins.push_back(&peer);
  } else if (readable && leaves) {
    quitting.push_back(&peer);
    ++quitting_readable_;
  } else if (readable) {
    lasting.push_back(&peer);
  } else if (lives(peer.state) && !leaves) {
    pending.push_back(&peer);
  } else {
    down.push_back(&peer);  // or on its way to a peer that leaves
  }
  if (readable && !twin && !contains(pin.leaving, peer.peer)) nodes.add(peer);
}

std::optional<WallTime> Copies::below_since(size_t min) const {
  auto copies = readable() + down.size();
  // It fell below with the one that went down when there were `min` readable ones; fewer copies never were enough.
  if (copies < min || copies - min >= down.size()) return {};
  return down[copies - min]->since;
}

std::string why_no_target(const PlanContext& context, const PlanPin& pin, const Placement& placement) {
  Tally tally;
  for (const auto& peer : context.peers.all()) {
    if (peer.state == PeerState::kRemoved) continue;
    auto why = unfit(peer, context.policy, pin.size_bytes);
    if (names(pin, peer)) {
      tally.count("named for it already");
    } else if (context.leaving.contains(peer.peer)) {
      tally.count("leaving");
    } else if (why != Unfit::kFits || peer.state != PeerState::kUp) {
      tally.count(why == Unfit::kFits ? to_string(peer.state) : in_a_word(why, peer.state));
    } else if (auto clash = placement.clash(peer)) {
      tally.count(clash->rule == nullptr ? "on the node of another copy"
                                         : fmt::format("in the {} of another copy", clash->rule->tag));
    } else {
      tally.count("that would be no better");
    }
  }
  return tally.text();
}

std::vector<const Candidate*> able_peers(const PlanContext& context, const PlanPin& pin, const Placement& placement) {
  std::vector<const Candidate*> able;
  for (const auto& peer : context.peers.all()) {
    if (peer.state != PeerState::kUp || context.leaving.contains(peer.peer) || names(pin, peer)) continue;
    if (fit(peer, context.policy, pin.size_bytes) && !placement.clash(peer)) able.push_back(&peer);
  }
  return able;
}

Target find_target(const PlanContext& context, const PlanPin& pin, Placement placement, size_t wanted,
                   const std::optional<ipld::PeerId>& preferred) {
  auto able = able_peers(context, pin, placement);
  if (able.empty()) return {.why_none = why_no_target(context, pin, placement)};
  for (const auto* peer : able) {
    if (preferred && peer->peer == *preferred) return {.peer = peer};
  }
  auto ordered = order_peers(std::move(able), context.policy.allocate_by, seed_of(pin.cid));
  return {.peer = choose(placement, ordered, wanted, wanted).front()};
}

}  // namespace ipfsc::allocator
