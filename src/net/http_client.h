// HTTP/1.1 client: streaming both ways, trailers, unix sockets, TLS with verification, a bounded pool of connections.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/runtime.h"
#include "ipld/multiaddr.h"
#include "net/http.h"
#include "net/options.h"

namespace ipfsc::net {

/// Where to connect.
struct Endpoint {
  bool tls = false;
  std::string host;  ///< name or IP address (without brackets)
  uint16_t port = 0;
  std::string unix_path;      ///< instead of host and port
  std::string base_path;      ///< put before every target; no trailing slash
  std::string authorization;  ///< value of the header, e.g. from user:password@ in the URL; may be empty

  /// "http://127.0.0.1:9094", "https://user:pw@host/base".
  static Result<Endpoint> from_url(std::string_view url);
  /// /ip4|ip6|dns*/…/tcp/n[/http|/tls/http|/https] or /unix/….
  static Result<Endpoint> from_multiaddr(const ipld::Multiaddr& address);
  /// "host:port" as in the Host header ("unix" for sockets).
  std::string authority() const;
  bool operator==(const Endpoint&) const = default;
};

struct ClientRequest {
  std::string method = "GET";
  Endpoint endpoint;
  std::string target = "/";  ///< path and query, already escaped
  Headers headers;
  /// The body; ignored when `streamed`.
  std::string body;
  /// The body is written through ClientExchange::write: chunked, or of content_length bytes.
  bool streamed = false;
  std::optional<uint64_t> content_length;
  /// 0 = ClientOptions::idle_timeout.
  Duration idle_timeout{};
};

/// One request and its answer. Destroying it before the answer's end closes the connection. One coroutine may write
/// while another reads (servers that answer while they receive need that). Must not outlive the client. I/O thread
/// only.
class ClientExchange {
 public:
  ~ClientExchange();
  ClientExchange(ClientExchange&&) noexcept;
  ClientExchange& operator=(ClientExchange&&) noexcept;

  /// Next bytes of a streamed body. An error does not exclude that an answer has come: see response().
  Task<> write(std::string_view bytes);
  Task<> finish();

  /// Waits for the answer's head. Redirects are not followed. kUnavailable: connection refused, lost or not HTTP;
  /// kDeadlineExceeded: idle for too long.
  Task<> response();
  int status() const;
  const Headers& headers() const;
  const std::string* header(std::string_view name) const { return find_header(headers(), name); }

  /// After response(): next bytes of the body; empty at its end. A body that ends early is kUnavailable.
  /// The view is valid until the next call.
  Task<std::string_view> read_some();
  /// The rest; kResourceExhausted above `limit_bytes`.
  Task<std::string> read_all(size_t limit_bytes);
  ByteSource body() {
    return [this] { return read_some(); };
  }
  /// After the body's end. Callers check "X-Stream-Error" here.
  const Headers& trailers() const;
  const std::string* trailer(std::string_view name) const { return find_header(trailers(), name); }

 private:
  friend class HttpClient;
  struct Impl;
  explicit ClientExchange(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

struct WholeResponse {
  int status = 0;
  Headers headers;
  std::string body;
  Headers trailers;
};

/// I/O thread only; thread of `runtime`. Closing: destroy it after all exchanges.
class HttpClient {
 public:
  HttpClient(Runtime& runtime, ClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Connects (or takes an idle connection) and sends the head, and the body unless streamed.
  Task<ClientExchange> open(ClientRequest request);
  /// open() and response(). A request without a streamed body is repeated once on a fresh connection when a kept one
  /// turns out to be closed before any byte of an answer.
  Task<ClientExchange> request(ClientRequest request);
  /// The same with the whole body; kResourceExhausted above `limit_bytes`.
  Task<WholeResponse> fetch(ClientRequest request, size_t limit_bytes);

  size_t idle_connections() const;
  size_t open_connections() const;

 private:
  friend class ClientExchange;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ipfsc::net
