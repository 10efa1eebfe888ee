#include "tracker/concurrency.h"

#include <gtest/gtest.h>

namespace ipfsc::tracker {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Retry, GrowsToItsBound) {
  Backoff backoff{seconds(10), minutes(12)};
  EXPECT_EQ(grow(backoff, 0), seconds(10));
  EXPECT_EQ(grow(backoff, 1), seconds(10));
  EXPECT_EQ(grow(backoff, 2), seconds(20));
  EXPECT_EQ(grow(backoff, 4), seconds(80));
  EXPECT_EQ(grow(backoff, 8), minutes(12));
  EXPECT_EQ(grow(backoff, 4'000'000'000u), minutes(12));
}

TEST(Retry, JitterOnlyShortens) {
  RetryOptions options;
  EXPECT_EQ(retry_delay(options, Failure::kNotFound, 1, 0), seconds(10));
  Duration least = retry_delay(options, Failure::kNotFound, 1, ~0ull);
  EXPECT_GE(least, milliseconds(7500));
  EXPECT_LT(least, milliseconds(7501));
  for (int failure = 0; failure <= 5; ++failure) {
    for (uint32_t n = 1; n < 40; ++n) {
      Duration delay = retry_delay(options, static_cast<Failure>(failure), n, n * 0x9e3779b97f4a7c15ull);
      EXPECT_GT(delay, Duration::zero());
      EXPECT_LE(delay, longest_delay(options));
    }
  }
}

TEST(Retry, Classes) {
  EXPECT_EQ(classify({ErrorKind::kNotFound, ""}), Failure::kNotFound);
  EXPECT_EQ(classify({ErrorKind::kDeadlineExceeded, ""}), Failure::kTimeout);
  EXPECT_EQ(classify({ErrorKind::kResourceExhausted, ""}), Failure::kDiskFull);
  EXPECT_EQ(classify({ErrorKind::kUnavailable, ""}), Failure::kUnavailable);
  EXPECT_EQ(classify({ErrorKind::kCancelled, ""}), Failure::kCancelled);
  EXPECT_EQ(classify({ErrorKind::kInternal, ""}), Failure::kOther);
  EXPECT_EQ(classify({ErrorKind::kDataLoss, ""}), Failure::kOther);
}

/// A node that takes `latency` for an attempt and bears `capacity` of them a second; beyond that they wait.
unsigned settle(ConcurrencyLimit& limit, Duration latency, double capacity, int attempts) {
  SteadyTime now{seconds(1)};
  for (int i = 0; i < attempts; ++i) {
    double rate = std::min(limit.limit() / std::chrono::duration<double>(latency).count(), capacity);
    now += std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / rate));
    limit.on_success(now, true);
  }
  return limit.limit();
}

