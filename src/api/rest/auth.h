// Who may use the REST API (reference: rest-api 2.1).
#pragma once

#include "api/rest/options.h"
#include "net/http_server.h"

namespace ipfsc::api::rest {

/// True: go on. False: the answer (401) has been made. Passwords are compared in constant time.
bool authorize(const RestOptions& options, const net::Request& request, net::Response& response);

}  // namespace ipfsc::api::rest
