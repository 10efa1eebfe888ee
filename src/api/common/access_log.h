// The access log: Apache Common Log Format (reference: rest-api 1.2).
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "base/log.h"
#include "net/http_server.h"

namespace ipfsc::api::common {

/// host ident user [time] "request" status bytes
std::string common_log_line(const net::AccessRecord& record);

/// I/O thread only.
class AccessLog {
 public:
  /// Appends to `file` (mode 0644; a line is in the kernel when write() returns); "" = `log` at level info.
  /// kInvalidArgument when the file cannot be opened.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& file, const LogComponent& log);
  ~AccessLog();
  /// False: nobody reads it now, the line need not be made.
  bool enabled() const;
  void write(const net::AccessRecord& record);

 private:
  AccessLog(int file, const LogComponent& log) : file_(file), log_(log) {}
  int file_;  // -1 = the log
  const LogComponent& log_;
};

}  // namespace ipfsc::api::common
