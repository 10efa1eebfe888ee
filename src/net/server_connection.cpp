#include "net/server_connection.h"

#include <charconv>

#include <boost/asio/detached.hpp>
#include <boost/beast/http/error.hpp>

#include "base/check.h"
#include "base/log.h"
#include "base/run_task.h"

namespace ipfsc::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

const LogComponent kLog("net");
constexpr size_t kKeptOutputBytes = 64 * 1024;
constexpr uint64_t kLingerTicks = 2;

int refusal_status(const boost::system::error_code& ec) {
  if (ec == http::error::bad_version) return 505;
  return 400;
}

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerShared> server, std::unique_ptr<Stream> stream,
                                   std::string remote)
    : server_(std::move(server)), stream_(std::move(stream)), remote_(std::move(remote)) {}

void ServerConnection::start() {
  place_ = server_->connections.insert(server_->connections.end(), this);
  set_phase(Phase::kNew);
  spawn_into(
      server_->runtime.executor(), run(),
      [self = shared_from_this()](Result<>) {
        self->closed_ = true;
        self->stream_->close();
        self->server_->connections.erase(self->place_);
        self->server_->changed.notify_all();
      },
      cancel_.slot());
}

void ServerConnection::abort() {
  broken_ = true;
  stream_->close();
  cancel_.emit(asio::cancellation_type::all);
}

void ServerConnection::stop_when_idle() {
  if (phase_ == Phase::kNew || phase_ == Phase::kIdle || phase_ == Phase::kLinger) stream_->close();
}

/// Says that bytes are awaited or sent, for as long as it lives.
class ServerConnection::Transfer {
 public:
  Transfer(ServerConnection& connection, bool& flag) : connection_(connection), flag_(flag) {
    flag_ = true;
    connection_.transfer_tick_ = connection_.server_->tick;
  }
  ~Transfer() {
    flag_ = false;
    connection_.transfer_tick_ = connection_.phase_tick_ = connection_.server_->tick;
  }
  Transfer(const Transfer&) = delete;

 private:
  ServerConnection& connection_;
  bool& flag_;
};

void ServerConnection::sweep() {
  const auto& options = server_->options;
  auto older_than = [&](uint64_t since, Duration timeout) {
    return timeout > Duration::zero() && server_->tick - since > server_->ticks(timeout);
  };
  auto phase_is_over = [&] {
    switch (phase_) {
      case Phase::kIdle:
        return older_than(phase_tick_, options.idle_timeout);
      case Phase::kNew:
      case Phase::kHead:
        return older_than(phase_tick_, options.header_timeout) || older_than(phase_tick_, options.read_timeout);
      case Phase::kHandling:
        return server_->tick > phase_tick_ + 1 && stream_->peer_closed();
      case Phase::kLinger:
        return server_->tick - phase_tick_ > kLingerTicks;
    }
    return false;
  };
  // A handler may read the request and write the answer at once: whichever moves counts.
  bool over = reading_body_ || writing_ ? older_than(transfer_tick_, options.transfer_timeout) : phase_is_over();
  if (phase_ == Phase::kHandling) {
    if (!parser_->is_done() && older_than(request_tick_, options.read_timeout)) over = true;
    if (older_than(handle_tick_, options.write_timeout)) over = true;
  }
  if (in_flight_writing_ && older_than(in_flight_tick_, options.transfer_timeout)) over = true;
  if (over) abort();
}

Task<> ServerConnection::run() {
  if (auto ec = co_await stream_->handshake()) {
    if (ec != asio::error::operation_aborted) kLog.debug("TLS with {}: {}", remote_, ec.message());
    co_return Result<>{};
  }
  certificate_name_ = stream_->certificate_name();
  while (keep_) {
    auto outcome = co_await read_head();
    if (outcome == HeadOutcome::kClosed) co_return Result<>{};
    if (outcome == HeadOutcome::kRefused) {
      if (co_await flush()) co_await linger();
      co_return Result<>{};
    }
    co_await handle();
  }
  if (!broken_) co_await linger();
  co_return Result<>{};
}

