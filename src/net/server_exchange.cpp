// What a handler sees of a connection: the request it reads and the response it writes.
#include <fmt/format.h>

#include "base/check.h"
#include "net/server_connection.h"

namespace ipfsc::net {

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& field : fields_) {
    if (equal_fold(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string_view Request::variable(std::string_view name) const {
  for (const auto& [key, value] : variables_) {
    if (key == name) return value;
  }
  return {};
}

void Request::set_variable(std::string_view name, std::string value) {
  variables_.emplace_back(name, std::move(value));
}

const std::string& Request::remote() const { return connection_.remote_; }
const std::string& Request::certificate_name() const { return connection_.certificate_name_; }

Task<std::string_view> Request::read_some() { return connection_.read_body(); }

Task<std::string> Request::read_all(size_t limit_bytes) {
  auto too_large = [&] {
    return fail(ErrorKind::kResourceExhausted, fmt::format("the request body is larger than {} bytes", limit_bytes));
  };
  if (content_length_ && *content_length_ > limit_bytes) co_return too_large();
  std::string out;
  if (content_length_) out.reserve(static_cast<size_t>(*content_length_));
  for (;;) {
    CO_TRY_ASSIGN(auto piece, co_await connection_.read_body());
    if (piece.empty()) co_return out;
    if (out.size() + piece.size() > limit_bytes) co_return too_large();
    out += piece;
  }
}

void Response::reset() {
  headers_.clear();
  state_ = State::kNew;
  close_after_ = chunked_ = has_content_type_ = false;
  status_ = 0;
  body_bytes_ = 0;
  promised_bytes_.reset();
}

void Response::add_header(std::string_view name, std::string_view value) {
  CHECK(state_ == State::kNew);
  if (!has_content_type_ && equal_fold(name, "Content-Type")) has_content_type_ = true;
  headers_ += name;
  headers_ += ": ";
  size_t at = headers_.size();
  headers_ += value;
  for (; at < headers_.size(); ++at) {
    if (headers_[at] == '\r' || headers_[at] == '\n' || headers_[at] == '\0') headers_[at] = ' ';
  }
  headers_ += "\r\n";
}

void Response::set_header(std::string_view name, std::string_view value) {
  for (size_t at = 0; at < headers_.size();) {
    auto end = headers_.find("\r\n", at) + 2;
    auto colon = headers_.find(':', at);
    if (equal_fold(std::string_view(headers_).substr(at, colon - at), name)) {
      headers_.erase(at, end - at);
    } else {
      at = end;
    }
  }
  add_header(name, value);
}

Result<> Response::send(int status, std::string_view body, std::string_view content_type) {
  CHECK(state_ == State::kNew);
  state_ = State::kEnded;
  status_ = status;
  bool without_body = status == 204 || status == 304 || status < 200;
  connection_.append_head(status, content_type, without_body ? std::nullopt : std::optional<uint64_t>(body.size()));
  if (!without_body && !connection_.body_suppressed()) {
    connection_.out_ += body;
    body_bytes_ = body.size();
  }
  return {};
}

Result<> Response::begin(Stream stream) {
  CHECK(state_ == State::kNew);
  state_ = State::kStreaming;
  status_ = stream.status;
  promised_bytes_ = stream.content_length;
  std::string trailers;
  for (const auto& name : stream.trailers) trailers += (trailers.empty() ? "" : ", ") + name;
  if (!stream.content_length) {
    chunked_ = connection_.head_.version >= 11;
    if (!chunked_) close_after_ = true;  // the end of the connection is the end of the body
  }
  if (!trailers.empty()) {
    state_ = State::kNew;
    add_header("Trailer", trailers);
    state_ = State::kStreaming;
  }
  connection_.append_head(stream.status, stream.content_type, stream.content_length);
  connection_.arm_flush_timer();
  return {};
}

Task<> Response::write(std::string_view piece) {
  CHECK(state_ == State::kStreaming);
  auto gone = [] { return fail(ErrorKind::kCancelled, "the client is gone"); };
  if (connection_.broken_) co_return gone();
  if (piece.empty() || connection_.body_suppressed()) co_return Result<>{};
  body_bytes_ += piece.size();
  if (promised_bytes_ && body_bytes_ > *promised_bytes_) {
    connection_.broken_ = true;
    co_return fail(ErrorKind::kInternal, "more bytes than the announced length");
  }
  auto limit = connection_.server_->options.flush_bytes;
  if (piece.size() >= limit) {
    if (!co_await connection_.flush(piece)) co_return gone();
    co_return Result<>{};
  }
  connection_.chunk_ += piece;
  if (connection_.chunk_.size() >= limit) {
    if (!co_await connection_.flush()) co_return gone();
  } else {
    connection_.arm_flush_timer();
  }
  co_return Result<>{};
}

Task<> Response::flush() {
  if (!co_await connection_.flush()) co_return fail(ErrorKind::kCancelled, "the client is gone");
  co_return Result<>{};
}

Result<> Response::end(const Headers& trailers) {
  CHECK(state_ == State::kStreaming);
  if (promised_bytes_ && body_bytes_ != *promised_bytes_ && !connection_.body_suppressed()) {
    return fail(ErrorKind::kInternal, fmt::format("{} bytes were announced, {} came", *promised_bytes_, body_bytes_));
  }
  connection_.frame_pending();
  if (chunked_ && !connection_.body_suppressed()) {
    connection_.out_ += "0\r\n";
    for (const auto& trailer : trailers) {
      connection_.out_ += trailer.name;
      connection_.out_ += ": ";
      for (char c : trailer.value) connection_.out_ += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
      connection_.out_ += "\r\n";
    }
    connection_.out_ += "\r\n";
  }
  state_ = State::kEnded;
  return {};
}

}  // namespace ipfsc::net
