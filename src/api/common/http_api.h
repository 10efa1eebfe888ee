// What every HTTP API of a peer does around its endpoints: listeners, fixed headers, CORS, who may do what, POST
// /token, /livez, 503 until the peer can answer truly, the access log and the audit log.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "api/auth/tokens.h"
#include "api/common/errors.h"
#include "api/common/options.h"
#include "base/log.h"
#include "base/runtime.h"
#include "net/http_server.h"

namespace ipfsc::cluster {
class Cluster;
class Records;
}  // namespace ipfsc::cluster

namespace ipfsc::api::common {

/// Whether every answer given now is true; null: the peer is starting.
Result<> check_ready(const cluster::Cluster* cluster);

/// The record of a named token; `records` null: the peer is starting.
Result<std::optional<Bytes>> token_record(const cluster::Records* records, std::string_view name);

/// Whether everybody gets an answer, whoever the users are.
bool is_open(std::string_view method, std::string_view path);

/// For a handler that has answered without suspending.
Task<> answered();

/// What differs between the APIs.
struct HttpApiParts {
  const LogComponent& log;         ///< of errors
  const LogComponent& access_log;  ///< of requests, when no file is set
  SendError send_error;
  /// Ok when every answer given now is true.
  std::function<Result<>()> ready;
  /// The endpoints. Who asks: auth::identity_of(request).
  net::Handler handler;
  bool answers_cors = true;  ///< false: web pages are the handler's business
  /// Which operation a request is; unset: auth::operation_by_method().
  std::function<auth::Operation(const net::Request&)> operation = {};
  /// Records of named tokens; unset: the API takes none.
  auth::TokenLookup tokens = {};
  /// In the audit log.
  std::string_view name = "restapi";
};

/// I/O thread only. stop() must be awaited before destruction.
class HttpApi {
 public:
  /// The options and what the parts refer to outlive it.
  HttpApi(Runtime& runtime, const HttpApiOptions& options, HttpApiParts parts);
  ~HttpApi();
  HttpApi(const HttpApi&) = delete;
  HttpApi& operator=(const HttpApi&) = delete;

  /// Binds all addresses and accepts. /livez is answered at once, all else is 503 with Retry-After while not ready.
  /// kAlreadyExists when an address is in use, kInvalidArgument for addresses, certificates or a log file that cannot
  /// be used, and for users that make no sense.
  Result<> listen();
  const std::vector<ipld::Multiaddr>& addresses() const;

  /// Takes over what can be changed while it serves: users and the bound on failed tries, certificates (also their
  /// paths), the most connections, logs (files are opened anew). kInvalidArgument, kFailedPrecondition: everything is
  /// as before.
  Result<> reload(const HttpApiOptions& options);

  /// Takes no more requests, lets running ones end until `deadline`, then cancels them.
  boost::asio::awaitable<void> stop(SteadyTime deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfsc::api::common
