#include "monitor/reachability.h"

#include <algorithm>

namespace ipfsc::monitor {

LinkTable::Known* LinkTable::known(const ipld::PeerId& to, SteadyTime now) {
  if (to == self_) return nullptr;
  auto it = links_.find(to);
  if (it == links_.end()) {
    if (links_.size() >= options_.max_links) return nullptr;
    it = links_.try_emplace(to).first;
  } else if (!fresh(it->second, now)) {
    it->second = {};
  }
  it->second.at = now;
  return &it->second;
}

void LinkTable::answered(const ipld::PeerId& to, Duration round_trip, SteadyTime now) {
  auto* link = known(to, now);
  if (!link) return;
  round_trip = std::max(round_trip, Duration{});
  link->round_trip = whole(*link) ? *link->round_trip + (round_trip - *link->round_trip) / 8 : round_trip;
  link->failures = 0;
}

void LinkTable::failed(const ipld::PeerId& to, SteadyTime now) {
  auto* link = known(to, now);
  if (link && link->failures < options_.failures_to_break) ++link->failures;
}

void LinkTable::retain(const std::set<ipld::PeerId>& members) {
  std::erase_if(links_, [&](const auto& item) { return !members.contains(item.first); });
}

LinkView LinkTable::view(SteadyTime now) const {
  LinkView view{.observer = self_, .links = {}};
  for (const auto& [to, known] : links_) {
    if (!fresh(known, now)) continue;
    view.links.push_back({.to = to, .reached = whole(known), .round_trip = known.round_trip.value_or(Duration{})});
  }
  return view;
}

std::vector<Duration> LinkTable::round_trips(SteadyTime now) const {
  std::vector<Duration> all;
  for (const auto& [to, known] : links_) {
    if (fresh(known, now) && whole(known)) all.push_back(*known.round_trip);
  }
  return all;
}

void Reachability::take(LinkView view, SteadyTime now) {
  if (!views_.contains(view.observer) && views_.size() >= options_.max_observers) return;
  if (view.links.size() > options_.max_links_per_view) view.links.resize(options_.max_links_per_view);
  auto observer = view.observer;
  views_.insert_or_assign(std::move(observer), Taken{std::move(view), now});
}

void Reachability::retain(const std::set<ipld::PeerId>& members) {
  std::erase_if(views_, [&](const auto& item) { return !members.contains(item.first); });
}

const Link* Reachability::link(const ipld::PeerId& from, const ipld::PeerId& to, SteadyTime now) const {
  auto taken = views_.find(from);
  if (taken == views_.end() || !fresh(taken->second, now)) return nullptr;
  const auto& links = taken->second.view.links;
  auto it = std::ranges::lower_bound(links, to, {}, &Link::to);
  return it == links.end() || it->to != to ? nullptr : &*it;
}

std::optional<bool> Reachability::reaches(const ipld::PeerId& from, const ipld::PeerId& to, SteadyTime now) const {
  const auto* found = link(from, to, now);
  return found ? std::optional(found->reached) : std::nullopt;
}

std::vector<Reachability::OneWay> Reachability::one_way(SteadyTime now) const {
  std::vector<OneWay> all;
  for (const auto& [from, taken] : views_) {
    if (!fresh(taken, now)) continue;
    for (const auto& there : taken.view.links) {
      const auto* back = link(there.to, from, now);
      if (there.reached && back && !back->reached) all.push_back({from, there.to});
    }
  }
  return all;
}

model::ConnectGraph Reachability::graph(const ipld::PeerId& self, const std::vector<GraphPeer>& peers,
                                        SteadyTime now) const {
  model::ConnectGraph graph;
  graph.cluster_id = self;
  for (const auto& peer : peers) {
    graph.id_to_peername[peer.id] = peer.peername;
    if (peer.id != self) graph.cluster_trust_links[peer.id] = peer.trusted;
    if (peer.ipfs_id.empty()) continue;
    graph.cluster_to_ipfs[peer.id] = peer.ipfs_id;
    graph.ipfs_links[peer.ipfs_id] = peer.ipfs_swarm;
  }
  auto shown = [&](const ipld::PeerId& id) { return graph.id_to_peername.contains(id); };
  for (const auto& [from, taken] : views_) {
    if (!fresh(taken, now) || !shown(from)) continue;
    auto& links = graph.cluster_links[from];
    for (const auto& there : taken.view.links) {
      if (!there.reached || !shown(there.to)) continue;
      links.push_back(there.to);
      graph.round_trips[from][there.to] = there.round_trip;
    }
  }
  for (const auto& [from, to] : one_way(now)) {
    if (shown(from) && shown(to)) graph.one_way_links[from].push_back(to);
  }
  return graph;
}

}  // namespace ipfsc::monitor
