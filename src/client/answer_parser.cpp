#include "client/answer_parser.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace ipfsc::client {
namespace {

std::unexpected<Error> broken(const char* what) {
  return fail(ErrorKind::kUnavailable, std::string("the answer is not good HTTP: ") + what);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

/// A whole number, nothing else.
bool parse_number(std::string_view text, int base, uint64_t& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

Result<> AnswerParser::feed(std::string_view bytes, const HttpSession::OnData& on_data) {
  while (!bytes.empty() && !done()) {
    if (state_ == State::kBody || state_ == State::kToEnd || state_ == State::kChunk) {
      size_t n = state_ == State::kToEnd ? bytes.size() : static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
      if (n > 0) TRY(on_data(answer_, bytes.substr(0, n)));
      bytes.remove_prefix(n);
      if (state_ == State::kToEnd) continue;
      left_ -= n;
      if (left_ == 0) state_ = state_ == State::kBody ? State::kDone : State::kChunkEnd;
      continue;
    }
    size_t end = bytes.find('\n');
    if (line_.size() + std::min(end, bytes.size()) > kMaxLineBytes) return broken("a line is too long");
    if (end == std::string_view::npos) {
      line_ += bytes;
      return {};
    }
    line_ += bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    TRY(take_line(line_));
    line_.clear();
  }
  return {};
}

Result<> AnswerParser::take_line(std::string_view line) {
  switch (state_) {
    case State::kStatus: {
      uint64_t status = 0;
      if (!line.starts_with("HTTP/1.") || line.size() < 12 || !parse_number(line.substr(9, 3), 10, status) ||
          status < 100) {
        return broken("no status line");
      }
      answer_ = {};
      answer_.status = static_cast<int>(status);
      state_ = State::kHeaders;
      return {};
    }
    case State::kHeaders:
      if (line.empty()) return end_of_head();
      add_header(line);
      return answer_.headers.size() > kMaxHeaders ? Result<>(broken("too many headers")) : Result<>();
    case State::kChunkSize:
      if (!parse_number(trimmed(line.substr(0, line.find(';'))), 16, left_)) return broken("no chunk size");
      state_ = left_ == 0 ? State::kTrailers : State::kChunk;
      return {};
    case State::kChunkEnd:
      if (!line.empty()) return broken("a chunk has no end");
      state_ = State::kChunkSize;
      return {};
    default:  // kTrailers
      if (line.empty()) {
        state_ = State::kDone;
      } else {
        add_header(line);
      }
      return answer_.headers.size() > kMaxHeaders ? Result<>(broken("too many trailers")) : Result<>();
  }
}

Result<> AnswerParser::end_of_head() {
  int status = answer_.status;
  if (status >= 100 && status < 200) {  // 100 Continue: the answer proper follows
    state_ = State::kStatus;
    return {};
  }
  auto encoding = answer_.header("transfer-encoding");
  auto length = answer_.header("content-length");
  if (status == 204 || status == 304) {
    state_ = State::kDone;
  } else if (encoding) {
    if (!encoding->ends_with("chunked")) return broken("an unknown transfer encoding");
    state_ = State::kChunkSize;
  } else if (length) {
    if (!parse_number(*length, 10, left_)) return broken("a bad length");
    state_ = left_ == 0 ? State::kDone : State::kBody;
  } else {
    state_ = State::kToEnd;
  }
  return {};
}

void AnswerParser::add_header(std::string_view line) {
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  answer_.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
}

Result<> AnswerParser::end_of_input() {
  if (state_ == State::kToEnd) state_ = State::kDone;
  if (done()) return {};
  return fail(ErrorKind::kUnavailable, answer_.status == 0 ? "the connection ended without an answer"
                                                           : "the connection ended in the middle of the answer");
}

}  // namespace ipfsc::client
