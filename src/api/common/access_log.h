// The access log: Apache Common Log Format (reference: rest-api 1.2).
#pragma once

#include <string>

#include "net/http_server.h"

namespace ipfsc::api::common {

/// host ident user [time] "request" status bytes
std::string common_log_line(const net::AccessRecord& record);

}  // namespace ipfsc::api::common
