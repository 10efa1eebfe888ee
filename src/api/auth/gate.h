// Gate: lets requests in by password, JWT, token or client certificate, and bounds what wrong tries cost.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/auth/failed_tries.h"
#include "api/auth/tokens.h"
#include "api/auth/users.h"
#include "base/notifier.h"
#include "base/runtime.h"
#include "base/task_group.h"

namespace ipfsc::api::auth {

/// What a request says of who it is from. Views: valid until the decision is there.
struct Attempt {
  std::string_view authorization;  ///< the header, "" without one
  std::string_view certificate;    ///< common name of the client's verified certificate
  std::string_view remote;         ///< net::Request::remote()
};

struct Refusal {
  int status = 401;
  std::string message;
  std::vector<std::string> challenges;  ///< values of WWW-Authenticate
  Duration retry_after{};               ///< 0 = not said
};
using Decision = std::expected<IdentityPtr, Refusal>;

/// I/O thread only. stop() before destruction.
class Gate {
 public:
  /// `users` = nullptr: the API is open, everybody may do everything (under the name in the certificate, if there is
  /// one) and what a request says of itself is not looked at.
  Gate(Runtime& runtime, std::shared_ptr<const Users> users, FailedTriesLimits limits, TokenLookup tokens);

  /// From now on. What was remembered of logins is forgotten.
  void set_users(std::shared_ptr<const Users> users);
  void set_limits(FailedTriesLimits limits) { failed_.set_limits(limits); }

  /// nullopt: a password has to be hashed; ask decide(). All else, known passwords among it, takes microseconds.
  std::optional<Decision> decide_now(const Attempt& attempt);
  /// Hashes in the worker pool: kMostAtOnce at a time, equal logins once, beyond kMostWaiting 503.
  boost::asio::awaitable<Decision> decide(Attempt attempt);

  /// A JWT for a user with a password. kUnauthenticated on an open API; kPermissionDenied for a token, which is to be
  /// revocable; kFailedPrecondition for a user who comes by certificate only.
  Result<std::string> make_jwt_for(const Identity& identity) const;

  boost::asio::awaitable<void> stop();

  static constexpr size_t kMostAtOnce = 2;
  static constexpr size_t kMostWaiting = 32;
  static constexpr size_t kMostRemembered = 1000;  ///< verified logins; beyond, all are forgotten

 private:
  struct Login;

  Decision without_header(const Attempt& attempt) const;
  std::optional<Decision> by_password(const Attempt& attempt);
  Decision by_bearer(const Attempt& attempt, std::string_view token);
  Decision wrong_password(const Attempt& attempt, bool count);
  std::optional<Refusal> too_many_tries(const Attempt& attempt) const;
  Task<> verify(std::shared_ptr<Login> login);

  Runtime& runtime_;
  std::shared_ptr<const Users> users_;
  FailedTries failed_;
  TokenLookup tokens_;
  LoginTable<IdentityPtr> verified_;
  LoginTable<std::shared_ptr<Login>> pending_;
  size_t running_ = 0;
  Notifier changed_;  // a login ended
  TaskGroup tasks_;
};

}  // namespace ipfsc::api::auth
