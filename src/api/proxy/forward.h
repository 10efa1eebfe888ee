// Passing requests on to Kubo: both bodies stream at once, nothing is gathered.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/proxy/options.h"
#include "base/runtime.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace ipfsc::api::proxy {

/// I/O thread only.
class Forwarder {
 public:
  /// All outlive it.
  Forwarder(Runtime& runtime, const ProxyOptions& options, net::HttpClient& client)
      : runtime_(runtime), options_(options), client_(client) {}

  /// The request as it came, and the answer as Kubo gives it, trailers included. 502 when Kubo cannot be reached. When
  /// either side goes away the other is broken off.
  Task<> forward(net::Request& request, net::Response& response);

  /// Asks Kubo for `target` with the request's method, headers and body; `answer` runs when its head is there, while
  /// the body may still be on its way. kUnavailable when Kubo cannot be reached.
  using Answer = std::function<Task<>(net::ClientExchange&)>;
  Task<> ask(net::Request& request, std::string target, Answer answer);
  /// Kubo's answer becomes ours.
  static Task<> relay(net::ClientExchange& exchange, net::Response& response);

 private:
  net::Headers headers_for_kubo(const net::Request& request) const;
  Task<> upload(net::Request& request, net::ClientExchange& exchange, std::string_view piece);

  Runtime& runtime_;
  const ProxyOptions& options_;
  net::HttpClient& client_;
};

}  // namespace ipfsc::api::proxy
