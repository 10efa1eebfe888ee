// What must hold for any cluster: checked on many made of seeds.
#include <gtest/gtest.h>

#include <set>

#include "allocator/allocate.h"
#include "allocator/placement.h"
#include "allocator/test_support.h"

namespace ipfsc::allocator {
namespace {

struct Situation {
  std::vector<Candidate> candidates;
  Policy policy;
  int min = 1, max = 1;
  std::vector<ipld::PeerId> current, requested;
  std::optional<uint64_t> size_bytes;
  uint64_t seed = 0;

  Result<Allocation> run(std::vector<Verdict>* verdicts = nullptr) const {
    Peers peers(candidates);
    return allocate({.replication_factor_min = min,
                     .replication_factor_max = max,
                     .current = current,
                     .requested = requested,
                     .peers = peers,
                     .policy = policy,
                     .size_bytes = size_bytes,
                     .seed = seed},
                    verdicts);
  }
  const Candidate* find(const ipld::PeerId& id) const {
    auto at = std::ranges::find(candidates, id, &Candidate::peer);
    return at == candidates.end() ? nullptr : &*at;
  }
  bool holds(const ipld::PeerId& id) const { return contains(current, id); }
  bool living(const ipld::PeerId& id) const { return find(id) != nullptr && lives(find(id)->state); }
};

Situation situation(Random& random) {
  Situation out{.candidates = some_cluster(random), .policy = some_policy(random), .seed = random()};
  out.min = 1 + static_cast<int>(below(random, 4));
  out.max = out.min + static_cast<int>(below(random, 3));
  for (const auto& c : out.candidates) {
    if (one_in(random, 4)) out.current.push_back(c.peer);
    if (one_in(random, 20)) out.requested.push_back(c.peer);
  }
  if (one_in(random, 6)) out.current.push_back(peer('z'));
  if (one_in(random, 3)) out.size_bytes = below(random, 300);
  std::ranges::shuffle(out.current, random);
  return out;
}

std::string node(const Candidate& c) { return c.ipfs_id.empty() ? std::string(c.peer.bytes()) : "id" + c.ipfs_id; }

/// The size of the largest set of fresh peers that are allowed beside `fixed`, by trying all sets.
size_t most_beside(const std::vector<const Candidate*>& fixed, const std::vector<const Candidate*>& fresh,
                   const Policy& policy, size_t from = 0) {
  size_t most = 0;
  for (size_t i = from; i < fresh.size(); ++i) {
    bool allowed = std::ranges::none_of(fixed, [&](const auto* other) {
      if (node(*other) == node(*fresh[i])) return true;
      return std::ranges::any_of(policy.spread, [&](const auto& rule) {
        auto theirs = other->tags.find(rule.tag);
        return rule.hard && theirs != other->tags.end() && theirs->second == fresh[i]->tags.at(rule.tag);
      });
    });
    if (!allowed) continue;
    auto more = fixed;
    more.push_back(fresh[i]);
    most = std::max(most, 1 + most_beside(more, fresh, policy, i + 1));
  }
  return most;
}

void check_copies(const Situation& s, const Allocation& result) {
  EXPECT_GE(result.peers.size(), static_cast<size_t>(s.min));
  EXPECT_LE(result.peers.size(), static_cast<size_t>(s.max));
  EXPECT_TRUE(std::ranges::is_sorted(result.peers));
  std::set<std::string> nodes;
  for (const auto& id : result.peers) {
    const auto* c = s.find(id);
    EXPECT_TRUE(nodes.insert(c != nullptr ? node(*c) : std::string(id.bytes())).second) << "two copies on one node";
    EXPECT_TRUE(c == nullptr || c->state != PeerState::kRemoved);
  }
}

void check_new_copies(const Situation& s, const Allocation& result) {
  for (const auto& id : result.added) {
    const auto* c = s.find(id);
    ASSERT_NE(c, nullptr);
    EXPECT_TRUE(fit(*c, s.policy, s.size_bytes));
    for (const auto& rule : s.policy.spread) {
      if (!rule.hard) continue;
      for (const auto& other_id : result.peers) {
        const auto* other = s.find(other_id);
        if (other == nullptr || other == c || !other->tags.contains(rule.tag)) continue;
        EXPECT_NE(c->tags.at(rule.tag), other->tags.at(rule.tag)) << "against a hard rule";
      }
    }
  }
}

void check_holders(const Situation& s, const Allocation& result) {
  auto kept = [&](const ipld::PeerId& id) { return contains(result.peers, id); };
  size_t kept_down = 0;
  for (const auto& id : result.peers) {
    if (s.holds(id) && !s.living(id)) ++kept_down;
  }
  for (const auto& id : result.dropped) {
    if (!s.living(id)) continue;
    bool twin = std::ranges::any_of(result.peers, [&](const auto& other) {
      return s.find(other) != nullptr && node(*s.find(other)) == node(*s.find(id));
    });
    EXPECT_TRUE(twin || result.peers.size() == static_cast<size_t>(s.max)) << "a living copy was dropped";
    EXPECT_TRUE(twin || kept_down == 0) << "a living copy was dropped before one that is down";
    if (twin) continue;
    for (const auto& added : result.added) EXPECT_TRUE(contains(s.requested, added)) << "needless move";
  }
  for (const auto& id : s.requested) {
    EXPECT_TRUE(kept(id) || s.holds(id) || result.peers.size() == static_cast<size_t>(s.max)) << "request forgotten";
  }
}

/// Where no peer is requested: the copies that can be had by trying everything are had.
void check_minimum(const Situation& s, const Result<Allocation>& result) {
  std::vector<const Candidate*> fresh;
  Placement holders(s.policy);
  for (const auto& id : s.current) {
    if (!s.living(id)) continue;
    if (holders.on_node_of(*s.find(id))) return;  // which of the two stays decides what fits beside it
    holders.add(*s.find(id));
  }
  for (const auto& c : s.candidates) {
    if (!s.holds(c.peer) && fit(c, s.policy, s.size_bytes)) fresh.push_back(&c);
  }
  size_t most = holders.size() + most_beside(holders.peers(), fresh, s.policy);
  if (result) {
    size_t got = 0;
    for (const auto& id : result->peers) got += s.living(id) ? 1 : 0;
    EXPECT_GE(got, std::min(most, static_cast<size_t>(s.min))) << "living copies missing";
  } else {
    EXPECT_LT(most, static_cast<size_t>(s.min)) << result.error().message;
  }
}

TEST(AllocateProperties, HoldForAnyCluster) {
  size_t allocated = 0, refused = 0;
  for (uint64_t seed = 0; seed < 8000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto s = situation(random);
    std::vector<Verdict> verdicts;
    auto result = s.run(&verdicts);
    std::set<ipld::PeerId> said;
    for (const auto& v : verdicts) EXPECT_TRUE(said.insert(v.peer).second) << "two verdicts about one peer";
    if (s.requested.empty()) check_minimum(s, result);
    if (result) {
      ++allocated;
      check_copies(s, *result);
      check_new_copies(s, *result);
      check_holders(s, *result);
      for (const auto& v : verdicts) {
        EXPECT_EQ(v.chosen, contains(result->peers, v.peer));
        EXPECT_FALSE(v.reason.empty());
      }
      for (const auto& c : s.candidates) {
        EXPECT_TRUE(said.contains(c.peer) || (c.state == PeerState::kRemoved && !s.holds(c.peer)));
      }
    } else {
      ++refused;
    }

    auto other = s;
    std::ranges::shuffle(other.candidates, random);
    std::ranges::shuffle(other.current, random);
    std::ranges::shuffle(other.requested, random);
    auto again = other.run();
    ASSERT_EQ(again.has_value(), result.has_value());
    if (result) {
      EXPECT_EQ(again->peers, result->peers) << "the order of the input matters";
      EXPECT_EQ(again->added, result->added);
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(allocated, 2000U);
  EXPECT_GT(refused, 2000U);
}

TEST(AllocateProperties, AllocatingAgainChangesNothing) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto s = situation(random);
    s.requested.clear();
    auto first = s.run();
    if (!first) continue;
    s.current = first->peers;
    auto second = s.run();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->peers, first->peers);
  }
}

}  // namespace
}  // namespace ipfsc::allocator
