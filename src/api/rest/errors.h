// From an Error to an HTTP answer, in Go's shape (reference: rest-api 3).
#pragma once

#include <string>

#include "base/result.h"
#include "net/http_server.h"

namespace ipfsc::api::rest {

/// 400, 404, 409 … for what the request causes; 503, 504, 507 for what passes; 500 for our own faults.
int status_of(const Error& error);

/// {"code":404,"message":"…"} and a newline.
std::string error_body(int status, std::string_view message);

/// Answers with the error's own status.
void send_error(net::Response& response, const Error& error);
void send_error(net::Response& response, int status, std::string_view message);

inline constexpr std::string_view kJson = "application/json";

}  // namespace ipfsc::api::rest
