// HTTP/1.1 server: several listeners, streaming in both directions, one coroutine per connection on the I/O thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/runtime.h"
#include "ipld/multiaddr.h"
#include "net/http.h"
#include "net/options.h"

namespace ipfsc::net {

class ServerConnection;

/// A request whose head has been read. Views are valid until the handler's task ends. I/O thread only.
class Request {
 public:
  std::string_view method() const { return method_; }
  /// As sent: "/pins/Qm…?local=true".
  std::string_view target() const { return target_; }
  /// The target without its query, undecoded.
  std::string_view raw_path() const { return raw_path_; }
  /// Decoded.
  const std::string& path() const { return path_; }
  std::string_view raw_query() const { return raw_query_; }
  const Query& query() const { return query_; }

  /// First value of a header; nullopt when absent.
  std::optional<std::string_view> header(std::string_view name) const;
  struct Field {
    std::string_view name, value;
  };
  const std::vector<Field>& headers() const { return fields_; }

  /// Value of {name} in the router's pattern (decoded), "" when there is none.
  std::string_view variable(std::string_view name) const;
  void set_variable(std::string_view name, std::string value);

  /// "127.0.0.1:51234", or "@" for a unix socket.
  const std::string& remote() const;
  /// Common name of the client's verified certificate, "" without one.
  const std::string& certificate_name() const;

  /// What a handler around others knows of the request, for those inside it; gone with the request.
  struct Context {
    virtual ~Context() = default;
  };
  void set_context(std::shared_ptr<const Context> context) { context_ = std::move(context); }
  const Context* context() const { return context_.get(); }
  /// Who asks, as far as that was proven; for the access log.
  void set_user(std::string_view user) { user_ = user; }
  const std::string& user() const { return user_; }
  /// What the request came to be about (a CID), for logs.
  void set_subject(std::string subject) { subject_ = std::move(subject); }
  const std::string& subject() const { return subject_; }
  int version_minor() const { return version_minor_; }

  bool has_body() const { return has_body_; }
  std::optional<uint64_t> content_length() const { return content_length_; }
  /// The next bytes of the body, whatever has arrived; empty at its end. The first call answers "Expect: 100-continue".
  /// The view is valid until the next call. kInvalidArgument when the body is malformed or truncated.
  Task<std::string_view> read_some();
  /// The whole body; kResourceExhausted (413 for the client) above `limit_bytes`.
  Task<std::string> read_all(size_t limit_bytes);
  /// read_some as a value, for parsers. The request must outlive it.
  ByteSource body() {
    return [this] { return read_some(); };
  }

 private:
  friend class ServerConnection;
  explicit Request(ServerConnection& connection) : connection_(connection) {}

  ServerConnection& connection_;
  std::string_view method_, target_, raw_path_, raw_query_;
  std::string path_;
  Query query_;
  std::vector<Field> fields_;
  std::vector<std::pair<std::string, std::string>> variables_;
  std::shared_ptr<const Context> context_;
  std::string user_, subject_;
  std::optional<uint64_t> content_length_;
  int version_minor_ = 1;
  bool has_body_ = false;
};

/// The answer under construction. Either send() once, or begin(), write()…, end(). I/O thread only.
class Response {
 public:
  /// Before send() or begin(). Line ends in values become spaces.
  void add_header(std::string_view name, std::string_view value);
  /// The same, instead of earlier ones of that name.
  void set_header(std::string_view name, std::string_view value);
  /// The connection is closed after this answer.
  void close_after() { close_after_ = true; }

  /// A whole answer with Content-Length. It leaves when the handler's task ends; costs no suspension.
  Result<> send(int status, std::string_view body, std::string_view content_type = {});
  /// Without a body (204, redirects).
  Result<> send_empty(int status) { return send(status, {}, {}); }

  struct Stream {
    int status = 200;
    std::string_view content_type;
    std::optional<uint64_t> content_length;  ///< unset: chunked
    std::vector<std::string> trailers;       ///< announced in the header "Trailer"; needs chunked
  };
  /// Starts a streamed answer; nothing is sent before the first flush.
  Result<> begin(Stream stream);
  /// Sends when enough has gathered (ServerOptions::flush_bytes) or a little later; suspends while the client does not
  /// take it. An error (kCancelled, kUnavailable) means the client is gone: stop working. Pieces of flush_bytes and
  /// more are not copied. For HEAD the bytes are dropped.
  Task<> write(std::string_view piece);
  /// Sends what waits now.
  Task<> flush();
  /// Ends the stream, with trailers (HTTP/1.0 clients do not get them).
  Result<> end(const Headers& trailers = {});

  bool started() const { return state_ != State::kNew; }
  bool ended() const { return state_ == State::kEnded; }
  int status() const { return status_; }
  uint64_t body_bytes() const { return body_bytes_; }

 private:
  friend class ServerConnection;
  explicit Response(ServerConnection& connection) : connection_(connection) {}
  enum class State : unsigned char { kNew, kStreaming, kEnded };
  void reset();

  ServerConnection& connection_;
  std::string headers_;  // lines "Name: value\r\n"
  State state_ = State::kNew;
  bool close_after_ = false;
  bool chunked_ = false;
  bool has_content_type_ = false;
  int status_ = 0;
  uint64_t body_bytes_ = 0;
  std::optional<uint64_t> promised_bytes_;
};

/// Runs once per request. An Error before anything was sent becomes ServerHooks::on_error's answer; after begin() the
/// connection is broken off, so that the client sees it.
using Handler = std::function<Task<>(Request&, Response&)>;

struct AccessRecord {
  std::string_view remote, user, method, target;
  int version_minor = 1;
  int status = 0;
  uint64_t body_bytes = 0;
  WallTime start;
  Duration took{};
};

struct ServerHooks {
  /// Called when an answer is complete. Unset: no cost.
  std::function<void(const AccessRecord&)> access_log;
  /// Answers a handler's Error (`status` is 0: yours to choose; headers that the handler added stay) and requests that
  /// are malformed (`status` is 400, 431, 501 or 505; they never reach the handler). Default: text/plain with the
  /// message.
  std::function<void(const Error&, int status, Response&)> on_error;
};

/// I/O thread only. Construct, listen() as often as wanted, stop() before destruction.
class HttpServer {
 public:
  HttpServer(Runtime& runtime, ServerOptions options, Handler handler, ServerHooks hooks = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Loads certificates when options name them; binds and accepts at once. /ip4|ip6|dns…/tcp/port (port 0 picks one) or
  /// /unix/path (a stale socket file is replaced). kAlreadyExists when the address is in use; kInvalidArgument
  /// otherwise.
  Result<> listen(const ipld::Multiaddr& address);
  /// Addresses bound, with real port numbers.
  const std::vector<ipld::Multiaddr>& addresses() const;
  /// Uses these certificates for connections from now on (files that change are seen without it, within
  /// ServerOptions::tls_check_interval). kInvalidArgument: everything is as before. kFailedPrecondition when the server
  /// has TLS and the files are none, or the other way round.
  Result<> set_tls(TlsFiles files);
  /// From now on; connections that are open stay.
  void set_max_connections(size_t most);
  size_t connections() const;
  uint64_t requests() const;

  /// Takes no new connections or requests, lets running handlers end until `deadline`, then cancels them; returns when
  /// nothing is left.
  boost::asio::awaitable<void> stop(SteadyTime deadline);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ipfsc::net
