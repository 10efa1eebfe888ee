#include "base/task_group.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "base/check.h"
#include "base/log.h"
#include "base/run_task.h"

namespace ipfsc {

Notifier::Notifier(Runtime& runtime)
    : runtime_(runtime), timer_(runtime.executor(), boost::asio::steady_timer::time_point::max()) {}

void Notifier::notify_all() {
  ++generation_;
  timer_.cancel();
}

Task<> Notifier::wait() {
  uint64_t before = generation_;
  co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (generation_ == before) co_return fail(ErrorKind::kCancelled, "cancelled");
  co_return Result<>{};
}

Task<> Notifier::wait_until(SteadyTime until) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto first = co_await (wait() || runtime_.sleep_until(until));
  if (first.index() == 0) co_return std::get<0>(first);
  if (!std::get<1>(first)) co_return std::get<1>(first);
  co_return fail(ErrorKind::kDeadlineExceeded, "deadline exceeded");
}

TaskGroup::TaskGroup(Runtime& runtime) : runtime_(runtime), changed_(runtime) {}

TaskGroup::~TaskGroup() { CHECK(tasks_.empty()); }

void TaskGroup::spawn(std::string_view name, Task<> task) {
  if (cancelled_) return;
  auto it = tasks_.emplace(tasks_.end());
  spawn_into(
      runtime_.executor(), std::move(task),
      [this, it, name = std::string(name)](Result<> result) {
        if (!result && result.error().kind != ErrorKind::kCancelled) {
          static LogComponent log("base");
          log.error("{} ended: {}", name, result.error().message);
        }
        tasks_.erase(it);
        if (tasks_.empty()) changed_.notify_all();
      },
      it->slot());
}

void TaskGroup::cancel() {
  cancelled_ = true;
  // A cancelled task may end, and leave the list, at once.
  for (auto it = tasks_.begin(); it != tasks_.end();) (it++)->emit(boost::asio::cancellation_type::all);
}

boost::asio::awaitable<void> TaskGroup::join() {
  while (!tasks_.empty()) (void)co_await changed_.wait();
}

boost::asio::awaitable<void> TaskGroup::stop() {
  cancel();
  co_await join();
}

}  // namespace ipfsc
