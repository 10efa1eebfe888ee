// with_reports: something that is told now and then while a task runs.
#pragma once

#include <optional>
#include <vector>

#include "base/gather.h"
#include "base/notifier.h"
#include "base/runtime.h"

namespace ipfsc {

/// Awaits `task`; calls `report` (a function that gives a Task<>) every `interval` until it has ended, and once then.
/// The error of a report is the answer instead; it cuts `task` short no more than a success does.
template <class T, class Report>
Task<T> with_reports(Runtime& runtime, Duration interval, Report report, Task<T> task) {
  std::optional<Result<T>> end;
  Notifier ended(runtime);
  auto run = [&]() -> Task<> {
    end = co_await std::move(task);
    ended.notify_all();
    co_return Result<>{};
  };
  auto tell = [&]() -> Task<> {
    while (!end) {
      auto woken = co_await ended.wait_until(runtime.now() + interval);
      if (!woken && woken.error().kind != ErrorKind::kDeadlineExceeded) co_return woken;
      CO_TRY(co_await report());
    }
    co_return Result<>{};
  };
  std::vector<Task<>> both;
  both.push_back(run());
  both.push_back(tell());
  for (auto& done : co_await gather(runtime, std::move(both))) CO_TRY(done);
  co_return *std::move(end);
}

}  // namespace ipfsc
