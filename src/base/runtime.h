// Runtime: the seam through which all code reaches clocks, timers, random numbers and worker threads.
//
// RealRuntime (real_runtime.h) runs one io_context on one I/O thread and a bounded pool for blocking work.
// VirtualRuntime (virtual_runtime.h) runs the same code in virtual time, deterministically, on the calling thread.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/task.h"
#include "base/time.h"

namespace ipfsc {

class Runtime {
 public:
  virtual ~Runtime() = default;

  /// Monotonic clock: for waiting and measuring.
  virtual SteadyTime now() const = 0;
  /// The wall clock: for people and for proposing entry times.
  virtual WallTime wall_now() const = 0;
  /// 64 random bits (not for keys). I/O thread only.
  virtual uint64_t random() = 0;
  /// Where coroutines run: one thread, so state touched only from it needs no lock.
  virtual boost::asio::any_io_executor executor() = 0;
  /// Runs `job` on the worker pool (bounded threads, unbounded queue: callers bound what they have in flight).
  virtual void submit_blocking(std::move_only_function<void()> job) = 0;
  /// Completes at `when`; kCancelled when the awaiting task is cancelled first.
  virtual Task<> sleep_until(SteadyTime when) = 0;

  Task<> sleep_for(Duration duration) { return sleep_until(now() + duration); }
};

/// Runs `job` (hashing, coding, database work) on the worker pool and returns its value on the I/O thread. The job
/// cannot be cancelled: a cancelled caller still waits for its end, so `job` may borrow what the awaiting coroutine
/// owns. An exception of the job is rethrown in the awaiting coroutine.
template <class F>
boost::asio::awaitable<std::invoke_result_t<F&>> run_blocking(Runtime& runtime, F job) {
  using R = std::invoke_result_t<F&>;
  static_assert(!std::is_void_v<R>, "return a Result<> from blocking jobs");
  auto executor = runtime.executor();
  auto initiation = [&runtime, &executor, &job](auto handler) {
    auto work = boost::asio::make_work_guard(executor);
    runtime.submit_blocking([&job, work = std::move(work), handler = std::move(handler)]() mutable {
      std::optional<R> value;
      std::exception_ptr error;
      try {
        value.emplace(job());
      } catch (...) {
        error = std::current_exception();
      }
      auto ex = work.get_executor();
      boost::asio::post(ex, [handler = std::move(handler), value = std::move(value), error]() mutable {
        std::move(handler)(error, std::move(value));
      });
    });
  };
  auto value = co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                    void(std::exception_ptr, std::optional<R>)>(
      std::move(initiation), boost::asio::use_awaitable);
  co_return std::move(*value);
}

}  // namespace ipfsc
