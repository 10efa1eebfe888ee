// The access log: Apache Common Log Format (reference: rest-api 1.2).
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "net/http_server.h"

namespace ipfsc::api::rest {

/// host ident user [time] "request" status bytes
std::string common_log_line(const net::AccessRecord& record);

/// I/O thread only.
class AccessLog {
 public:
  /// Appends to `file` (mode 0644; a line is in the kernel when write() returns); "" = the log `restapilog` at level
  /// info. kInvalidArgument when the file cannot be opened.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& file);
  ~AccessLog();
  /// False: nobody reads it now, the line need not be made.
  bool enabled() const;
  void write(const net::AccessRecord& record);

 private:
  explicit AccessLog(int file) : file_(file) {}
  int file_;  // -1 = the log
};

}  // namespace ipfsc::api::rest
