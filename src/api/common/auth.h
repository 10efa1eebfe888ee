// Who may use the REST API (reference: rest-api 2.1).
#pragma once

#include "api/common/errors.h"
#include "api/common/options.h"
#include "net/http_server.h"

namespace ipfsc::api::common {

/// True: go on. False: the answer (401) has been made. Passwords are compared in constant time.
bool authorize(const HttpApiOptions& options, const SendError& send_error, const net::Request& request,
               net::Response& response);

}  // namespace ipfsc::api::common
