// Options that the HTTP APIs of a peer share (service.json's `api.restapi` and `api.pinsvcapi`).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

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
  /// User → password; set: every request but GET /health, /livez, /readyz and OPTIONS needs one of them.
  std::optional<std::map<std::string, std::string>> credentials;
  /// Added to every answer.
  std::map<std::string, std::vector<std::string>> headers;
  CorsOptions cors;
  /// Common Log Format; empty = the API's own log component at level info.
  std::string access_log_file;
};

}  // namespace ipfsc::api::common
