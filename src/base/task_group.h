// TaskGroup: the owner of spawned tasks. Stopping means: ask them to cancel, then wait for them.
#pragma once

#include <list>
#include <string>
#include <string_view>

#include <boost/asio/cancellation_signal.hpp>

#include "base/notifier.h"
#include "base/runtime.h"

namespace ipfsc {

/// I/O thread only. Must be stopped (or never used, or empty) before it is destroyed.
class TaskGroup {
 public:
  explicit TaskGroup(Runtime& runtime);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `task` (it must own what it uses, or use what outlives this group). An error other than kCancelled is
  /// logged under `name`. After cancel() nothing starts any more: the task is dropped.
  void spawn(std::string_view name, Task<> task);
  /// Asks every task to cancel and refuses new ones.
  void cancel();
  /// Waits until no task is left.
  boost::asio::awaitable<void> join();
  /// cancel(), then join().
  boost::asio::awaitable<void> stop();

  size_t size() const { return tasks_.size(); }
  bool cancelled() const { return cancelled_; }

 private:
  Runtime& runtime_;
  std::list<boost::asio::cancellation_signal> tasks_;
  Notifier changed_;
  bool cancelled_ = false;
};

}  // namespace ipfsc
