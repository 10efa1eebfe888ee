#include <gtest/gtest.h>

#include <thread>

#include "base/deadline.h"
#include "base/log.h"
#include "base/rate_limiter.h"
#include "base/real_runtime.h"
#include "base/task_group.h"
#include "base/virtual_runtime.h"
#include "base/with_reports.h"

namespace ipfsc {
namespace {

using namespace std::chrono_literals;

Task<> worker(VirtualRuntime& runtime, int id, std::vector<std::string>& trace) {
  for (int i = 0; i < 5; ++i) {
    CO_TRY(co_await runtime.sleep_for(std::chrono::milliseconds(runtime.random() % 50)));
    int square = co_await run_blocking(runtime, [i] { return i * i; });
    trace.push_back(fmt::format("{} {} {} {}", runtime.now().time_since_epoch().count(), id, i, square));
  }
  co_return Result<>{};
}

std::vector<std::string> run_program(uint64_t seed) {
  VirtualRuntime runtime(seed);
  std::vector<std::string> trace;
  TaskGroup group(runtime);
  for (int id = 0; id < 4; ++id) group.spawn("worker", worker(runtime, id, trace));
  runtime.run_for(10s);
  EXPECT_EQ(group.size(), 0u);
  return trace;
}

TEST(VirtualRuntime, SameSeedSameTrace) {
  auto first = run_program(7);
  EXPECT_EQ(first.size(), 20u);
  EXPECT_EQ(first, run_program(7));
  EXPECT_NE(first, run_program(8));
}

TEST(VirtualRuntime, HoursPassAtOnce) {
  VirtualRuntime runtime(1);
  auto before = runtime.wall_now();
  auto real = std::chrono::steady_clock::now();
  EXPECT_TRUE(runtime.run_task<void>(runtime.sleep_for(5h)));
  EXPECT_EQ(runtime.wall_now() - before, 5h);
  EXPECT_LT(std::chrono::steady_clock::now() - real, 5s);
}

TEST(VirtualRuntime, DeadlineCancelsTheTask) {
  VirtualRuntime runtime(1);
  auto result =
      runtime.run_task<void>(with_deadline<void>(runtime, runtime.now() + 1s, "napping", runtime.sleep_for(1h)));
  EXPECT_EQ(result.error(), (Error{ErrorKind::kDeadlineExceeded, "napping: deadline exceeded"}));
  EXPECT_TRUE(
      runtime.run_task<void>(with_deadline<void>(runtime, runtime.now() + 1h, "napping", runtime.sleep_for(1s))));
}

TEST(WithReports, AreGivenWhileItRunsAndOnceAtItsEnd) {
  VirtualRuntime runtime(1);
  std::vector<Duration> told;
  auto report = [&]() -> Task<> {
    told.push_back(runtime.now().time_since_epoch());
    co_return Result<>{};
  };
  auto task = [&]() -> Task<int> {
    CO_TRY(co_await runtime.sleep_for(2500ms));
    co_return 7;
  };
  auto begin = runtime.now().time_since_epoch();
  EXPECT_EQ(runtime.run_task(with_reports(runtime, 1s, report, task())), 7);
  EXPECT_EQ(told, (std::vector<Duration>{begin + 1s, begin + 2s, begin + 2500ms}));
}

TEST(WithReports, OneThatFailsIsTheAnswerWhenTheTaskHasEnded) {
  VirtualRuntime runtime(1);
  bool ended = false;
  auto report = []() -> Task<> { co_return fail(ErrorKind::kUnavailable, "nobody listens"); };
  auto task = [&]() -> Task<> {
    CO_TRY(co_await runtime.sleep_for(5s));
    ended = true;
    co_return Result<>{};
  };
  auto done = runtime.run_task(with_reports(runtime, 1s, report, task()));
  EXPECT_TRUE(ended);
  EXPECT_EQ(done.error().message, "nobody listens");
}

TEST(WithReports, EndsWithTheTasksErrorAndIsCancelledWithIt) {
  VirtualRuntime runtime(1);
  auto report = []() -> Task<> { co_return Result<>{}; };
  auto failing = []() -> Task<> { co_return fail(ErrorKind::kNotFound, "nothing there"); };
  EXPECT_EQ(runtime.run_task(with_reports(runtime, 1s, report, failing())).error().message, "nothing there");
  auto late =
      with_deadline(runtime, runtime.now() + 3s, "it", with_reports(runtime, 1s, report, runtime.sleep_for(1h)));
  EXPECT_EQ(runtime.run_task(std::move(late)).error().kind, ErrorKind::kDeadlineExceeded);
}

TEST(TaskGroup, StopCancelsAndWaits) {
  VirtualRuntime runtime(1);
  TaskGroup group(runtime);
  auto errors = logged_errors();
  for (int i = 0; i < 3; ++i) group.spawn("sleeper", runtime.sleep_for(1h));
  auto stop = [](TaskGroup& g) -> Task<> {
    co_await g.stop();
    co_return Result<>{};
  };
  auto start = runtime.now();
  EXPECT_TRUE(runtime.run_task<void>(stop(group)));
  EXPECT_EQ(group.size(), 0u);
  EXPECT_EQ(runtime.now(), start);
  EXPECT_EQ(logged_errors(), errors);
}

Task<> wait_for(Notifier& notifier, int& count) {
  CO_TRY(co_await notifier.wait());
  ++count;
  co_return Result<>{};
}

TEST(Notifier, WakesAllAndTimesOut) {
  VirtualRuntime runtime(1);
  Notifier notifier(runtime);
  TaskGroup group(runtime);
  int woken = 0;
  group.spawn("a", wait_for(notifier, woken));
  group.spawn("b", wait_for(notifier, woken));
  runtime.run_ready();
  EXPECT_EQ(woken, 0);
  notifier.notify_all();
  runtime.run_ready();
  EXPECT_EQ(woken, 2);
  auto result = runtime.run_task<void>(notifier.wait_until(runtime.now() + 3s));
  EXPECT_EQ(result.error().kind, ErrorKind::kDeadlineExceeded);
}

TEST(RealRuntime, BlockingJobsRunElsewhereAndComeBack) {
  RealRuntime runtime({.worker_threads = 2});
  auto here = std::this_thread::get_id();
  auto task = [](RealRuntime& rt, std::thread::id io) -> Task<bool> {
    auto there = co_await run_blocking(rt, [] { return std::this_thread::get_id(); });
    co_return there != io&& std::this_thread::get_id() == io;
  };
  EXPECT_TRUE(runtime.run_task<bool>(task(runtime, here)).value());
}

TEST(RealRuntime, ExceptionsOfJobsBecomeErrorsAtTheRoot) {
  RealRuntime runtime({.worker_threads = 1});
  auto task = [](RealRuntime& rt) -> Task<> {
    co_return co_await run_blocking(rt, []() -> Result<> { throw std::runtime_error("broken job"); });
  };
  auto result = runtime.run_task<void>(task(runtime));
  EXPECT_EQ(result.error(), (Error{ErrorKind::kInternal, "broken job"}));
}

TEST(RateLimiter, WaitsForDebtAndSavesUpToTheBurst) {
  RateLimiter limiter(10, 5);
  SteadyTime now{1h};
  EXPECT_EQ(limiter.take(5, now), Duration::zero());
  EXPECT_EQ(limiter.take(1, now), 100ms);
  now += 10s;
  EXPECT_EQ(limiter.take(5, now), Duration::zero());
  EXPECT_EQ(RateLimiter(0, 0).take(1e9, now), Duration::zero());
}

TEST(Log, LevelsAreChecked) {
  EXPECT_FALSE(set_log_levels("loud"));
  EXPECT_FALSE(set_log_levels("info,tracker:loud"));
  static LogComponent log("log-test");
  EXPECT_TRUE(set_log_levels("log-test:error"));
  EXPECT_FALSE(log.enabled(LogLevel::kWarn));
  EXPECT_TRUE(set_log_levels("log-test:debug"));
  EXPECT_TRUE(log.enabled(LogLevel::kDebug));
}

}  // namespace
}  // namespace ipfsc
