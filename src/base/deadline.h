// with_deadline: a limit on any task.
#pragma once

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "base/runtime.h"

namespace ipfsc {

/// Awaits `task`; at `deadline` it is cancelled, waited for, and the answer is kDeadlineExceeded saying `doing`.
template <class T>
Task<T> with_deadline(Runtime& runtime, SteadyTime deadline, std::string doing, Task<T> task) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto first = co_await (std::move(task) || runtime.sleep_until(deadline));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  if (!std::get<1>(first)) co_return std::unexpected(std::get<1>(first).error());
  co_return fail(ErrorKind::kDeadlineExceeded, doing + ": deadline exceeded");
}

}  // namespace ipfsc
