// From an Error to an HTTP status; each API has a body of its own for it.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "net/http_server.h"

namespace ipfsc::api::common {

/// 400, 404, 409 … for what the request causes; 503, 504, 507 for what passes; 500 for our own faults.
int status_of(const Error& error);

/// Writes a whole answer in an API's own form.
using SendError = std::function<void(net::Response& response, int status, std::string_view message)>;

}  // namespace ipfsc::api::common
