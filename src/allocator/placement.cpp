#include "allocator/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "allocator/order.h"

namespace ipfsc::allocator {
namespace {

const std::string* tag(const Candidate& peer, const std::string& name) {
  auto at = peer.tags.find(name);
  return at == peer.tags.end() ? nullptr : &at->second;
}

bool has_room(const Candidate& peer, std::optional<uint64_t> size_bytes) {
  if (!peer.free_bytes) return true;
  if (peer.promised.bytes >= *peer.free_bytes) return false;
  return size_bytes.value_or(1) <= *peer.free_bytes - peer.promised.bytes;
}

bool allowed(const Candidate& peer, Trust trust) {
  return trust == Trust::kAny || peer.trusted == (trust == Trust::kTrustedOnly);
}

const SpreadRule* missing_tag(const Candidate& peer, const Policy& policy) {
  for (const auto& rule : policy.spread) {
    if (rule.hard && tag(peer, rule.tag) == nullptr) return &rule;
  }
  return nullptr;
}

bool one_node(const Candidate& a, const Candidate& b) {
  return a.peer == b.peer || (!a.ipfs_id.empty() && a.ipfs_id == b.ipfs_id);
}

/// Looks for `least` of `ordered` that fit together, trying the best placed first.
class Search {
 public:
  Search(Placement& placement, std::span<const Candidate* const> ordered, size_t least, size_t& steps)
      : placement_(placement), ordered_(ordered), least_(least), steps_(steps) {}

  /// On success the placement has them.
  bool run(size_t from = 0) {
    if (chosen.size() == least_) return true;
    for (size_t i = from; i < ordered_.size(); ++i) {
      if (steps_ == 0 || chosen.size() + most_that_fit(i) < least_) return false;
      --steps_;
      const auto& peer = *ordered_[i];
      if (placement_.clash(peer)) continue;
      placement_.add(peer);
      chosen.push_back(&peer);
      if (run(i + 1)) return true;
      chosen.pop_back();
      placement_.remove(peer);
    }
    return false;
  }

  std::vector<const Candidate*> chosen;

 private:
  /// An upper bound: no more than there are domains of any one rule, and no more than there are nodes.
  size_t most_that_fit(size_t from) const {
    std::vector<const Candidate*> fitting;
    std::set<std::string_view> nodes;
    for (const auto* peer : ordered_.subspan(from)) {
      if (placement_.clash(*peer)) continue;
      fitting.push_back(peer);
      nodes.insert(peer->ipfs_id.empty() ? peer->peer.bytes() : peer->ipfs_id);
    }
    size_t most = nodes.size();
    for (const auto& rule : placement_.policy().spread) {
      if (!rule.hard) continue;
      std::set<std::string_view> domains;
      for (const auto* peer : fitting) domains.insert(*tag(*peer, rule.tag));
      most = std::min(most, domains.size());
    }
    return most;
  }

