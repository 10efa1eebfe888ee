// Options that the HTTP APIs of a peer share (service.json's `api.restapi` and `api.pinsvcapi`).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/auth/failed_tries.h"
#include "api/auth/options.h"
#include "base/bytes.h"
#include "ipld/multiaddr.h"
#include "net/options.h"

namespace ipfsc::api::common {

/// Who may use the API from web pages (reference: rest-api 2.2).
struct CorsOptions {
  std::vector<std::string> allowed_origins = {"*"};    ///< an entry may have one '*'; empty = all
  std::vector<std::string> allowed_methods = {"GET"};  ///< empty = GET, POST, HEAD
  std::vector<std::string> allowed_headers;            ///< empty = Accept, Content-Type, X-Requested-With
  std::vector<std::string> exposed_headers = {"Content-Type", "X-Stream-Output", "X-Chunked-Output",
                                              "X-Content-Length"};
  bool allow_credentials = true;
  Duration max_age{};  ///< whole seconds; 0 = not sent
};

struct HttpApiOptions {
  std::vector<ipld::Multiaddr> listen;
  net::ServerOptions http;
  /// User → password, in clear text or as a scrypt hash; they may do everything. With these or `users` every request
  /// but GET /health, /livez, /readyz and OPTIONS has to say who it is from.
  std::optional<std::map<std::string, std::string>> credentials;
  std::vector<auth::UserOptions> users;
  auth::FailedTriesLimits failed_tries;
  Bytes jwt_secret;  ///< the same on all peers of a cluster (auth::Users)
  /// Added to every answer.
  std::map<std::string, std::vector<std::string>> headers;
  CorsOptions cors;
  /// Common Log Format; empty = the API's own log component at level info.
  std::string access_log_file;
  /// A JSON object a line for each request that changes something; empty = the log component `audit` at level info.
  std::string audit_log_file;

  bool has_users() const { return credentials || !users.empty(); }
};

}  // namespace ipfsc::api::common
