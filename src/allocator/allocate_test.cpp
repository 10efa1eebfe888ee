#include "allocator/allocate.h"

#include <gtest/gtest.h>

#include "allocator/test_support.h"

namespace ipfsc::allocator {
namespace {

/// What a test says about a request: letters instead of ids.
struct Case {
  int min = 1, max = 1;
  std::string current = {}, requested = {};
  std::vector<Candidate> peers = {};
  Policy policy = {.allocate_by = {"freespace"}};
  std::optional<uint64_t> size_bytes = {};

  Result<Allocation> run(std::vector<Verdict>* verdicts = nullptr) const {
    Peers known(peers);
    return allocate({.replication_factor_min = min,
                     .replication_factor_max = max,
                     .current = ids(current),
                     .requested = ids(requested),
                     .peers = known,
                     .policy = policy,
                     .size_bytes = size_bytes},
                    verdicts);
  }
  std::string chosen() const {
    auto result = run();
    return result ? letters(result->peers) : result.error().message;
  }
  std::string reason(char name) const {
    std::vector<Verdict> verdicts;
    (void)run(&verdicts);
    std::string out;
    for (const auto& verdict : verdicts) {
      if (verdict.peer == peer(name)) out += (verdict.chosen ? "yes: " : "no: ") + verdict.reason;
    }
    return out;
  }
};

Candidate a(int64_t free = 40) { return with_free('a', free); }
Candidate b(int64_t free = 30) { return with_free('b', free); }
Candidate c(int64_t free = 20) { return with_free('c', free); }
Candidate down(char name) { return in_state(name, PeerState::kDown); }

std::string name(char letter) { return peer(letter).to_string(); }

const Policy kHardZone{.allocate_by = {"freespace"}, .spread = {{.tag = "zone", .hard = true}}};
const Policy kSoftZone{.allocate_by = {"freespace"}, .spread = {{.tag = "zone"}}};

TEST(Allocate, EverywhereNamesNobody) {
  auto result = Case{.min = -1, .max = -1, .current = "a", .peers = {a(), b()}}.run();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->peers.empty());
}

TEST(Allocate, TakesTheBestUpToTheMaximum) {
  EXPECT_EQ((Case{.max = 2, .peers = {c(), a(), b()}}.chosen()), "ab");
  auto result = Case{.max = 2, .current = "c", .peers = {c(), a(), b()}}.run();
  EXPECT_EQ(letters(result->added), "a");
}

TEST(Allocate, AHigherFactorAddsCopiesThoughTheMinimumIsThere) {
  EXPECT_EQ((Case{.min = 1, .max = 3, .current = "c", .peers = {a(), b(), c()}}.chosen()), "abc");
}

TEST(Allocate, OneThatIsFineChangesNothing) {
  auto result = Case{.min = 1, .max = 2, .current = "bc", .peers = {a(), b(), c()}}.run();
  EXPECT_EQ(letters(result->peers), "bc");
  EXPECT_TRUE(result->added.empty());
  EXPECT_TRUE(result->dropped.empty());
}

TEST(Allocate, ALowerFactorDropsTheWorstPlaced) {
  auto result = Case{.max = 2, .current = "abc", .peers = {a(1), b(), c()}}.run();
  EXPECT_EQ(letters(result->peers), "bc");
  EXPECT_EQ(letters(result->dropped), "a");
  EXPECT_EQ((Case{.max = 1, .current = "ab", .peers = {in_state('a', PeerState::kDraining), b(1)}}.chosen()), "b");
  EXPECT_EQ((Case{.max = 1, .current = "ab", .peers = {in_state('a', PeerState::kSuspect), b(1)}}.chosen()), "b");
  EXPECT_EQ((Case{.max = 1, .current = "ab", .peers = {down('a'), in_state('b', PeerState::kDraining)}}.chosen()), "b");
}

TEST(Allocate, AnOutageAloneMovesNothing) {
  EXPECT_EQ((Case{.min = 1, .max = 2, .current = "ax", .peers = {a(), b(), down('x')}}.chosen()), "ax");
  EXPECT_EQ((Case{.min = 2, .max = 2, .current = "ax", .peers = {a(), down('x')}}.chosen()), "ax");
}

TEST(Allocate, HoldersThatAreDownAreReplacedWhereTheMinimumNeedsIt) {
  EXPECT_EQ((Case{.min = 2, .max = 2, .current = "ax", .peers = {a(), b(), down('x')}}.chosen()), "ab");
  EXPECT_EQ((Case{.min = 2, .max = 3, .current = "ax", .peers = {a(), b(), c(), down('x')}}.chosen()), "abx");
}

TEST(Allocate, HoldersThatAreNoMembersCountAsDownAndRemovedOnesAreGone) {
  EXPECT_EQ((Case{.min = 1, .max = 2, .current = "ax", .peers = {a(), b()}}.chosen()), "ax");
  EXPECT_EQ(
      (Case{.min = 1, .max = 2, .current = "ax", .peers = {a(), b(), in_state('x', PeerState::kRemoved)}}.chosen()),
      "ab");
}

TEST(Allocate, RequestedPeersComeFirst) {
  EXPECT_EQ((Case{.max = 2, .requested = "c", .peers = {a(), b(), c()}}.chosen()), "ac");
  EXPECT_EQ((Case{.max = 2, .current = "ab", .requested = "c", .peers = {a(), b(), c()}}.chosen()), "ac");
  EXPECT_EQ((Case{.max = 2, .current = "a", .requested = "a", .peers = {a(), b(), c()}}.chosen()), "ab");
}

TEST(Allocate, RequestedPeersBeyondTheMaximumAreLeftOutWithAReason) {
  Case request{.max = 1, .requested = "bc", .peers = {a(), b(), c()}};
  EXPECT_EQ(request.chosen(), "b");
  EXPECT_EQ(request.reason('c'), "no: requested, but there are 1 copies already");
}

TEST(Allocate, RequestedPeersThatCannotTakeItAreRefusedByName) {
  auto refused = [](Case request, char who) {
    auto result = request.run();
    EXPECT_FALSE(result);
    if (result) return std::string();
    EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
    auto start = "user-allocations: " + name(who) + " cannot take this pin: ";
    EXPECT_TRUE(result.error().message.starts_with(start)) << result.error().message;
    return result.error().message.substr(start.size());
  };
  EXPECT_EQ(refused({.requested = "z", .peers = {a()}}, 'z'), "it is not a member");
  EXPECT_EQ(refused({.requested = "x", .peers = {a(), down('x')}}, 'x'), "it is down");
  EXPECT_EQ(refused({.requested = "a", .peers = {a()}, .policy = {.allocate_by = {"pinqueue"}}}, 'a'),
            "no valid metric pinqueue");
  EXPECT_EQ(refused({.requested = "a", .peers = {a(10)}, .size_bytes = 11}, 'a'),
            "no room: 10 bytes are free, 0 of them promised, 11 are needed");
  auto one = a(), two = b();
  one.ipfs_id = two.ipfs_id = "n";
  EXPECT_EQ(refused({.max = 2, .requested = "ab", .peers = {one, two}}, 'b'), "the same IPFS node as " + name('a'));
  EXPECT_EQ(refused({.max = 2,
                     .current = "a",
                     .requested = "b",
                     .peers = {in_zone('a', "x"), in_zone('b', "x")},
                     .policy = kHardZone},
                    'b'),
            name('a') + " holds it and stays, and one copy is allowed for each zone");
}

TEST(Allocate, AHolderGivesWayToARequestedPeerOfItsNodeOrOfItsZoneWhenThereIsNoRoomForBoth) {
  auto one = a(), two = b();
  one.ipfs_id = two.ipfs_id = "n";
  EXPECT_EQ((Case{.max = 2, .current = "a", .requested = "b", .peers = {one, two}}.chosen()), "b");
  EXPECT_EQ(
      (Case{.current = "a", .requested = "b", .peers = {in_zone('a', "x"), in_zone('b', "x")}, .policy = kHardZone}
           .chosen()),
      "b");
}

TEST(Allocate, TooFewPeersSaysHowMany) {
  EXPECT_EQ((Case{.min = 3, .max = 4, .current = "x", .peers = {a()}}.chosen()),
            "not enough peers to allocate CID. Needed at least: 2. Wanted at most: 3. Available candidates: 1. See "
            "logs for more info.");
}

TEST(Allocate, SuspectedPeersServeOnlyToReachTheMinimum) {
  auto s = in_state('s', PeerState::kSuspect, 1000);
  EXPECT_EQ((Case{.min = 1, .max = 3, .peers = {a(), b(), s}}.chosen()), "ab");
  EXPECT_EQ((Case{.min = 3, .max = 3, .peers = {a(), b(), s}}.chosen()), "abs");
}

TEST(Allocate, OnlyPeersWithAllMetricsAndOfTheRightTrust) {
  auto quiet = a();
  quiet.metrics.clear();
  EXPECT_EQ((Case{.peers = {quiet, b()}}.chosen()), "b");
  auto stranger = a();
  stranger.trusted = false;
  auto trust = [&](Trust which) {
    return Case{.peers = {stranger, b()}, .policy = {.allocate_by = {"freespace"}, .trust = which}}.chosen();
  };
  EXPECT_EQ(trust(Trust::kAny), "a");
  EXPECT_EQ(trust(Trust::kTrustedOnly), "b");
  EXPECT_EQ(trust(Trust::kUntrustedOnly), "a");
}

TEST(Allocate, TwoPeersOfOneIpfsNodeAreOneCopy) {
  auto one = a(), two = b();
  one.ipfs_id = two.ipfs_id = "n";
  EXPECT_EQ((Case{.max = 3, .peers = {one, two, c()}}.chosen()), "ac");
  EXPECT_EQ((Case{.max = 3, .current = "ab", .peers = {one, two}}.chosen()), "a");
  EXPECT_EQ((Case{.max = 3, .current = "ab", .peers = {one, two}}.reason('b')),
            "no: the same IPFS node as " + name('a'));
}

TEST(Allocate, ContentGoesWhereThereIsRoomForItBesideWhatIsPromised) {
  auto full = a(100);
  full.promised.bytes = 95;
  EXPECT_EQ((Case{.peers = {full, b(90), c(9)}, .size_bytes = 10}.chosen()), "b");
  EXPECT_EQ((Case{.peers = {full, c(9)}, .size_bytes = 5}.chosen()), "c");                    // 5 are left on a
  EXPECT_EQ((Case{.current = "a", .peers = {full, b(90)}, .size_bytes = 10}.chosen()), "a");  // it is there
}

TEST(Allocate, HardSpreadGivesEachZoneOneCopy) {
  std::vector<Candidate> peers{in_zone('a', "x", 9), in_zone('b', "x", 8), in_zone('c', "y", 7), with_free('d', 10)};
  EXPECT_EQ((Case{.max = 4, .peers = peers, .policy = kHardZone}.chosen()), "ac");
  EXPECT_EQ((Case{.max = 4, .peers = peers, .policy = kHardZone}.reason('b')),
            "no: zone=x has a copy already, at " + name('a'));
  EXPECT_EQ((Case{.max = 4, .peers = peers, .policy = kHardZone}.reason('d')), "no: no tag zone");
  EXPECT_EQ((Case{.min = 3, .max = 4, .peers = peers, .policy = kHardZone}.chosen()),
            "not enough peers to allocate CID. Needed at least: 3. Wanted at most: 4. Available candidates: 3. See "
            "logs for more info. zone: 1 of the 3 domains that are needed are missing.");
}

TEST(Allocate, AHardRuleMovesNoLivingCopyThatWasThereBefore) {
  std::vector<Candidate> peers{in_zone('a', "x", 9), in_zone('b', "x", 8), in_zone('c', "y", 7)};
  EXPECT_EQ((Case{.max = 3, .current = "ab", .peers = peers, .policy = kHardZone}.chosen()), "abc");
  EXPECT_EQ((Case{.max = 2, .current = "abc", .peers = peers, .policy = kHardZone}.chosen()), "ac");
}

TEST(Allocate, HardRulesThatCrossAreSolvedBySearch) {
  auto at = [](char name, std::string zone, std::string rack, int64_t free) {
    auto out = in_zone(name, std::move(zone), free);
    out.tags["rack"] = std::move(rack);
    return out;
  };
  // The best, a, stands in the way of both others.
  Case request{.min = 2,
               .max = 2,
               .peers = {at('a', "x", "1", 9), at('b', "x", "2", 8), at('c', "y", "1", 7)},
               .policy = {.allocate_by = {"freespace"},
                          .spread = {{.tag = "zone", .hard = true}, {.tag = "rack", .hard = true}}}};
  EXPECT_EQ(request.chosen(), "bc");
  request.peers.pop_back();
  request.peers.push_back(at('c', "y", "1", 7));
  request.peers[1].tags["rack"] = "1";
  EXPECT_TRUE(request.chosen().ends_with("rack: 1 of the 2 domains that are needed are missing."));
}

TEST(Allocate, SoftSpreadPrefersZonesWithFewCopies) {
  std::vector<Candidate> peers{in_zone('a', "x", 9), in_zone('b', "x", 8), in_zone('c', "y", 7), with_free('d', 1)};
  EXPECT_EQ((Case{.max = 2, .peers = peers, .policy = kSoftZone}.chosen()), "ac");
  EXPECT_EQ((Case{.max = 2, .current = "c", .peers = peers, .policy = kSoftZone}.chosen()), "ac");
  EXPECT_EQ((Case{.max = 2, .current = "a", .peers = peers, .policy = kSoftZone}.chosen()), "ac");
  EXPECT_EQ((Case{.max = 4, .peers = peers, .policy = kSoftZone}.chosen()), "abcd");
  EXPECT_EQ((Case{.max = 2, .current = "abc", .peers = peers, .policy = kSoftZone}.chosen()), "ac");
}

TEST(Allocate, ReasonsNameTheMetrics) {
  auto promised = b();
  promised.promised.bytes = 7;
  Case request{.min = 1, .max = 2, .current = "c", .peers = {a(), promised, c(), down('x')}};
  EXPECT_EQ(request.reason('a'), "yes: place 1 of 2 candidates, freespace=40");
  EXPECT_EQ(request.reason('b'), "no: not needed; place 2 of 2 candidates, freespace=30, 7 bytes promised");
  EXPECT_EQ(request.reason('c'), "yes: holds it");
  EXPECT_EQ(request.reason('x'), "no: it is down");
}

TEST(CheckFactors, GoesByTheGoProgramsRules) {
  EXPECT_EQ(check_factors(0, 1).error().message, "cluster.replication_factor_min and max must be set");
  EXPECT_EQ(check_factors(3, 2).error().message, "cluster.replication_factor_min is larger than max");
  EXPECT_EQ(check_factors(-1, 2).error().message,
            "cluster.replication_factor_min and max must be -1 when one of them is");
  EXPECT_EQ(check_factors(-2, 2).error().message, "cluster.replication_factor_min is wrong");
  EXPECT_EQ(check_factors(2, -2).error().message, "cluster.replication_factor_max is wrong");
  EXPECT_TRUE(check_factors(-1, -1));
  EXPECT_TRUE(check_factors(1, 1));
}

}  // namespace
}  // namespace ipfsc::allocator
