// One accepted connection and what all connections of a server share. Internal to net/.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/notifier.h"
#include "net/http_server.h"
#include "net/parser.h"
#include "net/stream.h"

namespace ipfsc::net {

/// State of a server that outlives it while connections end.
struct ServerShared {
  ServerShared(Runtime& runtime, ServerOptions options, Handler handler, ServerHooks hooks)
      : runtime(runtime),
        options(std::move(options)),
        handler(std::move(handler)),
        hooks(std::move(hooks)),
        changed(runtime) {}

  Runtime& runtime;
  ServerOptions options;  // max_connections may change
  const Handler handler;
  const ServerHooks hooks;
  std::list<ServerConnection*> connections;
  Notifier changed;       ///< a connection ended
  uint64_t tick = 0;      ///< sweeps so far: the coarse clock of all timeouts
  std::string date_line;  ///< "Date: …\r\n", renewed by the sweep
  uint64_t requests = 0;
  bool stopping = false;

  uint64_t ticks(Duration timeout) const {
    return static_cast<uint64_t>((timeout + options.sweep_interval - Duration(1)) / options.sweep_interval) + 1;
  }
};

/// Runs requests one after another. Lives until its coroutine and a write of its flush timer have ended.
class ServerConnection : public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(std::shared_ptr<ServerShared> server, std::unique_ptr<Stream> stream, std::string remote);

  /// Adds itself to the server's list and starts.
  void start();
  /// Looks for timeouts and a vanished client.
  void sweep();
  /// Graceful stop: ends at once when no request is being served.
  void stop_when_idle();
  /// Cancels the handler and closes.
  void abort();

 private:
  friend class Request;
  friend class Response;

  enum class Phase : unsigned char { kNew, kIdle, kHead, kHandling, kLinger };
  class Transfer;
  enum class HeadOutcome { kRequest, kClosed, kRefused };

  Task<> run();
  boost::asio::awaitable<HeadOutcome> read_head();
  std::optional<Error> fill_request();
  boost::asio::awaitable<void> handle();
  boost::asio::awaitable<bool> drain_body();
  boost::asio::awaitable<void> linger();
  bool may_keep() const;
  void refuse(const Error& error, int status);
  void answer_error(const Error& error, int status);

  // Request's side.
  Task<std::string_view> read_body();
  boost::asio::awaitable<bool> fill_body_buffer();
  // Response's side.
  void append_head(int status, std::string_view content_type, std::optional<uint64_t> length);
  bool body_suppressed() const { return head_request_; }
  /// Sends what waits, then `big`, as one chunk when the answer is chunked. False: the client is gone.
  boost::asio::awaitable<bool> flush(std::string_view big = {});
  void frame_pending();
  void arm_flush_timer();
  void flush_in_background();
  static boost::asio::awaitable<void> write_in_flight(std::shared_ptr<ServerConnection> self);
  void log_access(SteadyTime start, WallTime wall_start) const;

  void set_phase(Phase phase) {
    phase_ = phase;
    phase_tick_ = server_->tick;
  }
  size_t head_capacity() const { return server_->options.max_header_bytes + 4096; }

  std::shared_ptr<ServerShared> server_;
  std::unique_ptr<Stream> stream_;
  std::string remote_;
  std::string certificate_name_;
  std::list<ServerConnection*>::iterator place_;
  boost::asio::cancellation_signal cancel_;

  ReadBuffer in_;
  MessageHead head_;
  std::optional<MessageParser<true>> parser_;
  Request request_{*this};
  Response response_{*this};

  std::string out_;        // framed bytes to send
  std::string chunk_;      // bytes of the next chunk, not framed
  std::string in_flight_;  // what the flush timer's write is sending
  std::string chunk_line_;
  std::unique_ptr<boost::asio::steady_timer> flush_timer_;
  std::unique_ptr<Notifier> in_flight_done_;
  std::optional<Error> body_error_;

  Phase phase_ = Phase::kNew;
  uint64_t phase_tick_ = 0;
  uint64_t request_tick_ = 0;  // of the request's first byte
  uint64_t handle_tick_ = 0;   // of the end of its headers
  uint64_t in_flight_tick_ = 0;
  uint64_t transfer_tick_ = 0;  // when a read of a body or a write began or ended last
  size_t body_capacity_ = 0;
  bool head_request_ = false;
  bool expect_continue_ = false;
  bool keep_ = true;
  bool broken_ = false;  // nothing more can be sent
  bool closed_ = false;
  bool timer_armed_ = false;
  bool in_flight_writing_ = false;
  bool writing_ = false;
  bool reading_body_ = false;
};

}  // namespace ipfsc::net
