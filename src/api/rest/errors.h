// From an Error to an HTTP answer, in Go's shape (reference: rest-api 3).
#pragma once

#include <string>

#include "api/common/errors.h"
#include "base/result.h"

namespace ipfsc::api::rest {

using common::status_of;

/// {"code":404,"message":"…"} and a newline.
std::string error_body(int status, std::string_view message);

/// Answers with the error's own status.
void send_error(net::Response& response, const Error& error);
void send_error(net::Response& response, int status, std::string_view message);

inline constexpr std::string_view kJson = "application/json";

}  // namespace ipfsc::api::rest