  Placement& placement_;
  std::span<const Candidate* const> ordered_;
  size_t least_;
  size_t& steps_;
};

}  // namespace

Unfit unfit(const Candidate& peer, const Policy& policy, std::optional<uint64_t> size_bytes) {
  if (peer.state > PeerState::kSuspect) return Unfit::kState;
  if (missing_metric(peer, policy.allocate_by) != nullptr) return Unfit::kMetric;
  if (!allowed(peer, policy.trust)) return Unfit::kTrust;
  if (!has_room(peer, size_bytes)) return Unfit::kRoom;
  return missing_tag(peer, policy) != nullptr ? Unfit::kTag : Unfit::kFits;
}

std::string why_unfit(const Candidate& peer, const Policy& policy, std::optional<uint64_t> size_bytes) {
  switch (unfit(peer, policy, size_bytes)) {
    case Unfit::kFits:
      return {};
    case Unfit::kState:
      return fmt::format("it is {}", to_string(peer.state));
    case Unfit::kMetric:
      return fmt::format("no valid metric {}", *missing_metric(peer, policy.allocate_by));
    case Unfit::kTrust:
      return peer.trusted ? "it is trusted" : "it is not trusted";
    case Unfit::kRoom:
      return fmt::format("no room: {} bytes are free, {} of them promised{}", *peer.free_bytes, peer.promised.bytes,
                         size_bytes ? fmt::format(", {} are needed", *size_bytes) : "");
    case Unfit::kTag:
      return fmt::format("no tag {}", missing_tag(peer, policy)->tag);
  }
  return {};
}

std::string Clash::text() const {
  if (rule == nullptr) return fmt::format("the same IPFS node as {}", with->peer.to_string());
  return fmt::format("{}={} has a copy already, at {}", rule->tag, *tag(*with, rule->tag), with->peer.to_string());
}

void Placement::remove(const Candidate& peer) { std::erase(peers_, &peer); }

bool Placement::contains(const Candidate& peer) const {
  return std::ranges::any_of(peers_, [&](const auto* other) { return other->peer == peer.peer; });
}

bool Placement::on_node_of(const Candidate& peer) const {
  return std::ranges::any_of(peers_, [&](const auto* other) { return one_node(*other, peer); });
}

std::optional<Clash> Placement::clash(const Candidate& peer) const {
  for (const auto* list : {&peers_, &avoided_}) {
    for (const auto* other : *list) {
      if (one_node(*other, peer)) return Clash{other};
    }
  }
  for (const auto* other : peers_) {
    for (const auto& rule : policy_->spread) {
      if (!rule.hard) continue;
      const auto *mine = tag(peer, rule.tag), *theirs = tag(*other, rule.tag);
      if (mine != nullptr && theirs != nullptr && *mine == *theirs) return Clash{other, &rule};
    }
  }
  return {};
}

bool Placement::spreads_better(const Candidate& a, const Candidate& b) const {
  for (const auto& rule : policy_->spread) {
    if (rule.hard) continue;
    // Peers without the tag are a domain of their own, so that they are not preferred.
    auto copies_beside = [&](const Candidate& peer) {
      const auto* mine = tag(peer, rule.tag);
      return std::ranges::count_if(peers_, [&](const auto* other) {
        const auto* theirs = tag(*other, rule.tag);
        return mine == nullptr || theirs == nullptr ? mine == theirs : *mine == *theirs;
      });
    };
    auto beside_a = copies_beside(a), beside_b = copies_beside(b);
    if (beside_a != beside_b) return beside_a < beside_b;
  }
  return false;
}

std::vector<const Candidate*> choose(Placement& placement, std::span<const Candidate* const> ordered, size_t least,
                                     size_t most) {
  std::vector<const Candidate*> chosen;
  auto take_best = [&] {
    while (chosen.size() < most) {
      const Candidate* best = nullptr;
      for (const auto* peer : ordered) {
        if (best != nullptr && !placement.spreads_better(*peer, *best)) continue;
        if (!placement.clash(*peer)) best = peer;
      }
      if (best == nullptr) break;
      placement.add(*best);
      chosen.push_back(best);
    }
  };
  take_best();
  if (chosen.size() < least && ordered.size() >= least) {
    auto greedy = chosen;
    for (const auto* peer : greedy) placement.remove(*peer);
    // The most that can be had: each size from `least` down.
    auto steps = placement.policy().max_search_steps;
    for (auto size = least; size > greedy.size(); --size) {
      Search search(placement, ordered, size, steps);
      if (!search.run()) continue;
      chosen = std::move(search.chosen);
      take_best();
      return chosen;
    }
    for (const auto* peer : greedy) placement.add(*peer);
  }
  return chosen;
}

std::string missing_domains(const Placement& placement, std::span<const Candidate* const> candidates, size_t copies) {
  std::string out;
  bool any_hard = false;
  for (const auto& rule : placement.policy().spread) {
    if (!rule.hard) continue;
    any_hard = true;
    std::set<std::string_view> taken, open;
    for (const auto* peer : placement.peers()) {
      if (const auto* value = tag(*peer, rule.tag)) taken.insert(*value);
    }
    for (const auto* peer : candidates) {
      const auto* value = tag(*peer, rule.tag);
      if (value != nullptr && !taken.contains(*value)) open.insert(*value);
    }
    auto have = placement.size() + open.size();
    if (have >= copies) continue;
    out += fmt::format(" {}: {} of the {} domains that are needed are missing.", rule.tag, copies - have, copies);
  }
  if (any_hard && out.empty() && candidates.size() + placement.size() >= copies) {
    out = " The hard rules for spreading cannot all be kept.";
  }
  return out;
}

}  // namespace ipfsc::allocator
