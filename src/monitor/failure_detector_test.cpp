#include "monitor/failure_detector.h"

#include <gtest/gtest.h>

#include <random>

#include "ipld/keys.h"

namespace ipfsc::monitor {
namespace {

using namespace std::chrono_literals;

class FailureDetectorTest : public testing::Test {
 protected:
  /// Heartbeats of one second, each up to `jitter` late, until `until` from now; ticks ten times a second.
  void beat(Duration span, Duration jitter = {}) {
    SteadyTime end = now_ + span;
    SteadyTime next = now_ + 1s;
    while (now_ < end) {
      now_ += 100ms;
      detector_.tick(now_);
      if (now_ < next) continue;
      detector_.heartbeat(peer_, now_);
      auto late = jitter > Duration{} ? Duration(static_cast<int64_t>(random_() % jitter.count())) : Duration{};
      next = now_ + 1s + late;
    }
  }
  /// Nothing is heard; returns when the peer was first suspected, or `span`.
  Duration silence(Duration span) {
    SteadyTime begin = now_;
    while (now_ < begin + span) {
      now_ += 100ms;
      detector_.tick(now_);
      if (detector_.suspected(peer_, now_)) return now_ - begin;
    }
    return span;
  }

  std::mt19937_64 random_{7};
  ipld::PeerId peer_ = ipld::PrivateKey::generate_ed25519().peer_id();
  SteadyTime now_{1h};
  FailureDetector detector_{{}};
};

TEST_F(FailureDetectorTest, ASilentPeerIsSuspectedSoonAndSteadyOnesNever) {
  beat(60s);
  EXPECT_EQ(detector_.phi(peer_, now_), 0);
  auto after = silence(60s);
  EXPECT_GT(after, 3s) << "a pause is forgiven";
  EXPECT_LT(after, 6s);
  EXPECT_NEAR(std::chrono::duration<double>(after).count(),
              std::chrono::duration<double>(detector_.detection_time()).count(), 1.5);
}

TEST_F(FailureDetectorTest, WhoAnnouncesALongerIntervalIsWaitedForThatLong) {
  beat(60s);
  auto usual = detector_.detection_time();
  detector_.heartbeat(peer_, now_, 5s);
  auto after = silence(60s);
  EXPECT_GT(after, 7s);
  EXPECT_NEAR(std::chrono::duration<double>(after - usual).count(), 4, 0.5);
  detector_.heartbeat(peer_, now_);
  EXPECT_LT(silence(60s), 6s) << "and for no longer when it has returned to the usual one";
}

TEST_F(FailureDetectorTest, ThePhiGrowsWithSilence) {
  beat(60s);
  double before = -1;
  for (auto t = 0s; t < 3600s; t += 1s) {
    double phi = detector_.phi(peer_, now_ + t);
    EXPECT_GE(phi, before);
    EXPECT_LE(phi, FailureDetector::kMostPhi);
    before = phi;
  }
  EXPECT_EQ(before, FailureDetector::kMostPhi);
}

TEST_F(FailureDetectorTest, AnUnsteadyPeerGetsMoreTime) {
  beat(60s, 2s);
  EXPECT_FALSE(detector_.suspected(peer_, now_));
  auto unsteady = silence(60s);
  detector_ = FailureDetector({});
  beat(60s);
  EXPECT_GT(unsteady, silence(60s));
}

TEST_F(FailureDetectorTest, AnHourOfUnsteadyBeatsSuspectsNobody) {
  for (int i = 0; i < 60; ++i) {
    beat(60s, 1500ms);
    EXPECT_LT(detector_.phi(peer_, now_), 8) << i;
  }
}

TEST_F(FailureDetectorTest, AReceiverThatSleptBlamesNobody) {
  beat(60s);
  now_ += 5min;  // suspended: no tick came
  EXPECT_TRUE(detector_.tick(now_));
  EXPECT_FALSE(detector_.suspected(peer_, now_));
  EXPECT_LT(silence(60s), 8s) << "but who stays silent afterwards is suspected";
}

TEST_F(FailureDetectorTest, AReturnedPeerIsTrustedAtOnceAndItsAbsenceIsNoHabit) {
  beat(60s);
  ASSERT_LT(silence(60s), 60s);
  for (int i = 0; i < 600; ++i) detector_.tick(now_ += 100ms);
  detector_.heartbeat(peer_, now_);
  EXPECT_FALSE(detector_.suspected(peer_, now_));
  beat(10s);
  EXPECT_LT(silence(60s), 6s);
}

TEST_F(FailureDetectorTest, WhoWasNeverHeardIsSuspectedWhenWatched) {
  EXPECT_FALSE(detector_.suspected(peer_, now_ + 1h));
  detector_.tick(now_);
  detector_.watch(peer_, now_);
  EXPECT_LT(silence(60s), 6s);
  detector_.forget(peer_);
  EXPECT_FALSE(detector_.suspected(peer_, now_ + 1h));
}

}  // namespace
}  // namespace ipfsc::monitor
