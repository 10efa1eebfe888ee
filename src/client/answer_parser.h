// Reads one HTTP/1.1 answer from pieces of any size: head, body by length, by chunks or to the end, trailers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "client/http.h"

namespace ipfsc::client {

class AnswerParser {
 public:
  static constexpr size_t kMaxLineBytes = 64 * 1024;
  static constexpr size_t kMaxHeaders = 1000;

  /// kUnavailable when it is not HTTP or breaks a bound; else errors of `on_data`.
  Result<> feed(std::string_view bytes, const HttpSession::OnData& on_data);
  /// The connection ended: fine for a body without a length, else kUnavailable.
  Result<> end_of_input();

  bool done() const { return state_ == State::kDone; }
  /// Status and headers so far; trailers after them once done().
  HttpAnswer& answer() { return answer_; }

 private:
  enum class State { kStatus, kHeaders, kBody, kToEnd, kChunkSize, kChunk, kChunkEnd, kTrailers, kDone };

  Result<> take_line(std::string_view line);
  Result<> end_of_head();
  void add_header(std::string_view line);

  State state_ = State::kStatus;
  HttpAnswer answer_;
  std::string line_;   // the beginning of a line whose end has not come
  uint64_t left_ = 0;  // bytes of the body or chunk
};

}  // namespace ipfsc::client
