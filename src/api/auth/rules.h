// Which operation a request is: the one table of the REST API, and the rule for APIs without one.
#pragma once

#include <string_view>

#include "api/auth/identity.h"

namespace ipfsc::api::auth {

/// Of a route of the REST API, as its router knows it ("POST", "/pins/{cid}"). A GET without a row reads; any other
/// route without one is for administrators. No route ("" as pattern; the answer will be 404, 405 or a redirect): kAny.
Operation rest_operation(std::string_view method, std::string_view pattern);
/// Whether the table has a row for a route that changes something, or it only reads.
bool has_rest_rule(std::string_view method, std::string_view pattern);

/// For APIs whose writes are all about pins: GET and HEAD read, DELETE unpins, anything else pins.
Operation operation_by_method(std::string_view method);

}  // namespace ipfsc::api::auth
