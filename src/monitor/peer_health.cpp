#include "monitor/peer_health.h"

#include <algorithm>

namespace ipfsc::monitor {

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::kUp:
      return "up";
    case Standing::kSuspect:
      return "suspect";
    case Standing::kUnheard:
      break;
  }
  return "unheard";
}

PeerHealth::PeerHealth(ipld::PeerId self, PeerHealthOptions options)
    : self_(std::move(self)), options_(options), detector_(options.detector) {}

void PeerHealth::watch(const std::set<ipld::PeerId>& members, SteadyTime now) {
  std::erase_if(watched_, [&](const auto& item) {
    if (members.contains(item.first)) return false;
    detector_.forget(item.first);
    return true;
  });
  for (const auto& peer : members) {
    if (peer == self_ || watched_.contains(peer) || watched_.size() >= options_.max_peers) continue;
    watched_.emplace(peer, Watched{.since = now, .heard = now});
    detector_.watch(peer, now);
  }
}

void PeerHealth::heartbeat(const ipld::PeerId& peer, SteadyTime now, Duration interval) {
  auto it = watched_.find(peer);
  if (it == watched_.end()) return;
  detector_.heartbeat(peer, now, interval);
  it->second.heard = now;
  set(it->second, Standing::kUp, now);
}

bool PeerHealth::tick(SteadyTime now) {
  if (detector_.tick(now)) {
    for (auto& [peer, watched] : watched_) {
      set(watched, Standing::kUnheard, now);
      watched.heard = now;
    }
    return true;
  }
  for (auto& [peer, watched] : watched_) {
    if (detector_.suspected(peer, now)) set(watched, Standing::kSuspect, now);
  }
  return false;
}

void PeerHealth::set(Watched& watched, Standing standing, SteadyTime now) {
  if (watched.standing == standing) return;
  watched.standing = standing;
  watched.since = now;
}

PeerStanding PeerHealth::standing_of(const ipld::PeerId& peer, const Watched& watched, SteadyTime now) const {
  return {.peer = peer,
          .standing = watched.standing,
          .phi = detector_.phi(peer, now),
          .since = now - watched.since,
          .silence = now - watched.heard};
}

std::optional<PeerStanding> PeerHealth::standing(const ipld::PeerId& peer, SteadyTime now) const {
  auto it = watched_.find(peer);
  if (it == watched_.end()) return std::nullopt;
  return standing_of(peer, it->second, now);
}

std::vector<PeerStanding> PeerHealth::standings(SteadyTime now) const {
  std::vector<PeerStanding> all;
  all.reserve(watched_.size());
  for (const auto& [peer, watched] : watched_) all.push_back(standing_of(peer, watched, now));
  return all;
}

HealthView PeerHealth::view(SteadyTime now) const {
  HealthView view{.observer = self_, .doubts = {}};
  for (const auto& [peer, watched] : watched_) {
    if (watched.standing != Standing::kUp) view.doubts.push_back(standing_of(peer, watched, now));
  }
  return view;
}

}  // namespace ipfsc::monitor
