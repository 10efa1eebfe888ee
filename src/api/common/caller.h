// Who asks, and which repetition of what it is.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "net/http_server.h"

namespace ipfsc::api::common {

/// For the history: the API, and the user when there is one ("rest:ann").
std::string actor_of(const net::Request& request, std::string_view api);

/// The header Idempotency-Key; "" without one. kInvalidArgument when it is empty or longer than 256 bytes.
Result<Bytes> idempotency_key(const net::Request& request);

}  // namespace ipfsc::api::common
