// LineReader: newline-delimited JSON (and other lines) out of a streamed body.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace ipfsc::net {

class LineReader {
 public:
  /// A line above `max_line_bytes` is kResourceExhausted.
  explicit LineReader(ByteSource source, size_t max_line_bytes = 1 << 20)
      : source_(std::move(source)), max_line_bytes_(max_line_bytes) {}

  /// The next line without its end ("\n" or "\r\n"); empty lines are skipped; nullopt at the end. The last line needs
  /// no newline. The view is valid until the next call.
  Task<std::optional<std::string_view>> next();

 private:
  ByteSource source_;
  size_t max_line_bytes_;
  std::string_view piece_;  // not yet looked at
  std::string carry_;       // beginning of a line that began in an earlier piece
  bool carry_used_ = false;
  bool ended_ = false;
};

}  // namespace ipfsc::net
