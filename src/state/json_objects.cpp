#include "state/json_objects.h"

#include <fmt/format.h>

namespace ipfsc::state {
namespace {

std::unexpected<Error> bad(uint64_t line, std::string_view why) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("line {}: {}", line, why));
}

}  // namespace

Result<> JsonObjects::feed(std::string_view text, std::vector<Piece>& out) {
  size_t start = 0;  // of the object in `text`
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\n') ++line_;
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      continue;
    }
    if (depth_ == 0) {
      if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
      if (c != '{') return bad(line_, "expected a JSON object");
      start = i;
      begun_line_ = line_;
      depth_ = 1;
      continue;
    }
    if (c == '"') {
      in_string_ = true;
    } else if (c == '{') {
      ++depth_;
    } else if (c == '}' && --depth_ == 0) {
      begun_.append(text.substr(start, i + 1 - start));
      if (begun_.size() > max_bytes_) return bad(begun_line_, fmt::format("longer than {} bytes", max_bytes_));
      out.push_back({std::move(begun_), begun_line_});
      begun_.clear();
      start = i + 1;
    }
  }
  if (depth_ > 0) begun_.append(text.substr(start));
  if (begun_.size() > max_bytes_) return bad(begun_line_, fmt::format("longer than {} bytes", max_bytes_));
  return {};
}

Result<> JsonObjects::finish() const {
  if (depth_ > 0) return bad(begun_line_, "the JSON object does not end");
  return {};
}

}  // namespace ipfsc::state
