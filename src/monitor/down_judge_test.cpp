#include "monitor/down_judge.h"

#include "base/test_seeds.h"
#include "monitor/test_support.h"

namespace ipfsc::monitor {
namespace {

using namespace testing;

HealthView view(unsigned observer, std::vector<unsigned> suspects, std::vector<unsigned> unheard = {}) {
  HealthView made{.observer = peer(observer), .doubts = {}};
  for (auto i : suspects) made.doubts.push_back({.peer = peer(i), .standing = Standing::kSuspect});
  for (auto i : unheard) made.doubts.push_back({.peer = peer(i), .standing = Standing::kUnheard});
  std::ranges::sort(made.doubts, {}, &PeerStanding::peer);
  return made;
}

TEST(Verdict, AMajorityOfVotersDecides) {
  auto three = peers(3);
  EXPECT_EQ(verdict_of(peer(9), three, {view(1, {9}), view(2, {}), view(3, {})}), Verdict::kUp);
  EXPECT_EQ(verdict_of(peer(9), three, {view(1, {9}), view(2, {9}), view(3, {})}), Verdict::kDown);
  EXPECT_EQ(verdict_of(peer(9), three, {view(1, {9}), view(2, {})}), Verdict::kUnknown);
  EXPECT_EQ(verdict_of(peer(9), three, {view(1, {9})}), Verdict::kUnknown);
  EXPECT_EQ(verdict_of(peer(9), three, {}), Verdict::kUnknown);
}

TEST(Verdict, ADeadVoterIsDownByTheOthersAndCountsInTheMajority) {
  EXPECT_EQ(verdict_of(peer(3), peers(3), {view(1, {3}), view(2, {3})}), Verdict::kDown);
  EXPECT_EQ(verdict_of(peer(2), peers(2), {view(1, {2})}), Verdict::kUnknown) << "one of two is no majority";
}

TEST(Verdict, WhoSendsAViewIsUpForItself) {
  EXPECT_EQ(verdict_of(peer(1), peers(1), {view(1, {})}), Verdict::kUp);
  EXPECT_EQ(verdict_of(peer(2), peers(2), {view(1, {}), view(2, {})}), Verdict::kUp);
}

TEST(Verdict, WhoWasNotHeardYetIsNeitherUpNorDown) {
  EXPECT_EQ(verdict_of(peer(9), peers(3), {view(1, {}, {9}), view(2, {}, {9}), view(3, {})}), Verdict::kUnknown);
}

TEST(Verdict, OnlyVotersCountAndEachOnce) {
  EXPECT_EQ(verdict_of(peer(9), peers(3), {view(4, {9}), view(5, {9}), view(1, {9})}), Verdict::kUnknown);
  EXPECT_EQ(verdict_of(peer(9), peers(3), {view(1, {9}), view(1, {9}), view(1, {9})}), Verdict::kUnknown);
}

TEST(Verdict, NeedsMoreThanHalfOfTheVotersWhateverTheViews) {
  for (uint64_t seed : sim_seeds(1, 5)) {
    Random random(seed);
    for (int round = 0; round < 500; ++round) {
      unsigned voter_count = 1 + static_cast<unsigned>(random.below(7));
      auto voters = peers(voter_count);
      std::vector<HealthView> views;
      size_t suspect = 0, up = 0;
      for (unsigned i = 1; i <= 9; ++i) {
        auto kind = random.below(4);  // 0 suspects it, 1 has not heard it, 2 hears it, 3 says nothing
        if (kind == 3) continue;
        auto made = view(i, kind == 0 ? std::vector<unsigned>{20, 30} : std::vector<unsigned>{30},
                         kind == 1 ? std::vector<unsigned>{20} : std::vector<unsigned>{});
        views.insert(views.begin() + static_cast<ptrdiff_t>(random.below(views.size() + 1)), made);
        if (i > voter_count) continue;
        suspect += kind == 0;
        up += kind == 2;
      }
      auto verdict = verdict_of(peer(20), voters, views);
      ASSERT_EQ(verdict == Verdict::kDown, suspect >= voter_count / 2 + 1) << "seed " << seed;
      ASSERT_EQ(verdict == Verdict::kUp, up >= voter_count / 2 + 1) << "seed " << seed;
    }
  }
}

class DownJudgeTest : public ::testing::Test {
 protected:
  void views(Duration now, std::vector<unsigned> suspects) {
    for (unsigned i : {1u, 2u, 3u}) judge_.take(view(i, suspects), at(now).steady);
  }
  Verdict of(unsigned i, Duration now) const { return judge_.verdict(peer(i), peers(3), at(now).steady); }

  DownJudge judge_{{.view_age = 3s, .leader_wait = 6s}};
};

TEST_F(DownJudgeTest, WhoDoesNotLeadJudgesNobody) {
  views(0s, {9});
  EXPECT_EQ(of(9, 0s), Verdict::kUnknown);
  judge_.restart(at(0s).steady);
  views(10s, {9});
  EXPECT_EQ(of(9, 10s), Verdict::kDown);
  judge_.stop();
  EXPECT_EQ(of(9, 10s), Verdict::kUnknown);
}

TEST_F(DownJudgeTest, ANewLeaderWaitsBeforeItCallsAnybodyDown) {
  judge_.restart(at(0s).steady);
  for (auto t = 0s; t < 6s; t += 1s) {
    views(t, {9});
    EXPECT_EQ(of(9, t), Verdict::kUnknown);
    EXPECT_EQ(of(8, t), Verdict::kUp) << "good news needs no wait";
  }
  views(6s, {9});
  EXPECT_EQ(of(9, 6s), Verdict::kDown);
  judge_.restart(at(7s).steady);  // it slept
  views(7s, {9});
  EXPECT_EQ(of(9, 7s), Verdict::kUnknown);
}

TEST_F(DownJudgeTest, OldViewsCountForNothing) {
  judge_.restart(at(0s).steady);
  views(10s, {9});
  EXPECT_EQ(of(9, 13s), Verdict::kDown);
  EXPECT_EQ(judge_.observers(at(13s).steady).size(), 3u);
  EXPECT_EQ(of(9, 14s), Verdict::kUnknown);
  EXPECT_EQ(judge_.observers(at(14s).steady).size(), 0u);
  judge_.take(view(1, {9}), at(14s).steady);
  judge_.take(view(2, {}), at(14s).steady);
  EXPECT_EQ(of(9, 14s), Verdict::kUnknown);
  judge_.take(view(2, {9}), at(15s).steady);
  EXPECT_EQ(of(9, 15s), Verdict::kDown);
  judge_.forget(peer(2));
  EXPECT_EQ(of(9, 15s), Verdict::kUnknown);
}

TEST_F(DownJudgeTest, KeepsNoMoreViewsThanItsBound) {
  DownJudge judge({.max_views = 2});
  judge.restart(at(0s).steady);
  for (unsigned i = 1; i <= 9; ++i) judge.take(view(i, {}), at(1ms * i).steady);
  EXPECT_EQ(judge.observers(at(10ms).steady), (std::vector{peer(8), peer(9)}));
}

}  // namespace
}  // namespace ipfsc::monitor
