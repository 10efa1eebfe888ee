// Requests of the pinning service: text in, values or one sentence out. Pure.
// Source: the IPFS Pinning Service API, version 1.0.0.
#pragma once

#include <string_view>

#include "cluster/pinning_requests.h"
#include "net/http.h"

namespace ipfsc::api::pinning {

inline constexpr size_t kMaxNameCharacters = 255;
inline constexpr size_t kMaxCids = 10;
inline constexpr size_t kMaxLimit = 1000;
inline constexpr size_t kMaxOrigins = 20;
inline constexpr size_t kMaxOriginBytes = 512;  ///< of its binary form
inline constexpr size_t kMaxMetaKeys = 1000;
inline constexpr size_t kMaxMetaBytes = 16 << 10;  ///< keys and values together

/// A Pin object; members that the specification does not name are passed over. kInvalidArgument names the member.
Result<cluster::PinningPin> parse_pin(std::string_view json);

/// Parameters of GET /pins; others than those of the specification are passed over. kInvalidArgument names the
/// parameter.
Result<cluster::PinningQuery> parse_list_query(const net::Query& query);

}  // namespace ipfsc::api::pinning
