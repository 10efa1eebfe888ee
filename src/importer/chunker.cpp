#include "importer/chunker.h"

#include <algorithm>
#include <charconv>

#include "fmt/format.h"

namespace ipfsc::importer {

Result<Chunker> Chunker::parse(std::string_view text) {
  if (text.empty() || text == "default") return Chunker(kDefaultBytes);
  auto family = text.substr(0, text.find('-'));
  if (family == "rabin" || family == "buzhash") {
    return fail(ErrorKind::kUnimplemented,
                fmt::format("chunker {}: {} is not offered yet, only size-N is", text, family));
  }
  if (family != "size" || family.size() == text.size()) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("unknown chunker '{}': use size-N", text));
  }
  auto digits = text.substr(family.size() + 1);
  uint64_t size = 0;
  auto [end, error] = std::from_chars(digits.begin(), digits.end(), size);
  if (error == std::errc::result_out_of_range) size = UINT64_MAX;
  bool is_number = !digits.empty() && end == digits.end() && error != std::errc::invalid_argument;
  if (!is_number || size < 1 || size > kMaxBytes) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("chunker {}: the size must be a number from 1 to {}", text, kMaxBytes));
  }
  return Chunker(size);
}

Chunker::Cut Chunker::take(ByteView more) {
  size_t bytes = std::min<uint64_t>(size_ - filled_, more.size());
  filled_ += bytes;
  bool ends = filled_ == size_;
  if (ends) filled_ = 0;
  return {bytes, ends};
}

}  // namespace ipfsc::importer
