// Cuts a stream of pieces into lines.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ipfsc::client {

class LineSplitter {
 public:
  explicit LineSplitter(size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  /// Calls `on_line` for each line that is whole now, without its end; empty lines are left out. Lines inside one piece
  /// are not copied.
  template <class F>
  Result<> feed(std::string_view piece, const F& on_line) {
    for (;;) {
      size_t end = piece.find('\n');
      std::string_view part = piece.substr(0, end);
      if (rest_.size() + part.size() > max_line_bytes_) {
        return fail(ErrorKind::kResourceExhausted, "one object of the answer is too long");
      }
      if (end == std::string_view::npos) {
        rest_ += part;
        return {};
      }
      if (rest_.empty()) {
        if (!part.empty()) TRY(on_line(part));
      } else {
        rest_ += part;
        TRY(on_line(std::string_view(rest_)));
        rest_.clear();
      }
      piece.remove_prefix(end + 1);
    }
  }

  /// What came after the last line's end.
  template <class F>
  Result<> finish(const F& on_line) {
    if (rest_.empty()) return {};
    TRY(on_line(std::string_view(rest_)));
    rest_.clear();
    return {};
  }

 private:
  size_t max_line_bytes_;
  std::string rest_;
};

}  // namespace ipfsc::client
