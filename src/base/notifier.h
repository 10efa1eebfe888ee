// Notifier: wakes coroutines that wait for "something changed"; they look at the state themselves.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "base/runtime.h"

namespace ipfsc {

/// I/O thread only (use notify_from_any_thread elsewhere). Nothing is remembered: wait() sees only later notifications,
/// so check the condition, then wait, without a suspension in between.
class Notifier {
 public:
  explicit Notifier(Runtime& runtime);
  /// Wakes all that wait now.
  void notify_all();
  /// kCancelled when the awaiting task is cancelled.
  Task<> wait();
  /// The same with a limit; kDeadlineExceeded at `until`.
  Task<> wait_until(SteadyTime until);

 private:
  Runtime& runtime_;
  boost::asio::steady_timer timer_;
  uint64_t generation_ = 0;
};

}  // namespace ipfsc
