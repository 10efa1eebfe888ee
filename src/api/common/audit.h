// The audit log: who asked for which change, from where, and what became of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "net/http_server.h"

namespace ipfsc::api::common {

/// Whether a request with this method changes something.
bool is_write(std::string_view method);

/// {"time","api","user","remote","method","path","status","cid","took_ms","error"}: `user` is "" when nobody has proven
/// who they are, `path` has the query, `cid` (the request's subject) and `error` are there when there is one, `status`
/// 0 = the client left before it was answered. Headers and bodies, where secrets are, are not in it.
std::string audit_line(std::string_view api, const net::Request& request, int status, std::string_view error,
                       WallTime time, Duration took);

}  // namespace ipfsc::api::common
