#include "allocator/plan.h"

#include <gtest/gtest.h>

#include "allocator/test_support.h"

namespace ipfsc::allocator {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{1'000'000s};

Candidate down_since(char name, Duration ago) {
  auto out = in_state(name, PeerState::kDown);
  out.since = kNow - ago;
  return out;
}

PlanPin pin(int number, int min, int max, std::string_view allocations) {
  return {.cid = cid(number),
          .replication_factor_min = min,
          .replication_factor_max = max,
          .allocations = ids(allocations)};
}

/// "a>b +c -d": moves, new copies and copies that only go.
std::string text(const std::vector<Move>& moves) {
  std::string out;
  for (const auto& move : moves) {
    if (!out.empty()) out += ' ';
    if (move.from && move.to) out += {letter(*move.from), '>', letter(*move.to)};
    if (!move.from) out += {'+', letter(*move.to)};
    if (!move.to) out += {'-', letter(*move.from)};
  }
  return out;
}

struct Case {
  std::vector<Candidate> peers;
  std::vector<PlanPin> pins;
  Policy policy = {.allocate_by = {"freespace"}};

  Plan run(PlanRequest request) const {
    request.now = kNow;
    return plan_moves(Peers(peers), policy, std::move(request), pins);
  }
  std::string moves(PlanRequest request) const { return text(run(std::move(request)).moves); }
};

const PlanRequest kRepair{.goal = Goal::kRepair, .grace = 5min};
const PlanRequest kDrain{.goal = Goal::kDrain};
const PlanRequest kTopUp{.goal = Goal::kTopUp};
const PlanRequest kRebalance{.goal = Goal::kRebalance};
const Policy kHardZone{.allocate_by = {"freespace"}, .spread = {{.tag = "zone", .hard = true}}};

// --- repair

TEST(PlanRepair, APinThatKeepsItsMinimumIsNotMoved) {
  Case c{.peers = {with_free('a', 1), with_free('b', 1), down_since('x', 1h)}, .pins = {pin(1, 1, 2, "ax")}};
  auto plan = c.run(kRepair);
  EXPECT_TRUE(plan.moves.empty());
  EXPECT_EQ(plan.pins, 1U);
  EXPECT_EQ(plan.summary, "nothing to do: no pin below its minimum can get a copy now");
}

TEST(PlanRepair, BelowTheMinimumTheCopyThatIsDownIsReplacedAfterTheGrace) {
  Case c{.peers = {with_free('a', 1), with_free('b', 1), with_free('c', 9), down_since('x', 4min)},
         .pins = {pin(1, 3, 3, "abx")}};
  auto plan = c.run(kRepair);
  EXPECT_TRUE(plan.moves.empty());
  EXPECT_EQ(plan.waiting_pins, 1U);
  EXPECT_EQ(plan.next_due, kNow + 1min);
  c.peers[3] = down_since('x', 5min);
  plan = c.run(kRepair);
  EXPECT_EQ(text(plan.moves), "x>c");
  EXPECT_EQ(plan.moves[0].reason, "2 copies of at least 3");
}

TEST(PlanRepair, TheGraceCountsFromTheMomentTheMinimumWasLost) {
  // x is down for long, but then there were still two.
  Case c{.peers = {with_free('a', 1), with_free('b', 1), with_free('c', 9), down_since('x', 1h), down_since('y', 1min)},
         .pins = {pin(1, 3, 5, "abxy")}};
  EXPECT_EQ(c.run(kRepair).next_due, kNow + 4min);
}

TEST(PlanRepair, TheLastCopyWaitsForNoGrace) {
  Case c{.peers = {with_free('a', 1), with_free('b', 1), down_since('x', 1s)}, .pins = {pin(1, 2, 2, "ax")}};
  EXPECT_EQ(c.moves(kRepair), "x>b");
  c.pins = {pin(1, 1, 1, "x")};  // none is left, and no more were wanted
  EXPECT_EQ(c.run(kRepair).waiting_pins, 1U);
}

TEST(PlanRepair, SuspicionMovesNothing) {
  Case c{.peers = {with_free('a', 1), with_free('b', 1), in_state('s', PeerState::kSuspect)},
         .pins = {pin(1, 2, 2, "as")}};
  EXPECT_EQ(c.moves(kRepair), "");
}

TEST(PlanRepair, TheMostEndangeredFirst) {
  Case c{.peers = {with_free('a', 1), with_free('b', 1), with_free('c', 9), down_since('x', 1h), down_since('y', 1h)},
         .pins = {pin(1, 1, 1, "x"), pin(2, 3, 3, "abx"), pin(3, 3, 3, "axy"), pin(4, 2, 3, "bxy")}};
  std::vector<ipld::Cid> order;
  for (const auto& move : c.run(kRepair).moves) order.push_back(move.cid);
  EXPECT_EQ(order, (std::vector{cid(3), cid(3), cid(4), cid(2), cid(1)}));
}

TEST(PlanRepair, WhatIsOnItsWayIsNotPlannedAgain) {
  Case c{.peers = {with_free('a', 1), with_free('b', 1), with_free('c', 1), down_since('x', 1h)},
         .pins = {pin(1, 2, 2, "abx")}};
  c.pins[0].arriving = ids("b");
  c.pins[0].leaving = ids("x");
  EXPECT_EQ(c.moves(kRepair), "");
  c.peers[1] = down_since('b', 1h);  // the target is lost, too
  EXPECT_EQ(c.moves(kRepair), "b>c");
}

TEST(PlanRepair, SaysWhyNothingCanBeDone) {
  Case c{.peers = {with_free('a', 1), with_free('b', 10), in_state('d', PeerState::kDraining), down_since('x', 1h)},
         .pins = {pin(1, 2, 2, "ax")}};
  c.pins[0].size_bytes = 11;
  auto plan = c.run(kRepair);
  ASSERT_EQ(plan.blocked_pins, 1U);
  EXPECT_EQ(plan.blocked[0].reason,
            "1 copy of at least 2; no other peer can take it: 1 leaving, 2 named for it already, 1 without room");
  EXPECT_EQ(plan.summary,
            "nothing to do: no pin below its minimum can get a copy now; 1 pin for which not enough can be done now");
}

TEST(PlanRepair, CopiesOfUnknownPeersAreGivenUpOnRequestOnly) {
  Case c{.peers = {with_free('a', 1), with_free('b', 1)}, .pins = {pin(1, 2, 2, "az")}};
  EXPECT_EQ(c.run(kRepair).unknown_pins, 1U);
  auto request = kRepair;
  request.replace_unknown = true;
  EXPECT_EQ(c.moves(request), "z>b");
}

TEST(PlanRepair, TwoPeersOfOneNodeAreOneCopy) {
  Case c{.peers = {with_free('a', 1), with_free('b', 1), with_free('c', 1)}, .pins = {pin(1, 2, 2, "ab")}};
  c.peers[0].ipfs_id = c.peers[1].ipfs_id = "n";
  EXPECT_EQ(c.moves(kRepair), "b>c");
}

TEST(PlanRepair, FreeSpaceIsNotPromisedTwice) {
  Case c{.peers = {with_free('a', 1), with_free('b', 10), with_free('c', 8), down_since('x', 1h)},
         .pins = {pin(1, 2, 2, "ax"), pin(2, 2, 2, "ax"), pin(3, 2, 2, "ax")}};
  for (auto& p : c.pins) p.size_bytes = 8;
  auto plan = c.run(kRepair);
  EXPECT_EQ(text(plan.moves), "x>b x>c");
  EXPECT_EQ(plan.blocked_pins, 1U);
}

TEST(PlanRepair, AtTheBoundTheMostEndangeredAreKeptAndMoreIsSaid) {
  Case c{.peers = {with_free('a', 1), with_free('b', 9), down_since('x', 1h)}};
  for (int i = 0; i < 50; ++i) c.pins.push_back(pin(i, 2, i == 17 ? 9 : 2, "ax"));
  c.pins[17].replication_factor_min = 3;
  c.peers.push_back(with_free('c', 5));
  auto request = kRepair;
  request.max_moves = 3;
  auto plan = c.run(request);
  ASSERT_EQ(plan.moves.size(), 3U);
  EXPECT_EQ(plan.moves[0].cid, cid(17));
  EXPECT_EQ(plan.moves[1].cid, cid(17));
  EXPECT_TRUE(plan.more);
  EXPECT_EQ(plan.summary, "3 moves, and more after these");
}

// --- drain and replace

TEST(PlanDrain, CopiesLeaveForTheBestPeers) {
  Case c{.peers = {with_free('a', 1), with_free('b', 2), with_free('c', 9), in_state('d', PeerState::kDraining)},
         .pins = {pin(1, 1, 1, "d"), pin(2, 2, 2, "cd"), pin(3, 1, 1, "a"), pin(4, -1, -1, "")}};
  std::map<ipld::Cid, std::string> moves;
  for (const auto& move : c.run(kDrain).moves) moves[move.cid] = text({move});
  EXPECT_EQ(moves, (std::map<ipld::Cid, std::string>{{cid(1), "d>c"}, {cid(2), "d>b"}}));
}

TEST(PlanDrain, ACopyThatIsNotNeededOnlyGoes) {
  Case c{.peers = {with_free('a', 1), with_free('b', 2), in_state('d', PeerState::kDraining)},
         .pins = {pin(1, 1, 2, "abd")}};
  auto plan = c.run(kDrain);
  EXPECT_EQ(text(plan.moves), "-d");
  EXPECT_EQ(plan.moves[0].reason, peer('d').to_string() + " draining; 2 copies stay");
}

TEST(PlanDrain, WithoutAnotherPeerItGoesWhenTheMinimumStaysElseItIsBlocked) {
  Case c{.peers = {with_free('a', 1), in_state('d', PeerState::kDraining)},
         .pins = {pin(1, 1, 2, "ad"), pin(2, 2, 2, "ad"), pin(3, 1, 1, "d")}};
  auto plan = c.run(kDrain);
  std::map<ipld::Cid, std::string> moves;
  for (const auto& move : plan.moves) moves[move.cid] = text({move});
  EXPECT_EQ(moves, (std::map<ipld::Cid, std::string>{{cid(1), "-d"}, {cid(3), "d>a"}}));
  ASSERT_EQ(plan.blocked.size(), 1U);
  EXPECT_EQ(plan.blocked[0].cid, cid(2));
  EXPECT_EQ(plan.blocked[0].reason,
            peer('d').to_string() +
                " draining; 1 copy of at least 2 would stay; no other peer can take it: 2 named for it already");
}

TEST(PlanDrain, ACopyOnItsWayIsNotEnoughToLetTheLastOneGo) {
  Case c{.peers = {with_free('a', 1), in_state('d', PeerState::kDraining)}, .pins = {pin(1, 1, 1, "ad")}};
  c.pins[0].arriving = ids("a");
  EXPECT_EQ(c.run(kDrain).blocked_pins, 1U);
  c.pins[0].arriving.clear();
  EXPECT_EQ(c.moves(kDrain), "-d");
}

TEST(PlanDrain, PeersCanBeNamedForADryRun) {
  Case c{.peers = {with_free('a', 1), with_free('b', 1), down_since('x', 1h)},
         .pins = {pin(1, 1, 1, "a"), pin(2, 1, 1, "x")}};
  auto request = kDrain;
  request.leaving = ids("ax");
  EXPECT_EQ(c.run(request).moves.size(), 2U);
  EXPECT_EQ(c.run(kDrain).summary, "nothing to do: no peer is leaving");
}

TEST(PlanReplace, TheReplacementTakesWhatItCan) {
  Case c{.peers = {with_free('a', 1), with_free('b', 9), with_free('n', 5)},
         .pins = {pin(1, 1, 1, "a"), pin(2, 2, 2, "an"), pin(3, 1, 1, "a")}};
  c.pins[2].size_bytes = 6;
  auto plan = c.run({.goal = Goal::kReplace, .leaving = ids("a"), .replacement = peer('n')});
  std::map<ipld::Cid, std::string> moves;
  for (const auto& move : plan.moves) moves[move.cid] = text({move});
  EXPECT_EQ(moves, (std::map<ipld::Cid, std::string>{{cid(1), "a>n"}, {cid(2), "a>b"}, {cid(3), "a>b"}}));
}

// --- top-up

TEST(PlanTopUp, PinsBelowTheirMaximumGetMore) {
  Case c{.peers = {with_free('a', 1), with_free('b', 2), with_free('c', 9), down_since('x', 1h)},
         .pins = {pin(1, 1, 3, "a"), pin(2, 1, 2, "ax"), pin(3, 1, 4, "abc")}};
  auto plan = c.run(kTopUp);
  EXPECT_EQ(text(plan.moves), "+c +b");
  EXPECT_EQ(plan.blocked_pins, 1U);
  EXPECT_EQ(plan.blocked[0].reason, "3 copies of at most 4; no other peer can take it: 1 down, 3 named for it already");
}

// --- rebalance

Case loaded(std::vector<std::pair<char, uint64_t>> pins_of) {
  Case out;
  int number = 0;
  for (auto [name, pins] : pins_of) {
    auto c = with_free(name, 1000);
    c.pins = pins;
    for (uint64_t i = 0; i < pins; ++i) out.pins.push_back(pin(number++, 1, 1, std::string(1, name)));
    out.peers.push_back(std::move(c));
  }
  return out;
}

TEST(PlanRebalance, MovesNoMorePinsThanTheToleranceAsksFor) {
  auto c = loaded({{'a', 20}, {'b', 10}, {'c', 0}});  // mean 10, tolerance 1
  auto plan = c.run(kRebalance);
  EXPECT_EQ(plan.moves.size(), 9U);
  for (const auto& move : plan.moves) EXPECT_EQ(text({move}), "a>c");
}

TEST(PlanRebalance, EvenLoadsStay) {
  EXPECT_EQ(loaded({{'a', 10}, {'b', 11}, {'c', 10}}).run(kRebalance).summary, "nothing to do: the loads are even");
  EXPECT_EQ(loaded({{'a', 1}, {'b', 2}}).moves(kRebalance), "");
}

TEST(PlanRebalance, ANewPeerIsFilledThoughNobodyIsMuchAboveTheMean) {
  std::vector<std::pair<char, uint64_t>> loads;
  for (char name = 'a'; name < 'n'; ++name) loads.push_back({name, 28});
  loads.push_back({'n', 0});  // mean 26, tolerance 2.6: it gets 24
  auto plan = loaded(loads).run(kRebalance);
  EXPECT_EQ(plan.moves.size(), 24U);
  for (const auto& move : plan.moves) EXPECT_EQ(move.to, peer('n'));
}

TEST(PlanRebalance, ByBytesTheLargestPinsThatFitMove) {
  Case c{.peers = {with_free('a', 100), with_free('b', 300)}};  // mean 200, tolerance 20: 80 to 120 are to move
  for (auto [number, size] : {std::pair(1, 30), {2, 150}, {3, 90}, {4, 10}}) {
    c.pins.push_back(pin(number, 1, 1, "a"));
    c.pins.back().size_bytes = size;
  }
  c.pins.push_back(pin(5, 1, 1, "a"));
  auto plan = c.run({.goal = Goal::kRebalance, .measure = Measure::kFreeBytes});
  ASSERT_EQ(plan.moves.size(), 1U);
  EXPECT_EQ(plan.moves[0].cid, cid(3));
  EXPECT_EQ(plan.unweighed_pins, 1U);
}

TEST(PlanRebalance, HardRulesThatAreBrokenAreKeptAgain) {
  Case c{.peers = {in_zone('a', "x"), in_zone('b', "x"), in_zone('c', "y")},
         .pins = {pin(1, 2, 2, "ab")},
         .policy = kHardZone};
  c.peers[0].pins = 1;
  auto plan = c.run(kRebalance);
  EXPECT_EQ(text(plan.moves), "a>c");
  EXPECT_EQ(plan.moves[0].reason, "zone=x has a copy already, at " + peer('b').to_string());
  c.peers.pop_back();
  EXPECT_EQ(c.run(kRebalance).blocked[0].reason, "zone=x has a copy already, at " + peer('b').to_string() +
                                                     "; no other peer can take it: 2 named for it already");
}

TEST(PlanRebalance, ASoftRuleIsNotMadeWorse) {
  Case c{.peers = {in_zone('a', "x"), in_zone('b', "y"), in_zone('c', "y")},
         .pins = {pin(1, 2, 2, "ab"), pin(2, 2, 2, "ab"), pin(3, 2, 2, "ab"), pin(4, 2, 2, "ab")},
         .policy = {.allocate_by = {"freespace"}, .spread = {{.tag = "zone"}}}};
  c.peers[0].pins = 8;
  c.peers[1].pins = 4;
  for (const auto& move : c.run(kRebalance).moves) EXPECT_EQ(text({move}), "b>c");
}

TEST(PlanRebalance, SaysWhenThePinsCannotMakeItBetter) {
  auto c = loaded({{'a', 10}, {'b', 0}});
  c.peers[1].metrics.clear();
  EXPECT_EQ(c.run(kRebalance).summary, "nothing to do: no move makes the loads more even (up to 5 from the mean of 5)");
}

}  // namespace
}  // namespace ipfsc::allocator
