// The Runtime of simulations: virtual clocks, seeded random numbers, blocking jobs run in order on the calling thread.
// The same seed and program give the same trace.
#pragma once

#include <map>
#include <random>

#include <boost/asio/io_context.hpp>

#include "base/run_task.h"
#include "base/runtime.h"

namespace ipfsc {

class VirtualRuntime final : public Runtime {
 public:
  /// Both clocks start at fixed points, so that traces compare.
  explicit VirtualRuntime(uint64_t seed);
  ~VirtualRuntime() override;

  SteadyTime now() const override { return now_; }
  WallTime wall_now() const override;
  uint64_t random() override { return random_(); }
  boost::asio::any_io_executor executor() override { return context_.get_executor(); }
  void submit_blocking(std::move_only_function<void()> job) override;
  Task<> sleep_until(SteadyTime when) override;

  /// Runs everything that is due up to `until` and leaves the clock there.
  void run_until(SteadyTime until);
  void run_for(Duration duration) { run_until(now_ + duration); }
  /// Runs what is ready now without moving the clock.
  void run_ready();
  /// Runs, moving the clock as needed, until `task` ends; kDeadlineExceeded when `limit` of virtual time passes first
  /// or nothing is left that could end it.
  template <class T>
  Result<T> run_task(Task<T> task, Duration limit = std::chrono::hours(24));

  /// Shifts the wall clock (clock jumps in tests).
  void jump_wall_clock(Duration by) { wall_offset_ += by; }

 private:
  using TimerKey = std::pair<SteadyTime, uint64_t>;
  bool step_to_next_timer(SteadyTime until);

  boost::asio::io_context context_;
  std::mt19937_64 random_;
  SteadyTime now_{};
  Duration wall_offset_{};
  uint64_t next_timer_ = 0;
  std::map<TimerKey, std::move_only_function<void(bool cancelled)>> timers_;
};

template <class T>
Result<T> VirtualRuntime::run_task(Task<T> task, Duration limit) {
  std::optional<Result<T>> result;
  spawn_into(executor(), std::move(task), [&result](Result<T> r) { result.emplace(std::move(r)); });
  SteadyTime until = now_ + limit;
  run_ready();
  while (!result && step_to_next_timer(until)) run_ready();
  if (!result) return fail(ErrorKind::kDeadlineExceeded, "the task did not end in virtual time");
  return std::move(*result);
}

}  // namespace ipfsc
