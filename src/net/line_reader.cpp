#include "net/line_reader.h"

namespace ipfsc::net {

Task<std::optional<std::string_view>> LineReader::next() {
  if (carry_used_) {
    carry_.clear();
    carry_used_ = false;
  }
  auto too_long = [&] {
    return fail(ErrorKind::kResourceExhausted, "a line is longer than " + std::to_string(max_line_bytes_) + " bytes");
  };
  for (;;) {
    if (piece_.empty()) {
      if (ended_) co_return std::nullopt;
      CO_TRY_ASSIGN(piece_, co_await source_());
      if (piece_.empty()) ended_ = true;
    }
    auto newline = piece_.find('\n');
    if (newline == std::string_view::npos && !ended_) {
      if (carry_.size() + piece_.size() > max_line_bytes_) co_return too_long();
      carry_ += piece_;
      piece_ = {};
      continue;
    }
    auto line = piece_.substr(0, newline);
    piece_ = newline == std::string_view::npos ? std::string_view{} : piece_.substr(newline + 1);
    if (carry_.size() + line.size() > max_line_bytes_) co_return too_long();
    if (!carry_.empty()) {
      carry_ += line;
      line = carry_;
      carry_used_ = true;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) co_return line;
    carry_.clear();
    carry_used_ = false;
  }
}

}  // namespace ipfsc::net