asio::awaitable<ServerConnection::HeadOutcome> ServerConnection::read_head() {
  in_.shrink(head_capacity());
  if (phase_ != Phase::kNew) set_phase(in_.size() > 0 ? Phase::kHead : Phase::kIdle);
  // Beast counts the request line apart from the fields; the buffer bounds both together.
  parser_.emplace(head_, static_cast<uint32_t>(head_capacity()));
  bool started = false;
  size_t taken = 0;
  for (;;) {
    // A robust server skips empty lines before a request (RFC 9112 §2.2).
    while (!started && in_.size() > 0 && (in_.data()[0] == '\r' || in_.data()[0] == '\n')) {
      in_.consume(1);
      if (++taken > head_capacity()) co_return HeadOutcome::kClosed;
    }
    if (in_.size() > 0) {
      if (!started) taken = 0;
      started = true;
      boost::system::error_code ec;
      auto used = parser_->put(asio::buffer(in_.data().data(), in_.size()), ec);
      in_.consume(used);
      taken += used;
      if (ec && ec != http::error::need_more) {
        bool too_large = ec == http::error::header_limit;
        response_.reset();
        refuse({too_large ? ErrorKind::kOutOfRange : ErrorKind::kInvalidArgument,
                too_large ? "request header too large" : "malformed request: " + ec.message()},
               too_large ? 431 : refusal_status(ec));
        co_return HeadOutcome::kRefused;
      }
      if (parser_->is_header_done()) {
        if (auto error = fill_request()) {
          response_.reset();
          refuse(*error, error->kind == ErrorKind::kUnimplemented ? 501 : 400);
          co_return HeadOutcome::kRefused;
        }
        co_return HeadOutcome::kRequest;
      }
    }
    if (taken + in_.size() >= head_capacity()) {
      response_.reset();
      refuse({ErrorKind::kOutOfRange, "request header too large"}, 431);
      co_return HeadOutcome::kRefused;
    }
    auto space = in_.prepare(head_capacity());
    auto [ec, n] = co_await stream_->read_some(asio::buffer(space.data(), space.size()));
    if (ec || n == 0) co_return HeadOutcome::kClosed;
    in_.commit(n);
    if (phase_ == Phase::kIdle || phase_ == Phase::kNew) set_phase(Phase::kHead);
  }
}

std::optional<Error> ServerConnection::fill_request() {
  auto bad = [](std::string message) { return Error{ErrorKind::kInvalidArgument, std::move(message)}; };
  request_.fields_.clear();
  request_.variables_.clear();
  request_.context_.reset();
  request_.user_.clear();
  request_.subject_.clear();
  request_.query_.items.clear();
  expect_continue_ = false;
  bool host = false;
  for (const auto& span : head_.fields) {
    auto& field = request_.fields_.emplace_back(head_.name(span), head_.value(span));
    if (equal_fold(field.name, "host")) host = true;
    if (equal_fold(field.name, "expect")) {
      if (!equal_fold(field.value, "100-continue")) return bad("unknown expectation in the header Expect");
      expect_continue_ = head_.version >= 11;
    }
  }
  request_.method_ = head_.method();
  head_request_ = request_.method_ == "HEAD";
  request_.target_ = head_.target();
  request_.version_minor_ = head_.version - 10;
  request_.has_body_ = !parser_->is_done();
  auto length = parser_->content_length();
  request_.content_length_ = length ? std::optional<uint64_t>(*length) : std::nullopt;
  body_error_.reset();
  body_capacity_ = head_capacity();
  // Where a coding we do not know hides the end of the body, nothing that follows can be believed.
  if (head_.transfer_encoding_refused) return Error{ErrorKind::kUnimplemented, "unsupported transfer encoding"};
  if (!host && head_.version >= 11) return bad("missing required Host header");

  auto target = request_.target_;
  if (target.starts_with("http://") || target.starts_with("https://")) {
    auto slash = target.find('/', target.find("//") + 2);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  } else if (!target.starts_with('/') && target != "*") {
    return bad("the request target does not begin with a slash");
  }
  auto question = target.find('?');
  request_.raw_path_ = target.substr(0, question);
  request_.raw_query_ = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  if (request_.raw_path_.find('%') == std::string_view::npos) {
    request_.path_ = request_.raw_path_;
  } else {
    auto path = percent_decode(request_.raw_path_);
    if (!path) return path.error().with_context("malformed path");
    request_.path_ = *std::move(path);
  }
  if (!request_.raw_query_.empty()) {
    auto query = Query::parse(request_.raw_query_);
    if (!query) return query.error();
    request_.query_ = *std::move(query);
  }
  return std::nullopt;
}

void ServerConnection::refuse(const Error& error, int status) {
  keep_ = false;
  head_request_ = false;
  response_.close_after_ = true;
  answer_error(error, status);
}

void ServerConnection::answer_error(const Error& error, int status) {
  if (server_->hooks.on_error) {
    server_->hooks.on_error(error, status, response_);
    CHECK(response_.ended());
    return;
  }
  if (status == 0) {
    status = error.kind == ErrorKind::kInvalidArgument ? 400 : error.kind == ErrorKind::kResourceExhausted ? 413 : 500;
  }
  (void)response_.send(status, error.message + "\n", "text/plain; charset=utf-8");
}

