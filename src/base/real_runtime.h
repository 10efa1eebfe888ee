// The Runtime of a real peer: one io_context on one I/O thread, and a pool of threads for blocking work.
#pragma once

#include <random>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/runtime.h"

namespace ipfsc {

struct RealRuntimeOptions {
  /// Threads for hashing and database work; 0 = twice the cores, at least 4.
  unsigned worker_threads = 0;
};

class RealRuntime final : public Runtime {
 public:
  explicit RealRuntime(RealRuntimeOptions options = {});
  ~RealRuntime() override;

  SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override { return std::chrono::system_clock::now(); }
  uint64_t random() override { return random_(); }
  boost::asio::any_io_executor executor() override { return context_.get_executor(); }
  void submit_blocking(std::move_only_function<void()> job) override;
  Task<> sleep_until(SteadyTime when) override;

  boost::asio::io_context& context() { return context_; }
  /// Runs the I/O loop on the calling thread until nothing is left to do.
  void run() { context_.run(); }
  /// Spawns `task`, runs the loop until it ends, and returns its result. For main() and tests.
  template <class T>
  Result<T> run_task(Task<T> task);

 private:
  boost::asio::io_context context_;
  boost::asio::thread_pool workers_;
  std::mt19937_64 random_;
};

}  // namespace ipfsc

#include "base/run_task.h"

namespace ipfsc {
template <class T>
Result<T> RealRuntime::run_task(Task<T> task) {
  std::optional<Result<T>> result;
  spawn_into(executor(), std::move(task), [&result](Result<T> r) { result.emplace(std::move(r)); });
  context_.restart();
  while (!result && context_.run_one() > 0) {
  }
  if (!result) return fail(ErrorKind::kInternal, "the event loop ended before the task");
  return std::move(*result);
}
}  // namespace ipfsc
