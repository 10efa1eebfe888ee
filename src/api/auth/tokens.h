// Named tokens: random secrets that can be revoked one by one. They are records of the log, so every peer knows them;
// of the secret only its SHA-256 is stored.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/auth/identity.h"
#include "base/bytes.h"
#include "base/time.h"

namespace ipfsc::api::auth {

/// Kind of their records (docs/formats.md); the key is the name.
inline constexpr std::string_view kTokenRecords = "api token";
inline constexpr size_t kMaxTokenNameBytes = 64;

struct Token {
  std::string name;
  Rights rights;
  WallTime created{};
  std::optional<WallTime> expires;
  std::string created_by;
  Bytes secret_sha256;

  bool expired(WallTime now) const { return expires && now >= *expires; }
};
Bytes encode(const Token& token);
/// kDataLoss; kInvalidArgument for rights that this program does not know.
Result<Token> decode_token(std::string_view name, ByteView record);

/// 1 to 64 letters, digits, '-' and '_'. kInvalidArgument.
Result<> check_token_name(std::string_view name);

/// "ict_<name>.<43 characters>": 256 random bits. Only here the text is ever known.
Result<std::string> make_token_text(std::string_view name);
Bytes secret_sha256(std::string_view token_text);

/// Whether a bearer token is one of these; if not it may be a JWT.
bool is_token(std::string_view bearer);
/// The name in a token's text; nullopt: malformed.
std::optional<std::string_view> token_name(std::string_view token_text);

/// The record of a token by name, from the state of this peer; nullopt: there is none. kUnavailable while the peer
/// starts.
using TokenLookup = std::function<Result<std::optional<Bytes>>(std::string_view name)>;

/// Who comes with this token; nullptr: it is none, or was revoked, or has expired. Errors of `lookup`.
Result<IdentityPtr> identity_of_token(std::string_view token_text, const TokenLookup& lookup, WallTime now);

}  // namespace ipfsc::api::auth
