// Logs by component, to stderr, as text or JSON lines.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ipfsc {

enum class LogLevel : int { kDebug = 1, kInfo = 2, kWarn = 3, kError = 4, kOff = 6 };

struct LogOptions {
  bool json = false;
  bool colour = false;
};

/// One per component and file: `static LogComponent log("tracker");`. Components with the same name share their level.
class LogComponent {
 public:
  explicit LogComponent(const char* name);

  template <class... Args>
  void debug(fmt::format_string<Args...> text, Args&&... args) const {
    write(LogLevel::kDebug, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void info(fmt::format_string<Args...> text, Args&&... args) const {
    write(LogLevel::kInfo, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> text, Args&&... args) const {
    write(LogLevel::kWarn, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void error(fmt::format_string<Args...> text, Args&&... args) const {
    write(LogLevel::kError, text, std::forward<Args>(args)...);
  }

  bool enabled(LogLevel level) const { return static_cast<int>(level) >= level_->load(std::memory_order_relaxed); }

 private:
  template <class... Args>
  void write(LogLevel level, fmt::format_string<Args...> text, Args&&... args) const {
    if (enabled(level)) emit(level, fmt::format(text, std::forward<Args>(args)...));
  }
  void emit(LogLevel level, const std::string& message) const;

  const char* name_;
  std::atomic<int>* level_;
};

void configure_log(LogOptions options);
/// "level" and/or "component:level", comma-separated (debug, info, warn, error, and Go's dpanic, panic, fatal as
/// off-most). kInvalidArgument names the bad part; nothing is changed then.
Result<> set_log_levels(std::string_view specification);
/// Lines at error level since the start: a test that announced none expects zero.
uint64_t logged_errors();

}  // namespace ipfsc
