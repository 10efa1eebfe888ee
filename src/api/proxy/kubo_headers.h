// Headers that Kubo would put on an answer, for the answers that are ours: what web pages may do, and what the
// configuration names.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/proxy/options.h"
#include "base/notifier.h"
#include "base/runtime.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace ipfsc::api::proxy {

/// I/O thread only. What Kubo said is kept for extract_headers_ttl, and longer while it does not answer.
class KuboHeaders {
 public:
  /// All outlive it.
  KuboHeaders(Runtime& runtime, const ProxyOptions& options, net::HttpClient& client)
      : runtime_(runtime), options_(options), client_(client) {}

  /// Adds them. False: Kubo says that the web page which asks may not.
  Task<bool> add_to(const net::Request& request, net::Response& response);

 private:
  struct Kept {
    explicit Kept(Runtime& runtime) : answered(runtime) {}
    net::Headers headers;
    bool known = false;  ///< Kubo has answered once
    bool asking = false;
    SteadyTime until{};
    Notifier answered;
  };
  Task<> renew(std::shared_ptr<Kept> kept, net::ClientRequest request, std::vector<std::string> names);
  std::shared_ptr<Kept> of_origin(std::string_view origin, std::string_view method);

  Runtime& runtime_;
  const ProxyOptions& options_;
  net::HttpClient& client_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Kept>> by_origin_;
  std::shared_ptr<Kept> extracted_ = std::make_shared<Kept>(runtime_);
};

}  // namespace ipfsc::api::proxy