TEST(Concurrency, ClimbsToWhatTheNodeBears) {
  ConcurrencyLimit limit({.start = 10, .most = 256});
  // 5 ms an attempt, 4000 a second: 20 at once are enough.
  unsigned found = settle(limit, milliseconds(5), 4000, 20'000);
  EXPECT_GE(found, 18u);
  EXPECT_LE(found, 60u);
}

TEST(Concurrency, ReachesTheBoundWhenNothingSlowsDown) {
  ConcurrencyLimit limit({.start = 10, .most = 256});
  EXPECT_EQ(settle(limit, milliseconds(5), 1e9, 20'000), 256u);
}

TEST(Concurrency, HalvesOnTheNodesFaultsOnly) {
  ConcurrencyLimit limit({.start = 100, .least = 2, .most = 256});
  SteadyTime now{seconds(1)};
  limit.on_failure(Failure::kNotFound, now);
  limit.on_failure(Failure::kTimeout, now);
  EXPECT_EQ(limit.limit(), 100u);
  limit.on_failure(Failure::kUnavailable, now);
  EXPECT_EQ(limit.limit(), 50u);
  limit.on_failure(Failure::kUnavailable, now);
  EXPECT_EQ(limit.limit(), 50u) << "once for all that ran together";
  for (int i = 0; i < 20; ++i) {
    limit.on_success(now, false);
    limit.on_failure(Failure::kDiskFull, now);
  }
  EXPECT_EQ(limit.limit(), 2u);
  EXPECT_GT(settle(limit, milliseconds(5), 1e9, 20'000), 100u) << "it comes back";
}

TEST(Concurrency, IdleTimeIsNotARate) {
  ConcurrencyLimit limit({.start = 10, .most = 256});
  SteadyTime now{seconds(1)};
  for (int i = 0; i < 10'000; ++i) limit.on_success(now += seconds(1), false);
  EXPECT_EQ(limit.limit(), 10u);
}

TEST(NodeGate, AnAnswerLetsEverythingGoOn) {
  NodeGate gate({.failures_to_pause = 3});
  SteadyTime now{seconds(100)};
  gate.on_failure(Failure::kUnavailable, now);
  gate.on_failure(Failure::kUnavailable, now);
  gate.on_success();
  gate.on_failure(Failure::kUnavailable, now);
  gate.on_failure(Failure::kUnavailable, now);
  EXPECT_FALSE(gate.probe_at()) << "not in a row";
  gate.on_failure(Failure::kUnavailable, now);
  ASSERT_TRUE(gate.probe_at());
  EXPECT_FALSE(gate.pins_allowed(now)) << "until it is known";
  gate.on_probe(std::nullopt, now);
  EXPECT_FALSE(gate.probe_at());
  EXPECT_TRUE(gate.pins_allowed(now)) << "the content was not available, the node is";
  for (int i = 0; i < 5; ++i) gate.on_failure(Failure::kUnavailable, now);
  EXPECT_TRUE(gate.pins_allowed(now)) << "it has just answered";
  gate.on_failure(Failure::kUnavailable, now + seconds(2));
  EXPECT_TRUE(gate.probe_at());
}

TEST(NodeGate, ADeadNodeStopsAllUntilItAnswers) {
  NodeGate gate({.failures_to_pause = 1, .pause = {milliseconds(500), seconds(30)}});
  SteadyTime now{seconds(100)};
  gate.on_failure(Failure::kUnavailable, now);
  gate.on_probe(Error{ErrorKind::kUnavailable, "connection refused"}, now);
  EXPECT_FALSE(gate.pins_allowed(now));
  EXPECT_FALSE(gate.unpins_allowed());
  EXPECT_EQ(gate.pins_reason(now), "the IPFS node does not answer: connection refused");
  EXPECT_EQ(gate.probe_at(), now + milliseconds(500));
  for (int i = 0; i < 20; ++i) gate.on_probe(Error{ErrorKind::kUnavailable, "connection refused"}, now);
  EXPECT_EQ(gate.probe_at(), now + seconds(30));
  gate.on_probe(std::nullopt, now);
  EXPECT_TRUE(gate.pins_allowed(now));
  EXPECT_TRUE(gate.unpins_allowed());
}

TEST(NodeGate, AFullDiskStopsPinsOnly) {
  NodeGate gate({.failures_to_pause = 2, .pause = {milliseconds(500), seconds(30)}});
  SteadyTime now{seconds(100)};
  gate.on_failure(Failure::kDiskFull, now);
  EXPECT_TRUE(gate.pins_allowed(now));
  gate.on_failure(Failure::kDiskFull, now);
  EXPECT_FALSE(gate.pins_allowed(now));
  EXPECT_TRUE(gate.unpins_allowed());
  EXPECT_EQ(gate.full_until(now), now + milliseconds(500));
  EXPECT_TRUE(gate.pins_allowed(now + milliseconds(500)));
  gate.on_failure(Failure::kDiskFull, now);
  EXPECT_EQ(gate.full_until(now), now + seconds(1));
  gate.on_success();
  EXPECT_TRUE(gate.pins_allowed(now));
}

}  // namespace
}  // namespace ipfsc::tracker
