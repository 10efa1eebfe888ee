// gather: several tasks at once.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/notifier.h"
#include "base/run_task.h"
#include "base/runtime.h"

namespace ipfsc {

/// Runs all tasks at once and returns their results in order when the last one has ended. The caller bounds how many.
/// Cancelling it cancels them all; it still waits for them, so they may borrow what the awaiting coroutine owns.
template <class T>
boost::asio::awaitable<std::vector<Result<T>>> gather(Runtime& runtime, std::vector<Task<T>> tasks) {
  struct Shared {
    explicit Shared(Runtime& rt) : changed(rt) {}
    Notifier changed;
    std::vector<std::optional<Result<T>>> results;
    std::list<boost::asio::cancellation_signal> signals;
    size_t running = 0;
  };
  auto shared = std::make_shared<Shared>(runtime);
  shared->results.resize(tasks.size());
  shared->running = tasks.size();
  for (size_t i = 0; i < tasks.size(); ++i) {
    auto& signal = shared->signals.emplace_back();
    spawn_into(
        runtime.executor(), std::move(tasks[i]),
        [shared, i](Result<T> result) {
          shared->results[i].emplace(std::move(result));
          if (--shared->running == 0) shared->changed.notify_all();
        },
        signal.slot());
  }
  while (shared->running > 0) {
    if (co_await shared->changed.wait()) continue;
    for (auto& signal : shared->signals) signal.emit(boost::asio::cancellation_type::all);
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  }
  std::vector<Result<T>> out;
  out.reserve(shared->results.size());
  for (auto& result : shared->results) out.push_back(*std::move(result));
  co_return out;
}

}  // namespace ipfsc
