#include "api/auth/users.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/text.h"

namespace ipfsc::api::auth {
namespace {

constexpr size_t kLoginKeyBytes = 32;
constexpr std::string_view kJwtLabel = "ipfs-cluster jwt";

LoginDigest hmac(ByteView key, std::string_view text) {
  LoginDigest out;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), u8(text), text.size(), out.data(), &size);
  return out;
}

/// The parts cannot be shifted against each other.
std::string joined(std::string_view a, std::string_view b) {
  std::string out;
  append_be64(out, a.size());
  out += a;
  out += b;
  return out;
}

}  // namespace

Result<std::shared_ptr<const Users>> Users::make(const std::vector<UserOptions>& users, ByteView jwt_secret) {
  auto out = std::make_shared<Users>();
  out->login_key_.resize(kLoginKeyBytes);
  if (RAND_bytes(u8(out->login_key_), kLoginKeyBytes) != 1) return fail(ErrorKind::kInternal, "no random numbers");
  for (const auto& options : users) {
    auto of_user = [&options](const Error& error) { return fail(error.with_context("user " + quoted(options.name))); };
    if (options.name.empty() || options.name.starts_with("token:")) {
      return of_user({ErrorKind::kInvalidArgument, "a name must not be empty nor begin with \"token:\""});
    }
    auto rights = parse_rights(options.role, options.operations);
    if (!rights) return of_user(rights.error());
    User user{
        .identity = std::make_shared<const Identity>(options.name, *std::move(rights)), .hash = {}, .jwt_key = {}};
    auto hash = parse_password_hash(options.password);
    if (!hash) return of_user(hash.error());
    user.hash = *std::move(hash);
    if (user.hash) {
      auto text = std::string(kJwtLabel) + joined(options.name, user.hash->to_string());
      auto key = hmac(jwt_secret, text);
      user.jwt_key = as_bytes(key.data(), key.size());
    } else if (!options.password.empty()) {
      user.jwt_key = options.password;
      out->clear_text_[out->digest(options.name, options.password)] = user.identity;
    }
    if (!out->users_.emplace(options.name, std::move(user)).second) {
      return of_user({ErrorKind::kInvalidArgument, "there are two of that name"});
    }
  }
  for (const auto& [name, user] : out->users_) {
    if (user.hash) out->some_hash_ = &*user.hash;
  }
  return out;
}

IdentityPtr Users::find(std::string_view name) const {
  auto it = users_.find(name);
  return it == users_.end() ? nullptr : it->second.identity;
}

LoginDigest Users::digest(std::string_view name, std::string_view password) const {
  return hmac(login_key_, joined(name, password));
}

IdentityPtr Users::clear_text(const LoginDigest& login) const {
  auto it = clear_text_.find(login);
  return it == clear_text_.end() ? nullptr : it->second;
}

const ScryptHash* Users::hash_to_check(std::string_view name) const {
  auto it = users_.find(name);
  return it != users_.end() && it->second.hash ? &*it->second.hash : some_hash_;
}

bool Users::has_hash(std::string_view name) const {
  auto it = users_.find(name);
  return it != users_.end() && it->second.hash;
}

std::optional<Bytes> Users::jwt_key(std::string_view name) const {
  auto it = users_.find(name);
  if (it == users_.end() || it->second.jwt_key.empty()) return std::nullopt;
  return it->second.jwt_key;
}

}  // namespace ipfsc::api::auth
