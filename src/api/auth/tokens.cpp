#include "api/auth/tokens.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>

#include "proto/token.pb.h"

namespace ipfsc::api::auth {
namespace {

constexpr std::string_view kPrefix = "ict_";
constexpr size_t kSecretBytes = 32;
constexpr size_t kSecretCharacters = 43;

bool good_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

uint64_t milliseconds(WallTime time) {
  return static_cast<uint64_t>(time.time_since_epoch() / std::chrono::milliseconds(1));
}
WallTime from_milliseconds(uint64_t value) {
  return WallTime(std::chrono::milliseconds(std::min<uint64_t>(value, INT64_MAX / 1'000'000)));
}

}  // namespace

Bytes encode(const Token& token) {
  proto::ApiToken out;
  out.set_secret_sha256(token.secret_sha256);
  out.set_role(token.rights.role);
  if (token.rights.role.empty()) {
    for (const auto& name : token.rights.allowed.names()) out.add_operations(name);
  }
  out.set_created_ms(milliseconds(token.created));
  if (token.expires) out.set_expires_ms(milliseconds(*token.expires));
  out.set_created_by(token.created_by);
  return out.SerializeAsString();
}

Result<Token> decode_token(std::string_view name, ByteView record) {
  proto::ApiToken in;
  if (!in.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
    return fail(ErrorKind::kDataLoss, "the record of a token is broken");
  }
  TRY_ASSIGN(auto rights, parse_rights(in.role(), {in.operations().begin(), in.operations().end()}));
  Token out{.name = std::string(name),
            .rights = std::move(rights),
            .created = from_milliseconds(in.created_ms()),
            .expires = {},
            .created_by = in.created_by(),
            .secret_sha256 = in.secret_sha256()};
  if (in.expires_ms() != 0) out.expires = from_milliseconds(in.expires_ms());
  return out;
}

Result<> check_token_name(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxTokenNameBytes && std::ranges::all_of(name, good_character)) return {};
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("a token's name has 1 to {} letters, digits, - and _", kMaxTokenNameBytes));
}

Result<std::string> make_token_text(std::string_view name) {
  Bytes secret(kSecretBytes, '\0');
  if (RAND_bytes(u8(secret), kSecretBytes) != 1) return fail(ErrorKind::kInternal, "no random numbers");
  auto text = to_base64(secret);
  text.resize(kSecretCharacters);
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return fmt::format("{}{}.{}", kPrefix, name, text);
}

Bytes secret_sha256(std::string_view token_text) {
  auto secret = token_text.substr(std::min(token_text.size(), token_text.rfind('.') + 1));
  Bytes out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(u8(secret), secret.size(), u8(out));
  return out;
}

bool is_token(std::string_view bearer) { return bearer.starts_with(kPrefix); }

std::optional<std::string_view> token_name(std::string_view token_text) {
  auto dot = token_text.rfind('.');
  if (!is_token(token_text) || dot == std::string_view::npos || dot + 1 + kSecretCharacters != token_text.size()) {
    return std::nullopt;
  }
  auto name = token_text.substr(kPrefix.size(), dot - kPrefix.size());
  return check_token_name(name) ? std::optional(name) : std::nullopt;
}

Result<IdentityPtr> identity_of_token(std::string_view token_text, const TokenLookup& lookup, WallTime now) {
  auto name = token_name(token_text);
  if (!name || !lookup) return nullptr;
  TRY_ASSIGN(auto record, lookup(*name));
  if (!record) return nullptr;
  TRY_ASSIGN(auto token, decode_token(*name, *record));
  auto given = secret_sha256(token_text);
  if (token.secret_sha256.size() != given.size() ||
      CRYPTO_memcmp(given.data(), token.secret_sha256.data(), given.size()) != 0 || token.expired(now)) {
    return nullptr;
  }
  return std::make_shared<const Identity>("token:" + token.name, std::move(token.rights), /*by_token=*/true);
}

}  // namespace ipfsc::api::auth
