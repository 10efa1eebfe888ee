// The routes of the REST API: each comes with its description, so that what is served and what is documented are one.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "api/rest/route_doc.h"
#include "net/router.h"

namespace ipfsc::api::rest {

struct RestContext;

struct Route {
  std::string method, pattern;
  RouteDoc doc;
};

/// The router and the context outlive it.
class Routes {
 public:
  Routes(net::Router& router, RestContext& context) : router_(router), context_(context) {}

  /// `endpoint` is called with (RestContext&, net::Request&, net::Response&), or without the request. It returns an
  /// Error unanswered: the API turns it into an answer.
  template <class Endpoint>
  void add(std::string_view method, std::string_view pattern, RouteDoc doc, Endpoint endpoint) {
    auto& context = context_;
    router_.add(method, pattern, [&context, endpoint](net::Request& request, net::Response& response) {
      if constexpr (std::is_invocable_v<const Endpoint&, RestContext&, net::Response&>) {
        return endpoint(context, response);
      } else {
        return endpoint(context, request, response);
      }
    });
    describe(method, pattern, std::move(doc));
  }
  /// A route that is answered before the router is asked.
  void describe(std::string_view method, std::string_view pattern, RouteDoc doc) {
    all_.push_back({std::string(method), std::string(pattern), std::move(doc)});
  }
  /// In the order in which they were added.
  const std::vector<Route>& all() const { return all_; }

 private:
  net::Router& router_;
  RestContext& context_;
  std::vector<Route> all_;
};

}  // namespace ipfsc::api::rest
