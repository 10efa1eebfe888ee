#include "api/common/auth.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>

namespace ipfsc::api::common {
namespace {

constexpr std::string_view kBasic = "Basic realm=\"Restricted IPFS Cluster API\"";
constexpr std::string_view kBearer = "Bearer realm=\"Restricted IPFS Cluster API\"";

/// Of digests, so that neither lengths nor contents show in the time it takes.
bool equal_secrets(std::string_view a, std::string_view b) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> x, y;
  SHA256(reinterpret_cast<const unsigned char*>(a.data()), a.size(), x.data());
  SHA256(reinterpret_cast<const unsigned char*>(b.data()), b.size(), y.data());
  return CRYPTO_memcmp(x.data(), y.data(), x.size()) == 0;
}

bool known(const std::map<std::string, std::string>& users, const std::pair<std::string, std::string>& login) {
  if (login.first.empty() || login.second.empty()) return false;
  bool match = false;
  for (const auto& [user, password] : users) {
    bool same_user = equal_secrets(user, login.first);
    bool same_password = equal_secrets(password, login.second);
    match |= same_user && same_password;
  }
  return match;
}

bool is_open(const net::Request& request) {
  if (request.method() == "OPTIONS") return true;
  if (request.method() != "GET") return false;
  return request.path() == "/health" || request.path() == "/livez" || request.path() == "/readyz";
}

}  // namespace

bool authorize(const HttpApiOptions& options, const SendError& send_error, const net::Request& request,
               net::Response& response) {
  if (!options.credentials || is_open(request)) return true;
  auto authorization = request.header("Authorization").value_or("");
  auto has_scheme = [&](std::string_view scheme) {
    return authorization.size() > scheme.size() && net::equal_fold(authorization.substr(0, scheme.size()), scheme);
  };
  std::string_view message = "unauthorized: no auth provided";
  if (has_scheme("Basic ")) {
    auto login = net::parse_basic_auth(authorization);
    if (login && known(*options.credentials, *login)) return true;
    response.add_header("WWW-Authenticate", kBasic);
    message = "unauthorized: access denied";
  } else if (has_scheme("Bearer ")) {
    response.add_header("WWW-Authenticate", std::string(kBearer) + ", error=\"invalid_token\"");
    message = "unauthorized: invalid token";
  } else {
    response.add_header("WWW-Authenticate", kBearer);
    response.add_header("WWW-Authenticate", kBasic);
  }
  send_error(response, 401, message);
  return false;
}

}  // namespace ipfsc::api::common
