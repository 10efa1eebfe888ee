#include "monitor/reachability.h"

#include "base/test_seeds.h"
#include "monitor/test_support.h"

namespace ipfsc::monitor {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

SteadyTime t(Duration since_start) { return at(since_start).steady; }

TEST(LinkTable, ALinkThatAnswersIsWholeAndItsRoundTripIsSmoothed) {
  LinkTable table(peer(1));
  table.answered(peer(2), 8ms, t(0s));
  table.answered(peer(2), 16ms, t(1s));
  EXPECT_EQ(table.view(t(2s)), (LinkView{peer(1), {{peer(2), true, 9ms}}}));
  EXPECT_THAT(table.round_trips(t(2s)), ElementsAre(9ms));
}

TEST(LinkTable, OneLostProbeBreaksNothingSeveralDo) {
  LinkTable table(peer(1));
  table.answered(peer(2), 8ms, t(0s));
  table.failed(peer(2), t(1s));
  EXPECT_TRUE(table.view(t(1s)).links[0].reached);
  table.failed(peer(2), t(2s));
  EXPECT_EQ(table.view(t(2s)), (LinkView{peer(1), {{peer(2), false, 8ms}}}));
  EXPECT_THAT(table.round_trips(t(2s)), IsEmpty());
  table.answered(peer(2), 80ms, t(3s));
  EXPECT_EQ(table.view(t(3s)), (LinkView{peer(1), {{peer(2), true, 80ms}}})) << "it begins anew";
}

TEST(LinkTable, WhatNeverAnsweredIsBrokenAtOnce) {
  LinkTable table(peer(1));
  table.failed(peer(2), t(0s));
  EXPECT_EQ(table.view(t(0s)), (LinkView{peer(1), {{peer(2), false, 0ms}}}));
}

TEST(LinkTable, OldResultsAndPeersThatLeftAreNotShown) {
  LinkTable table(peer(1), {.max_age = 60s});
  table.answered(peer(2), 8ms, t(0s));
  table.answered(peer(3), 8ms, t(30s));
  table.answered(peer(1), 1ms, t(30s));  // itself
  EXPECT_EQ(table.view(t(60s)).links.size(), 2u);
  EXPECT_EQ(table.view(t(61s)), (LinkView{peer(1), {{peer(3), true, 8ms}}}));
  table.failed(peer(2), t(70s));
  EXPECT_FALSE(table.view(t(70s)).links[0].reached) << "what was known long ago does not forgive a failure";
  table.retain({peer(1), peer(2)});
  EXPECT_EQ(table.view(t(70s)).links.size(), 1u);
}

TEST(Reachability, SaysWhoReachesWhomAsFarAsItWasTold) {
  Reachability all;
  all.take({peer(1), {{peer(2), true, 5ms}, {peer(3), false, 0ms}}}, t(0s));
  EXPECT_EQ(all.reaches(peer(1), peer(2), t(1s)), true);
  EXPECT_EQ(all.reaches(peer(1), peer(3), t(1s)), false);
  EXPECT_EQ(all.reaches(peer(1), peer(4), t(1s)), std::nullopt);
  EXPECT_EQ(all.reaches(peer(2), peer(1), t(1s)), std::nullopt);
  EXPECT_EQ(all.reaches(peer(1), peer(2), t(31s)), std::nullopt) << "that was long ago";
}

TEST(Reachability, AOneWayLinkNeedsTheWordOfBothEnds) {
  Reachability all;
  all.take({peer(1), {{peer(2), true, 5ms}, {peer(3), true, 5ms}}}, t(0s));
  EXPECT_THAT(all.one_way(t(0s)), IsEmpty());
  all.take({peer(2), {{peer(1), false, 0ms}}}, t(0s));
  all.take({peer(3), {{peer(1), true, 5ms}}}, t(0s));
  EXPECT_THAT(all.one_way(t(0s)), ElementsAre(Reachability::OneWay{peer(1), peer(2)}));
  all.take({peer(2), {{peer(1), true, 6ms}}}, t(1s));
  EXPECT_THAT(all.one_way(t(1s)), IsEmpty());
}

TEST(Reachability, TheGraphHasThePeersTheirLinksAndTheirIpfsNodes) {
  Reachability all;
  all.take({peer(1), {{peer(2), true, 5ms}, {peer(3), true, 7ms}, {peer(9), true, 1ms}}}, t(0s));
  all.take({peer(2), {{peer(1), false, 0ms}}}, t(0s));
  all.take({peer(9), {{peer(1), true, 1ms}}}, t(0s));
  std::vector<GraphPeer> members{{.id = peer(1), .peername = "one", .ipfs_id = "I1", .ipfs_swarm = {"I2", "X"}},
                                 {.id = peer(2), .peername = "two", .trusted = false, .ipfs_id = "I2"},
                                 {.id = peer(3), .peername = "three"}};
  auto graph = all.graph(peer(1), members, t(1s));
  model::ConnectGraph expected;
  expected.cluster_id = peer(1);
  expected.id_to_peername = {{peer(1), "one"}, {peer(2), "two"}, {peer(3), "three"}};
  expected.ipfs_links = {{"I1", {"I2", "X"}}, {"I2", {}}};
  expected.cluster_links = {{peer(1), {peer(2), peer(3)}}, {peer(2), {}}};
  expected.cluster_trust_links = {{peer(2), false}, {peer(3), true}};
  expected.cluster_to_ipfs = {{peer(1), "I1"}, {peer(2), "I2"}};
  expected.round_trips = {{peer(1), {{peer(2), 5ms}, {peer(3), 7ms}}}};
  expected.one_way_links = {{peer(1), {peer(2)}}};
  EXPECT_EQ(graph, expected);
}

TEST(Reachability, HoldsItsBoundsAndNeverShowsALinkOneWayBothWays) {
  for (uint64_t seed : sim_seeds(1, 10)) {
    Random random(seed);
    Reachability all({.max_observers = 5, .max_links_per_view = 4, .view_age = 30s});
    std::set<ipld::PeerId> members = peers(8);
    Duration now{};
    for (int step = 0; step < 300; ++step) {
      now += 1s * random.below(5);
      LinkView view{.observer = peer(1 + static_cast<unsigned>(random.below(8))), .links = {}};
      for (const auto& to : members) {
        if (to != view.observer && random.below(2)) view.links.push_back({to, random.below(3) > 0, 1ms});
      }
      all.take(view, t(now));
      if (random.below(20) == 0) all.retain(peers(3));
      std::vector<GraphPeer> nodes;
      for (const auto& id : members) nodes.push_back({.id = id});
      auto graph = all.graph(peer(1), nodes, t(now));
      ASSERT_LE(graph.cluster_links.size(), 5u) << "seed " << seed;
      for (const auto& [from, to] : graph.cluster_links) ASSERT_LE(to.size(), 4u) << "seed " << seed;
      for (const auto& [from, to] : all.one_way(t(now))) {
        ASSERT_EQ(all.reaches(from, to, t(now)), true);
        ASSERT_EQ(all.reaches(to, from, t(now)), false);
      }
    }
  }
}

}  // namespace
}  // namespace ipfsc::monitor
