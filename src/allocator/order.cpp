#include "allocator/order.h"

#include <algorithm>
#include <limits>

namespace ipfsc::allocator {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return a < 0 ? std::numeric_limits<int64_t>::min() : kMost;
  return sum;
}

int64_t saturating_subtract(int64_t a, uint64_t b) {
  return saturating_add(a, -static_cast<int64_t>(std::min<uint64_t>(b, kMost)));
}

/// What the metric will say when all that was promised has arrived.
int64_t effective_weight(const Candidate& peer, const std::string& name, const Metric& metric) {
  if (name == "freespace" || name == "reposize") {
    return saturating_subtract(saturating_subtract(metric.weight, peer.promised.bytes), peer.promised.guessed_bytes);
  }
  if (name == "numpin") return saturating_subtract(metric.weight, peer.promised.pins);
  return metric.weight;
}

/// Rendezvous hashing: for each seed another peer is first, and a peer that leaves changes only its own places.
uint64_t rank_among_equals(const Candidate& peer, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325 ^ seed;
  for (unsigned char byte : peer.peer.bytes()) hash = (hash ^ byte) * 0x100000001b3;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;  // the finalizer of splitmix64
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return hash ^ (hash >> 31);
}

struct Item {
  const Candidate* peer;
  uint64_t rank;
};

struct Part {
  int64_t weight = 0;
  int64_t weight_with_inner = 0;
  std::string_view value;
  bool single = false;
  std::vector<Item> items;
};

class Divider {
 public:
  explicit Divider(std::span<const std::string> allocate_by) : levels_(allocate_by) {}

  /// Brings `items` into their order; returns the sum of the weights from this level on.
  int64_t order(std::vector<Item>& items, size_t level) const {
    if (level == levels_.size()) {
      std::ranges::sort(items, before);
      return 0;
    }
    if (items.size() == 1) return weight_from(*items.front().peer, level);
    auto parts = divide(items, level);
    int64_t total = 0;
    for (auto& part : parts) {
      part.weight_with_inner = saturating_add(part.weight, order(part.items, level + 1));
      total = saturating_add(total, part.weight_with_inner);
    }
    std::ranges::sort(parts, [](const Part& a, const Part& b) {
      if (a.weight != b.weight) return a.weight > b.weight;
      if (a.weight_with_inner != b.weight_with_inner) return a.weight_with_inner > b.weight_with_inner;
      if (a.value != b.value) return a.value < b.value;
      return before(a.items.front(), b.items.front());
    });
    take_in_turn(parts, items);
    return total;
  }

 private:
  static bool before(const Item& a, const Item& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.peer->peer < b.peer->peer;
  }

  /// Of a peer that is alone in its part: nothing is left to order.
  int64_t weight_from(const Candidate& peer, size_t level) const {
    int64_t inner = level + 1 < levels_.size() ? weight_from(peer, level + 1) : 0;
    return saturating_add(effective_weight(peer, levels_[level], peer.metrics.at(levels_[level])), inner);
  }

  std::vector<Part> divide(const std::vector<Item>& items, size_t level) const {
    const auto& name = levels_[level];
    std::vector<Part> parts;
    parts.reserve(items.size());
    for (const auto& item : items) {
      const auto& metric = item.peer->metrics.at(name);
      auto part = parts.end();
      if (metric.partitionable) {
        part = std::ranges::find_if(parts, [&](const Part& p) { return !p.single && p.value == metric.value; });
      }
      if (part == parts.end()) {
        part = parts.insert(parts.end(), {.value = metric.value, .single = !metric.partitionable});
      }
      part->weight = saturating_add(part->weight, effective_weight(*item.peer, name, metric));
      part->items.push_back(item);
    }
    return parts;
  }

  static void take_in_turn(const std::vector<Part>& parts, std::vector<Item>& out) {
    auto count = out.size();
    out.clear();
    for (size_t turn = 0; out.size() < count; ++turn) {
      for (const auto& part : parts) {
        if (turn < part.items.size()) out.push_back(part.items[turn]);
      }
    }
  }

  std::span<const std::string> levels_;
};

}  // namespace

const std::string* missing_metric(const Candidate& peer, std::span<const std::string> allocate_by) {
  for (const auto& name : allocate_by) {
    if (!peer.metrics.contains(name)) return &name;
  }
  return nullptr;
}

std::vector<const Candidate*> order_peers(std::vector<const Candidate*> peers, std::span<const std::string> allocate_by,
                                          uint64_t seed) {
  std::vector<Item> items;
  items.reserve(peers.size());
  for (const auto* peer : peers) items.push_back({peer, rank_among_equals(*peer, seed)});
  // Saturated sums depend on the order of their terms: bring it into one that is independent of the caller's.
  auto id = [](const Item& item) -> const ipld::PeerId& { return item.peer->peer; };
  if (!std::ranges::is_sorted(items, {}, id)) std::ranges::sort(items, {}, id);
  Divider(allocate_by).order(items, 0);
  for (size_t i = 0; i < items.size(); ++i) peers[i] = items[i].peer;
  return peers;
}

}  // namespace ipfsc::allocator
