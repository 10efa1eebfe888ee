// Errors in the form of Kubo's RPC.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_server.h"

namespace ipfsc::api::proxy {

inline constexpr std::string_view kJson = "application/json";

/// {"Message":"…","Code":0,"Type":"error"}
std::string error_body(std::string_view message);
void send_error(net::Response& response, int status, std::string_view message);

/// Of a command that failed: 500 as in Kubo, whose clients take 404 for "no such command"; 501, 503, 504 and 507 say
/// more.
int command_status(const Error& error);

}  // namespace ipfsc::api::proxy
