#include "allocator/allocate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "ipld/multihash.h"

namespace ipfsc::allocator {
namespace {

ipld::PeerId peer(char name) {
  // An identity multihash of a protobuf key, as Ed25519 ids are.
  Bytes key("\x08\x01\x12\x20", 4);
  key.append(32, name);
  return ipld::PeerId::from_public_key_protobuf(key);
}

std::vector<ipld::PeerId> peers(std::string_view names) {
  std::vector<ipld::PeerId> out;
  for (char c : names) out.push_back(peer(c));
  return out;
}

std::vector<ipld::PeerId> sorted(std::vector<ipld::PeerId> list) {
  std::ranges::sort(list);
  return list;
}

AllocationRequest request(int min, int max, std::string_view current, std::string_view requested,
                          std::string_view candidates) {
  return {.replication_factor_min = min,
          .replication_factor_max = max,
          .current = peers(current),
          .requested = peers(requested),
          .candidates = peers(candidates)};
}

TEST(Allocate, EverywhereNamesNobody) { EXPECT_TRUE(allocate(request(-1, -1, "a", "", "ab")).value().peers.empty()); }

TEST(Allocate, TakesTheBestUpToTheMaximum) {
  EXPECT_EQ(allocate(request(1, 2, "", "", "cab")).value().peers, sorted(peers("ca")));
}

TEST(Allocate, KeepsHoldersAndTopsUp) {
  EXPECT_EQ(allocate(request(1, 2, "x", "", "ab")).value().peers, sorted(peers("xa")));
  EXPECT_EQ(allocate(request(1, 3, "a", "", "cba")).value().peers, sorted(peers("acb")));
}

TEST(Allocate, DropsUnreachableHoldersFirstThenTheWorstPlaced) {
  EXPECT_EQ(allocate(request(1, 2, "xba", "", "abc")).value().peers, sorted(peers("ab")));
  EXPECT_EQ(allocate(request(1, 1, "ba", "", "abc")).value().peers, sorted(peers("a")));
}

TEST(Allocate, RequestedPeersComeFirstOrAreRefused) {
  EXPECT_EQ(allocate(request(1, 2, "ab", "c", "abc")).value().peers, sorted(peers("ac")));
  auto refused = allocate(request(1, 2, "a", "z", "abc"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(refused.error().message.find(peer('z').to_string()), std::string::npos);
}

TEST(Allocate, TooFewPeersSaysHowMany) {
  auto result = allocate(request(3, 4, "x", "", "a"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "not enough peers to allocate CID. Needed at least: 2. Wanted at most: 3. Available candidates: 1. See "
            "logs for more info.");
}

TEST(Allocate, FactorRules) {
  EXPECT_EQ(check_factors(0, 1).error().message, "cluster.replication_factor_min and max must be set");
  EXPECT_EQ(check_factors(3, 2).error().message, "cluster.replication_factor_min is larger than max");
  EXPECT_EQ(check_factors(-1, 2).error().message,
            "cluster.replication_factor_min and max must be -1 when one of them is");
  EXPECT_EQ(check_factors(-2, 2).error().message, "cluster.replication_factor_min is wrong");
  EXPECT_EQ(check_factors(2, -2).error().message, "cluster.replication_factor_max is wrong");
  EXPECT_TRUE(check_factors(-1, -1));
  EXPECT_TRUE(check_factors(1, 1));
}

TEST(Allocate, AnyInputGivesDistinctPeersWithinTheFactors) {
  std::mt19937 random(5);
  auto some = [&random](std::string_view from) {
    std::string out;
    for (char c : from) {
      if (random() % 2 == 0) out.push_back(c);
    }
    std::ranges::shuffle(out, random);
    return out;
  };
  for (int i = 0; i < 2000; ++i) {
    int min = 1 + static_cast<int>(random() % 4), max = min + static_cast<int>(random() % 3);
    auto candidates = some("abcdefgh");
    auto r = request(min, max, some("abcdxy"), some(candidates), candidates);
    auto result = allocate(r);
    if (!result) continue;
    EXPECT_GE(result->peers.size(), static_cast<size_t>(min));
    EXPECT_LE(result->peers.size(), static_cast<size_t>(max));
    EXPECT_EQ(result->peers.size(), result->reasons.size());
    EXPECT_TRUE(std::ranges::adjacent_find(result->peers) == result->peers.end());
    EXPECT_TRUE(std::ranges::is_sorted(result->peers));
    EXPECT_EQ(result->peers, allocate(r)->peers);
  }
}

}  // namespace
}  // namespace ipfsc::allocator
