#include "allocator/order.h"

#include <gtest/gtest.h>

#include <limits>

#include "allocator/test_support.h"

namespace ipfsc::allocator {
namespace {

std::string ordered(const std::vector<Candidate>& candidates, std::vector<std::string> allocate_by, uint64_t seed = 0) {
  std::vector<const Candidate*> peers;
  for (const auto& c : candidates) peers.push_back(&c);
  std::string out;
  for (const auto* p : order_peers(std::move(peers), allocate_by, seed)) out.push_back(letter(p->peer));
  return out;
}

Candidate in_group(char name, std::string region, int64_t free) {
  auto out = with_free(name, free);
  out.metrics["tag:region"] = group(std::move(region));
  return out;
}

TEST(OrderPeers, MostFreeSpaceFirst) {
  EXPECT_EQ(ordered({with_free('a', 1), with_free('b', 3), with_free('c', 2)}, {"freespace"}), "bca");
}

TEST(OrderPeers, RegionsTakeTurnsTheOneWithMostFreeSpaceInAllFirst) {
  // eu has 9 in all, us 8: b, then the best of us, then eu again until it is used up.
  EXPECT_EQ(ordered({in_group('a', "eu", 4), in_group('b', "eu", 5), in_group('c', "us", 7), in_group('d', "us", 1),
                     in_group('e', "us", 0)},
                    {"tag:region", "freespace"}),
            "bcade");
}

TEST(OrderPeers, RegionsOfTheSameWeightGoByName) {
  EXPECT_EQ(ordered({in_group('a', "us", 4), in_group('b', "eu", 4)}, {"tag:region", "freespace"}), "ba");
}

TEST(OrderPeers, PartsInsidePartsTakeTurnsToo) {
  auto at = [](char name, std::string region, std::string zone, int64_t free) {
    auto out = in_group(name, std::move(region), free);
    out.metrics["tag:zone"] = group(std::move(zone));
    return out;
  };
  // eu: zones 1 (a 9, b 8) and 2 (c 1); us: zone 1 (d 5).
  EXPECT_EQ(ordered({at('a', "eu", "1", 9), at('b', "eu", "1", 8), at('c', "eu", "2", 1), at('d', "us", "1", 5)},
                    {"tag:region", "tag:zone", "freespace"}),
            "adcb");
}

TEST(OrderPeers, AWeightIsWorthMoreThanWhatIsInside) {
  auto at = [](char name, int64_t queue, int64_t free) {
    auto out = with_free(name, free);
    out.metrics["pinqueue"] = weight(queue);
    return out;
  };
  EXPECT_EQ(ordered({at('a', -2, 9), at('b', -1, 1), at('c', -2, 3)}, {"pinqueue", "freespace"}), "bac");
}

TEST(OrderPeers, AGroupMetricAsTheLastLeavesTheOrderInsideToTheSeed) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    auto order =
        ordered({in_group('a', "eu", 1), in_group('b', "eu", 2), in_group('c', "us", 1)}, {"tag:region"}, seed);
    EXPECT_TRUE(order.substr(1, 1) == "c") << order;  // eu, us, eu
    seen.insert(order);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"acb", "bca"}));
}

TEST(OrderPeers, EqualPeersShareTheSeeds) {
  std::map<char, int> first;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    ++first[ordered({with_free('a', 1), with_free('b', 1), with_free('c', 1)}, {"freespace"}, seed)[0]];
  }
  for (auto [name, count] : first) EXPECT_NEAR(count, 1000, 120) << name;
}

TEST(OrderPeers, PromisesAreSubtracted) {
  auto a = with_free('a', 10), b = with_free('b', 8);
  a.promised.bytes = 3;
  EXPECT_EQ(ordered({a, b}, {"freespace"}), "ba");
  a.promised = {.guessed_bytes = 1};
  EXPECT_EQ(ordered({a, b}, {"freespace"}), "ab");
  a.metrics["numpin"] = b.metrics["numpin"] = weight(-5);
  a.promised = {.pins = 1};
  EXPECT_EQ(ordered({a, b}, {"numpin"}), "ba");
}

TEST(OrderPeers, ExtremeWeightsSaturate) {
  auto most = std::numeric_limits<int64_t>::max(), least = std::numeric_limits<int64_t>::min();
  auto a = in_group('a', "eu", 0), b = in_group('b', "eu", 0), c = in_group('c', "us", 0);
  a.metrics["freespace"] = b.metrics["freespace"] = weight(most);
  c.metrics["freespace"] = weight(least);
  c.promised.bytes = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(ordered({a, b, c}, {"tag:region", "freespace"}).substr(1, 1), "c");
}

TEST(OrderPeers, TheInputsOrderIsNoMatter) {
  Random random(1);
  for (int i = 0; i < 500; ++i) {
    auto cluster = some_cluster(random, true);
    auto seed = random();
    auto first = ordered(cluster, {"tag:group", "freespace"}, seed);
    std::ranges::shuffle(cluster, random);
    EXPECT_EQ(ordered(cluster, {"tag:group", "freespace"}, seed), first);
  }
}

}  // namespace
}  // namespace ipfsc::allocator
