// The users of an API, as its configuration has them. A value that is replaced as a whole when that is read again.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/auth/identity.h"
#include "api/auth/options.h"
#include "api/auth/password.h"

namespace ipfsc::api::auth {

/// Of user and password, keyed with random bytes that nobody outside of this process knows: what is compared, or looked
/// for in a table, tells nothing by the time that it takes.
using LoginDigest = std::array<uint8_t, 32>;
struct LoginDigestHash {
  size_t operator()(const LoginDigest& digest) const {
    size_t out;
    __builtin_memcpy(&out, digest.data(), sizeof out);
    return out;
  }
};
template <class T>
using LoginTable = std::unordered_map<LoginDigest, T, LoginDigestHash>;

class Users {
 public:
  /// kInvalidArgument names the user. `jwt_secret`: shared by the peers of a cluster; it goes into the keys of JWTs of
  /// users whose password is stored as a hash.
  static Result<std::shared_ptr<const Users>> make(const std::vector<UserOptions>& users, ByteView jwt_secret);

  /// nullptr: there is no such user.
  IdentityPtr find(std::string_view name) const;
  LoginDigest digest(std::string_view name, std::string_view password) const;
  /// Of a user whose password is in clear text and is this one; else nullptr.
  IdentityPtr clear_text(const LoginDigest& login) const;
  /// What a password has to be checked against when clear_text() knows it not: the user's hash, or for any other name
  /// somebody's, so that the time tells not which users there are. nullptr: nobody's password is a hash.
  const ScryptHash* hash_to_check(std::string_view name) const;
  bool has_hash(std::string_view name) const;
  /// Of clear text it is the password, as in Go; of a hash it is made of the hash and `jwt_secret`, so that only JWTs
  /// of POST /token are good. nullopt: no such user, or one without password.
  std::optional<Bytes> jwt_key(std::string_view name) const;

 private:
  struct User {
    IdentityPtr identity;
    std::optional<ScryptHash> hash;
    Bytes jwt_key;
  };
  Bytes login_key_;
  std::map<std::string, User, std::less<>> users_;
  LoginTable<IdentityPtr> clear_text_;
  const ScryptHash* some_hash_ = nullptr;
};

}  // namespace ipfsc::api::auth
