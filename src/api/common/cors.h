// Cross-origin requests from web pages (reference: rest-api 2.2).
#pragma once

#include "api/common/options.h"
#include "net/http_server.h"

namespace ipfsc::api::common {

class Cors {
 public:
  explicit Cors(CorsOptions options);

  /// Adds the headers of an answer. True: it was a preflight and is answered (204).
  bool handle(const net::Request& request, net::Response& response) const;

 private:
  bool origin_allowed(std::string_view origin) const;
  bool method_allowed(std::string_view method) const;
  bool headers_allowed(std::string_view list) const;
  void preflight(const net::Request& request, net::Response& response) const;
  void add_origin(std::string_view origin, net::Response& response) const;

  CorsOptions options_;
  bool any_origin_ = false;
  bool any_header_ = false;
  std::string exposed_;
};

}  // namespace ipfsc::api::common
