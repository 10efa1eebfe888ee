#include "monitor/peer_health.h"

#include "monitor/test_support.h"

namespace ipfsc::monitor {
namespace {

using namespace testing;

class PeerHealthTest : public ::testing::Test {
 protected:
  /// Ticks ten times a second for `span`; who is in `beating` is heard once a second.
  void run(Duration span, const std::set<ipld::PeerId>& beating) {
    for (Duration end = now_ + span; now_ < end;) {
      now_ += 100ms;
      if (now_ % 1s == 0s) {
        for (const auto& peer : beating) health_.heartbeat(peer, steady());
      }
      health_.tick(steady());
    }
  }
  SteadyTime steady() const { return at(now_).steady; }
  PeerStanding of(unsigned i) const { return health_.standing(peer(i), steady()).value(); }

  Duration now_{};
  PeerHealth health_{peer(1)};
};

TEST_F(PeerHealthTest, WhoBeatsIsUpAndWhoFallsSilentIsSuspect) {
  health_.watch(peers(3), steady());
  EXPECT_EQ(of(2).standing, Standing::kUnheard);
  run(60s, {peer(2), peer(3)});
  EXPECT_EQ(of(2).standing, Standing::kUp);
  EXPECT_GT(of(2).since, 50s);
  EXPECT_EQ(health_.view(steady()), (HealthView{.observer = peer(1), .doubts = {}}));

  run(20s, {peer(3)});
  EXPECT_EQ(of(2).standing, Standing::kSuspect);
  EXPECT_EQ(of(2).silence, 20s);
  EXPECT_GT(of(2).since, 10s);
  EXPECT_LT(of(2).since, 20s);
  EXPECT_GE(of(2).phi, DetectorOptions{}.threshold);
  EXPECT_EQ(of(3).standing, Standing::kUp);
  auto view = health_.view(steady());
  ASSERT_EQ(view.doubts.size(), 1u);
  EXPECT_EQ(view.doubts[0], of(2));

  run(1s, {peer(2), peer(3)});
  EXPECT_EQ(of(2).standing, Standing::kUp);
  EXPECT_LE(of(2).since, 1s);
}

TEST_F(PeerHealthTest, WhoWasNeverHeardIsInDoubtAndThenSuspect) {
  health_.watch(peers(2), steady());
  run(1s, {});
  EXPECT_EQ(of(2).standing, Standing::kUnheard);
  EXPECT_EQ(health_.view(steady()).doubts.size(), 1u);
  run(10s, {});
  EXPECT_EQ(of(2).standing, Standing::kSuspect);
}

TEST_F(PeerHealthTest, AnObserverThatSleptBlamesNobody) {
  health_.watch(peers(3), steady());
  run(60s, {peer(2), peer(3)});
  run(20s, {peer(2)});
  ASSERT_EQ(of(3).standing, Standing::kSuspect);
  now_ += 60s;
  EXPECT_TRUE(health_.tick(steady()));
  EXPECT_EQ(of(2).standing, Standing::kUnheard);
  EXPECT_EQ(of(3).standing, Standing::kUnheard) << "not even who was suspected before";
  run(10s, {peer(2)});
  EXPECT_EQ(of(2).standing, Standing::kUp);
  EXPECT_EQ(of(3).standing, Standing::kSuspect);
}

TEST_F(PeerHealthTest, WatchesTheMembersAndNobodyElse) {
  health_.watch(peers(3), steady());
  EXPECT_FALSE(health_.standing(peer(1), steady())) << "not oneself";
  run(10s, {peer(2), peer(3)});
  health_.heartbeat(peer(9), steady());
  EXPECT_FALSE(health_.standing(peer(9), steady()));
  health_.watch({peer(1), peer(3), peer(4)}, steady());
  EXPECT_FALSE(health_.standing(peer(2), steady()));
  EXPECT_EQ(of(3).standing, Standing::kUp) << "a member that stayed keeps its standing";
  EXPECT_EQ(of(4).standing, Standing::kUnheard);
  EXPECT_EQ(health_.standings(steady()).size(), 2u);
}

TEST_F(PeerHealthTest, WatchesNoMoreThanItsBound) {
  health_ = PeerHealth(peer(1), {.max_peers = 2});
  health_.watch(peers(9), steady());
  EXPECT_EQ(health_.standings(steady()).size(), 2u);
}

TEST_F(PeerHealthTest, APeerIsSuspectedWithinTheDetectionTime) {
  health_.watch(peers(2), steady());
  run(60s, {peer(2)});
  Duration begin = now_;
  while (of(2).standing == Standing::kUp) run(100ms, {});
  EXPECT_LE(now_ - begin, health_.detection_time() + 200ms);
  EXPECT_LT(health_.detection_time(), 6s);
}

}  // namespace
}  // namespace ipfsc::monitor
