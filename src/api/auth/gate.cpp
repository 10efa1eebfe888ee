#include "api/auth/gate.h"

#include <fmt/format.h>

#include "api/auth/jwt.h"
#include "base/log.h"
#include "net/http.h"

namespace ipfsc::api::auth {
namespace {

const LogComponent kLog("auth");

constexpr std::string_view kBasic = "Basic realm=\"Restricted IPFS Cluster API\"";
constexpr std::string_view kBearer = "Bearer realm=\"Restricted IPFS Cluster API\"";

/// What follows the scheme; nullopt when it is another one.
std::optional<std::string_view> after_scheme(std::string_view authorization, std::string_view scheme) {
  if (authorization.size() <= scheme.size() || !net::equal_fold(authorization.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  return authorization.substr(scheme.size());
}

Refusal busy(std::string message) {
  return {.status = 503, .message = std::move(message), .challenges = {}, .retry_after = std::chrono::seconds(1)};
}

}  // namespace

/// A password that is being hashed.
struct Gate::Login {
  LoginDigest digest;
  std::shared_ptr<const Users> users;
  ScryptHash hash;
  std::string password;
  IdentityPtr identity;  // nullptr: nobody's hash is this, whatever comes out
  std::string group;
  std::optional<Result<bool>> outcome;
};

Gate::Gate(Runtime& runtime, std::shared_ptr<const Users> users, FailedTriesLimits limits, TokenLookup tokens)
    : runtime_(runtime),
      users_(std::move(users)),
      failed_(limits),
      tokens_(std::move(tokens)),
      changed_(runtime),
      tasks_(runtime) {}

void Gate::set_users(std::shared_ptr<const Users> users) {
  users_ = std::move(users);
  verified_.clear();
  pending_.clear();  // those who wait for one get its outcome, or are told to come again
}

std::optional<Decision> Gate::decide_now(const Attempt& attempt) {
  if (!users_) {
    if (attempt.certificate.empty()) return everybody();
    return std::make_shared<const Identity>(std::string(attempt.certificate), everybody()->rights);
  }
  if (attempt.authorization.empty()) return without_header(attempt);
  if (after_scheme(attempt.authorization, "Basic ")) return by_password(attempt);
  if (auto token = after_scheme(attempt.authorization, "Bearer ")) return by_bearer(attempt, *token);
  return without_header({.authorization = {}, .certificate = {}, .remote = attempt.remote});
}

Decision Gate::without_header(const Attempt& attempt) const {
  if (!attempt.certificate.empty()) {
    if (auto user = users_->find(attempt.certificate)) return user;
    return std::unexpected(Refusal{.message = "unauthorized: the name of the client certificate is no user's",
                                   .challenges = {std::string(kBearer), std::string(kBasic)}});
  }
  return std::unexpected(
      Refusal{.message = "unauthorized: no auth provided", .challenges = {std::string(kBearer), std::string(kBasic)}});
}

std::optional<Refusal> Gate::too_many_tries(const Attempt& attempt) const {
  auto wait = failed_.wait(address_group(attempt.remote), runtime_.now());
  if (wait <= Duration::zero()) return std::nullopt;
  auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
  return Refusal{
      .status = 429,
      .message = fmt::format("too many failed tries to log in from this address: wait {} s", seconds.count()),
      .challenges = {},
      .retry_after = seconds};
}

Decision Gate::wrong_password(const Attempt& attempt, bool count) {
  if (count) failed_.failed(address_group(attempt.remote), runtime_.now());
  return std::unexpected(Refusal{.message = "unauthorized: access denied", .challenges = {std::string(kBasic)}});
}

std::optional<Decision> Gate::by_password(const Attempt& attempt) {
  // Before the password is looked at, or the right one could be told from wrong ones however many are tried.
  if (auto refusal = too_many_tries(attempt)) return std::unexpected(*std::move(refusal));
  auto login = net::parse_basic_auth(attempt.authorization);
  if (!login || login->first.empty() || login->second.empty()) return wrong_password(attempt, true);
  auto digest = users_->digest(login->first, login->second);
  if (auto user = users_->clear_text(digest)) return user;
  if (auto it = verified_.find(digest); it != verified_.end()) return it->second;
  if (!users_->hash_to_check(login->first)) return wrong_password(attempt, true);
  return std::nullopt;
}

Decision Gate::by_bearer(const Attempt& attempt, std::string_view token) {
  Refusal invalid{.message = "unauthorized: invalid token",
                  .challenges = {std::string(kBearer) + ", error=\"invalid_token\""}};
  // A secret of 256 bits is found by no number of tries: who has one is never locked out.
  if (is_token(token)) {
    auto identity = identity_of_token(token, tokens_, runtime_.wall_now());
    if (!identity) {
      if (identity.error().kind == ErrorKind::kUnavailable) return std::unexpected(busy(identity.error().message));
      kLog.warn("a token cannot be used: {}", identity.error().message);
    } else if (*identity) {
      return *identity;
    }
    failed_.failed(address_group(attempt.remote), runtime_.now());
    invalid.message += ": it was revoked, has expired, or is of another cluster";
    return std::unexpected(std::move(invalid));
  }
  if (auto refusal = too_many_tries(attempt)) return std::unexpected(*std::move(refusal));
  auto issuer = verify_jwt(token, [this](std::string_view name) { return users_->jwt_key(name); }, runtime_.wall_now());
  if (issuer) return users_->find(*issuer);
  failed_.failed(address_group(attempt.remote), runtime_.now());
  // The same whichever user it names.
  if (users_->hash_to_check("")) {
    invalid.message +=
        " (where passwords are stored as hashes a JWT that is signed with the password cannot be checked: POST /token "
        "gives one that can)";
  }
  return std::unexpected(std::move(invalid));
}

boost::asio::awaitable<Decision> Gate::decide(Attempt attempt) {
  // What was decided a moment ago may have changed: while others waited, or by a reload.
  if (auto decision = decide_now(attempt)) co_return *std::move(decision);
  auto given = net::parse_basic_auth(attempt.authorization);
  auto digest = users_->digest(given->first, given->second);
  auto it = pending_.find(digest);
  auto login = it == pending_.end() ? nullptr : it->second;
  if (!login) {
    if (pending_.size() >= kMostWaiting) co_return std::unexpected(busy("too many logins at once"));
    login = std::make_shared<Login>(Login{.digest = digest,
                                          .users = users_,
                                          .hash = *users_->hash_to_check(given->first),
                                          .password = std::move(given->second),
                                          .identity = nullptr,
                                          .group = address_group(attempt.remote),
                                          .outcome = {}});
    if (users_->has_hash(given->first)) login->identity = users_->find(given->first);
    failed_.begin(login->group, runtime_.now());
    pending_[digest] = login;
    tasks_.spawn("checking a password", verify(login));
  }
  while (!login->outcome) {
    if (auto waited = co_await changed_.wait(); !waited) co_return std::unexpected(busy("the peer is stopping"));
  }
  if (!*login->outcome) co_return std::unexpected(busy(login->outcome->error().message));
  if (login->users != users_) co_return std::unexpected(busy("the users have just been read again"));
  if (**login->outcome && login->identity) co_return login->identity;
  co_return wrong_password(attempt, false);
}

Task<> Gate::verify(std::shared_ptr<Login> login) {
  while (running_ >= kMostAtOnce) CO_TRY(co_await changed_.wait());
  ++running_;
  login->outcome = co_await run_blocking(runtime_, [login] { return login->hash.matches(login->password); });
  --running_;
  login->password.clear();
  bool good = *login->outcome && **login->outcome && login->identity;
  failed_.end(login->group, *login->outcome && !good);
  if (auto it = pending_.find(login->digest); it != pending_.end() && it->second == login) pending_.erase(it);
  if (good && login->users == users_) {
    if (verified_.size() >= kMostRemembered) verified_.clear();
    verified_[login->digest] = login->identity;
  }
  changed_.notify_all();
  co_return Result<>{};
}

Result<std::string> Gate::make_jwt_for(const Identity& identity) const {
  if (!users_) return fail(ErrorKind::kUnauthenticated, "unauthorized");
  if (identity.by_token) {
    return fail(ErrorKind::kPermissionDenied, "a token cannot be exchanged for one that cannot be revoked");
  }
  auto key = users_->jwt_key(identity.user);
  if (!key) return fail(ErrorKind::kFailedPrecondition, "this user has no password, with which a token is signed");
  return make_jwt(identity.user, *key);
}

boost::asio::awaitable<void> Gate::stop() { co_await tasks_.stop(); }

}  // namespace ipfsc::api::auth