asio::awaitable<void> ServerConnection::handle() {
  ++server_->requests;
  request_tick_ = phase_tick_;
  set_phase(Phase::kHandling);
  handle_tick_ = phase_tick_;
  bool logged = static_cast<bool>(server_->hooks.access_log);
  SteadyTime start{};
  WallTime wall_start{};
  if (logged) {
    start = server_->runtime.now();
    wall_start = server_->runtime.wall_now();
  }
  response_.reset();

  Result<> result;
  try {
    result = co_await server_->handler(request_, response_);
  } catch (...) {
    result = fail(error_from_exception(std::current_exception()));
  }
  if (broken_ || (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
    keep_ = false;
    broken_ = true;
    co_return;
  }
  if (!response_.started()) {
    auto error = result ? Error{ErrorKind::kInternal, "the request was not answered"} : result.error();
    answer_error(error, 0);
  } else if (!response_.ended()) {
    // The client has to see that this answer is not whole.
    if (result) kLog.error("the answer to {} {} was not ended", request_.method(), request_.raw_path());
    co_await flush();
    keep_ = false;
    broken_ = true;
    co_return;
  }
  if (!co_await flush()) keep_ = false;
  if (logged) log_access(start, wall_start);
  if (out_.capacity() > kKeptOutputBytes) out_ = std::string();
  if (chunk_.capacity() > kKeptOutputBytes) chunk_ = std::string();
  if (keep_ && !parser_->is_done()) keep_ = co_await drain_body();
  set_phase(Phase::kIdle);
}

bool ServerConnection::may_keep() const {
  if (server_->stopping || response_.close_after_ || !parser_->keep_alive() || body_error_) return false;
  if (parser_->is_done()) return true;
  if (expect_continue_) return false;  // the client may or may not send the body now
  auto remaining = parser_->content_length_remaining();
  return !remaining || *remaining <= server_->options.drain_bytes;
}

asio::awaitable<bool> ServerConnection::drain_body() {
  size_t dropped = 0;
  while (!parser_->is_done()) {
    auto piece = co_await read_body();
    if (!piece) co_return false;
    dropped += piece->size();
    if (dropped > server_->options.drain_bytes) co_return false;
  }
  co_return true;
}

// Closing while bytes of the client are unread would reset the connection, and our last answer could be lost with it.
asio::awaitable<void> ServerConnection::linger() {
  set_phase(Phase::kLinger);
  stream_->shutdown_send();
  for (;;) {
    in_.consume(in_.size());
    auto space = in_.prepare(head_capacity());
    auto [ec, n] = co_await stream_->read_some(asio::buffer(space.data(), space.size()));
    if (ec || n == 0) co_return;
  }
}

void ServerConnection::log_access(SteadyTime start, WallTime wall_start) const {
  std::string user = request_.user_;
  if (auto authorization = user.empty() ? request_.header("Authorization") : std::nullopt) {
    if (auto basic = parse_basic_auth(*authorization)) user = basic->first;
  }
  server_->hooks.access_log({.remote = remote_,
                             .user = user,
                             .method = request_.method_,
                             .target = request_.target_,
                             .version_minor = request_.version_minor_,
                             .status = response_.status_,
                             .body_bytes = response_.body_bytes_,
                             .start = wall_start,
                             .took = server_->runtime.now() - start});
}

// ---- bodies of requests

Task<std::string_view> ServerConnection::read_body() {
  for (;;) {
    if (body_error_) co_return fail(*body_error_);
    if (parser_->is_done()) co_return std::string_view{};
    bool need_more = true;
    if (in_.size() > 0) {
      parser_->body = {};
      boost::system::error_code ec;
      auto used = parser_->put(asio::buffer(in_.data().data(), in_.size()), ec);
      in_.consume(used);
      need_more = ec == http::error::need_more;
      if (ec && !need_more) {
        body_error_ = Error{ErrorKind::kInvalidArgument, "malformed request body: " + ec.message()};
        continue;
      }
      if (!parser_->body.empty()) co_return parser_->body;
    }
    if (need_more && !co_await fill_body_buffer()) {
      if (!body_error_) body_error_ = Error{ErrorKind::kInvalidArgument, "the request body ended too early"};
    }
  }
}

/// False: no more bytes will come.
asio::awaitable<bool> ServerConnection::fill_body_buffer() {
  if (expect_continue_) {
    expect_continue_ = false;
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    if (!co_await flush()) co_return false;
  }
  auto space = in_.prepare(std::max(body_capacity_, in_.capacity()));
  if (space.empty()) {
    body_error_ = Error{ErrorKind::kInvalidArgument, "malformed request body: a chunk's header or trailer is too long"};
    co_return false;
  }
  // Never reads into a following request where the length is known.
  if (auto remaining = parser_->content_length_remaining()) {
    space = space.first(static_cast<size_t>(std::min<uint64_t>(space.size(), *remaining - in_.size())));
  }
  Transfer transfer(*this, reading_body_);
  auto [ec, n] = co_await stream_->read_some(asio::buffer(space.data(), space.size()));
  if (ec || n == 0) {
    keep_ = false;
    co_return false;
  }
  in_.commit(n);
  if (n == space.size() && body_capacity_ < server_->options.body_buffer_bytes) {
    body_capacity_ = std::min(body_capacity_ * 4, server_->options.body_buffer_bytes);
  }
  co_return true;
}

// ---- answers

void ServerConnection::append_head(int status, std::string_view content_type, std::optional<uint64_t> length) {
  char number[24];
  auto append_number = [&](uint64_t value) {
    out_.append(number, std::to_chars(number, number + sizeof number, value).ptr);
  };
  if (keep_) keep_ = may_keep();
  out_ += "HTTP/1.1 ";
  append_number(static_cast<uint64_t>(status));
  out_ += ' ';
  out_ += status_text(status);
  out_ += "\r\n";
  out_ += server_->date_line;
  out_ += response_.headers_;
  if (!content_type.empty() && !response_.has_content_type_) {
    out_ += "Content-Type: ";
    out_ += content_type;
    out_ += "\r\n";
  }
  if (!keep_) {
    out_ += "Connection: close\r\n";
  } else if (head_.version < 11) {
    out_ += "Connection: keep-alive\r\n";
  }
  if (length) {
    out_ += "Content-Length: ";
    append_number(*length);
    out_ += "\r\n";
  } else if (response_.chunked_) {
    out_ += "Transfer-Encoding: chunked\r\n";
  }
  out_ += "\r\n";
}

asio::awaitable<bool> ServerConnection::flush(std::string_view big) {
  while (in_flight_writing_ && !broken_) {
    if (!co_await in_flight_done_->wait()) co_return false;
  }
  if (broken_) co_return false;
  Gather gather{};
  size_t at = 0;
  if (!out_.empty()) gather[at++] = asio::buffer(out_);
  if (size_t bytes = chunk_.size() + big.size(); bytes > 0) {
    if (response_.chunked_) {
      chunk_line_ = fmt::format("{:x}\r\n", bytes);
      gather[at++] = asio::buffer(chunk_line_);
    }
    gather[at++] = asio::buffer(chunk_);
    gather[at++] = asio::buffer(big.data(), big.size());
    if (response_.chunked_) gather[at++] = asio::buffer("\r\n", 2);
  }
  if (at == 0) co_return true;
  struct Whole {
    ~Whole() { broken |= !written; }
    bool& broken;
    bool written = false;
  } whole{broken_};  // a write that a cancellation has cut in two cannot be followed by another
  Transfer transfer(*this, writing_);
  auto [ec, n] = co_await stream_->write(gather);
  whole.written = !ec;
  out_.clear();
  chunk_.clear();
  co_return !ec;
}

/// Turns what gathered into framed bytes of out_.
void ServerConnection::frame_pending() {
  if (chunk_.empty()) return;
  if (response_.chunked_) {
    fmt::format_to(std::back_inserter(out_), "{:x}\r\n", chunk_.size());
    out_ += chunk_;
    out_ += "\r\n";
  } else {
    out_ += chunk_;
  }
  chunk_.clear();
}

void ServerConnection::arm_flush_timer() {
  if (timer_armed_) return;
  timer_armed_ = true;
  if (!flush_timer_) {
    flush_timer_ = std::make_unique<asio::steady_timer>(server_->runtime.executor());
    in_flight_done_ = std::make_unique<Notifier>(server_->runtime);
  }
  flush_timer_->expires_after(server_->options.flush_delay);
  flush_timer_->async_wait([self = shared_from_this()](boost::system::error_code) {
    self->timer_armed_ = false;
    self->flush_in_background();
  });
}

void ServerConnection::flush_in_background() {
  if (closed_ || broken_ || writing_ || in_flight_writing_) return;
  frame_pending();
  if (out_.empty()) return;
  in_flight_.clear();
  in_flight_.swap(out_);
  in_flight_writing_ = true;
  in_flight_tick_ = server_->tick;
  asio::co_spawn(server_->runtime.executor(), write_in_flight(shared_from_this()), asio::detached);
}

asio::awaitable<void> ServerConnection::write_in_flight(std::shared_ptr<ServerConnection> self) {
  auto [ec, n] = co_await self->stream_->write({asio::buffer(self->in_flight_)});
  self->in_flight_writing_ = false;
  if (ec) self->broken_ = true;
  self->in_flight_done_->notify_all();
  // What gathered meanwhile found the timer's work blocked.
  if (!self->closed_ && !self->broken_ && (!self->out_.empty() || !self->chunk_.empty())) self->arm_flush_timer();
}

}  // namespace ipfsc::net
