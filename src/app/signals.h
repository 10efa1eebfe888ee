// What a daemon owes to the system: signals and systemd.
#pragma once

#include <optional>
#include <string_view>

#include <boost/asio/signal_set.hpp>

#include "base/notifier.h"
#include "base/runtime.h"

namespace ipfsc::app {

/// SIGINT, SIGTERM and SIGHUP: the first asks for a clean stop, the second is a warning, the third ends the process
/// with 1.
class StopSignals {
 public:
  explicit StopSignals(Runtime& runtime);
  bool asked() const { return count_ > 0; }
  /// Returns when a stop was asked for. kCancelled.
  Task<> wait();
  void cancel() { signals_.cancel(); }

 private:
  void listen();

  Notifier changed_;
  boost::asio::signal_set signals_;
  int count_ = 0;
};

/// SIGUSR1: what can be read again is to be.
class ReloadSignal {
 public:
  explicit ReloadSignal(Runtime& runtime);
  /// Returns once for any number of signals since the last return. kCancelled.
  Task<> wait();
  void cancel() { signals_.cancel(); }

 private:
  void listen();

  Notifier changed_;
  boost::asio::signal_set signals_;
  bool asked_ = false;
};

/// "READY=1", "STOPPING=1" for systemd; nothing without NOTIFY_SOCKET.
void notify_service_manager(std::string_view state);

/// How often the service manager wants to hear from this process (WATCHDOG_USEC, WATCHDOG_PID); nullopt: it does not.
std::optional<Duration> watchdog_time();
/// "WATCHDOG=1" twice in each such time, from the thread that does all the work: when that hangs, systemd restarts the
/// peer. Ends when it is cancelled, at once when nobody watches.
Task<> feed_watchdog(Runtime& runtime);

}  // namespace ipfsc::app
