// Lines of a log that may have a file of its own.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"

namespace ipfsc::api::common {

/// I/O thread only.
class LineLog {
 public:
  /// Appends to `file` (mode 0644; a line is in the kernel when write() returns); "" = `log` at level info.
  /// kInvalidArgument when the file cannot be opened: "`what` FILE: …".
  static Result<std::unique_ptr<LineLog>> open(std::string_view what, const std::string& file, const LogComponent& log);
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  /// False: nobody reads it now, the line need not be made.
  bool enabled() const;
  void write(std::string line);

 private:
  LineLog(int file, const LogComponent& log) : file_(file), log_(log) {}
  int file_;  // -1 = the log
  const LogComponent& log_;
};

}  // namespace ipfsc::api::common
