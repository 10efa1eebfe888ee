#include "api/auth/jwt.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cmath>

#include <boost/json/object.hpp>

#include "base/json.h"
#include "base/text.h"
#include "model/json_writer.h"

namespace ipfsc::api::auth {
namespace {

namespace json = boost::json;

std::string to_base64url(ByteView bytes) {
  auto text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::optional<Bytes> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos || text.size() % 4 == 1) return std::nullopt;
  std::string standard(text);
  for (char& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
  standard.append((4 - standard.size() % 4) % 4, '=');
  auto bytes = from_base64(standard);
  return bytes ? std::optional<Bytes>(*std::move(bytes)) : std::nullopt;
}

Bytes hmac(const EVP_MD* digest, ByteView key, std::string_view text) {
  Bytes out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()), u8(text), text.size(), u8(out), &size);
  out.resize(size);
  return out;
}

std::optional<json::object> object_of(std::string_view part) {
  auto bytes = from_base64url(part);
  if (!bytes || !is_utf8(*bytes)) return std::nullopt;
  auto value = parse_json(*bytes);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(value->get_object());
}

const EVP_MD* digest_of(const json::object& header) {
  const auto* algorithm = header.if_contains("alg");
  if (!algorithm || !algorithm->is_string() || header.contains("crit")) return nullptr;
  if (algorithm->get_string() == "HS256") return EVP_sha256();
  if (algorithm->get_string() == "HS384") return EVP_sha384();
  if (algorithm->get_string() == "HS512") return EVP_sha512();
  return nullptr;
}

/// Whole seconds of a claim; nullopt in `out` when it is absent. False: it is no time.
bool time_claim(const json::object& claims, std::string_view name, std::optional<double>& out) {
  const auto* value = claims.if_contains(name);
  if (!value || value->is_null()) return true;
  json::error_code error;
  auto seconds = value->to_number<double>(error);
  if (error) return false;
  out = std::floor(seconds);
  return true;
}

bool in_time(const json::object& claims, WallTime now) {
  std::optional<double> expires, not_before, issued;
  if (!time_claim(claims, "exp", expires) || !time_claim(claims, "nbf", not_before) ||
      !time_claim(claims, "iat", issued)) {
    return false;
  }
  double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  return !(expires && seconds >= *expires) && !(not_before && seconds < *not_before) && !(issued && seconds < *issued);
}

}  // namespace

std::string make_jwt(std::string_view issuer, ByteView key) {
  std::string claims;
  model::JsonObject object(claims);
  object.text("iss", issuer);
  object.end();
  auto token = to_base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + to_base64url(claims);
  return token + "." + to_base64url(hmac(EVP_sha256(), key, token));
}

std::optional<std::string> verify_jwt(std::string_view token, const JwtKey& key, WallTime now) {
  auto first = token.find('.');
  auto last = token.rfind('.');
  if (first == std::string_view::npos || first == last || token.find('.', first + 1) != last) return std::nullopt;
  auto header = object_of(token.substr(0, first));
  auto claims = object_of(token.substr(first + 1, last - first - 1));
  auto signature = from_base64url(token.substr(last + 1));
  if (!header || !claims || !signature) return std::nullopt;
  const auto* digest = digest_of(*header);
  const auto* issuer = claims->if_contains("iss");
  if (!digest || !issuer || !issuer->is_string() || issuer->get_string().empty()) return std::nullopt;
  std::string name(std::string_view(issuer->get_string()));
  auto secret = key(name);
  // An empty key would let anybody sign.
  if (!secret || secret->empty()) return std::nullopt;
  auto expected = hmac(digest, *secret, token.substr(0, last));
  if (signature->size() != expected.size() || CRYPTO_memcmp(signature->data(), expected.data(), expected.size()) != 0 ||
      !in_time(*claims, now)) {
    return std::nullopt;
  }
  return name;
}

}  // namespace ipfsc::api::auth
