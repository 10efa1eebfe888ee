// JSON web tokens as the Go program makes and takes them (reference: rest-api 2.1): HS256, 384 or 512 with the
// password of the user in `iss`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"

namespace ipfsc::api::auth {

/// The key of an issuer; nullopt: there is none.
using JwtKey = std::function<std::optional<Bytes>(std::string_view issuer)>;

/// {"iss": issuer}, HS256. It does not expire.
std::string make_jwt(std::string_view issuer, ByteView key);

/// The issuer when it is signed with that one's key and its time (`exp`, `nbf`, `iat`, where they are there) has come
/// and not gone.
std::optional<std::string> verify_jwt(std::string_view token, const JwtKey& key, WallTime now);

}  // namespace ipfsc::api::auth
