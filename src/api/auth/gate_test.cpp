#include "api/auth/gate.h"

#include <gmock/gmock.h>

#include "api/auth/jwt.h"
#include "base/deadline.h"
#include "base/gather.h"
#include "base/real_runtime.h"
#include "net/http.h"

namespace ipfsc::api::auth {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class GateTest : public ::testing::Test {
 protected:
  void start(std::vector<UserOptions> users, FailedTriesLimits limits = {}) {
    gate_.emplace(runtime_, users.empty() ? nullptr : *Users::make(users, "secret"), limits,
                  [this](std::string_view name) -> Result<std::optional<Bytes>> {
                    ++lookups_;
                    if (starting_) return fail(ErrorKind::kUnavailable, "the peer is starting");
                    auto it = tokens_.find(std::string(name));
                    return it == tokens_.end() ? std::nullopt : std::optional(it->second);
                  });
  }
  void TearDown() override {
    if (gate_)
      run([](Gate& gate) -> Task<> {
        co_await gate.stop();
        co_return Result<>{};
      }(*gate_));
  }
  void run(Task<> task) {
    auto done = runtime_.run_task(with_deadline(runtime_, runtime_.now() + 60s, "the test", std::move(task)));
    EXPECT_TRUE(done) << done.error().message;
  }
  Decision ask(std::string authorization, std::string remote = "192.0.2.1:1", std::string certificate = "") {
    Decision out = std::unexpected(Refusal{});
    run([](Gate& gate, Attempt attempt, Decision& out) -> Task<> {
      out = co_await gate.decide(attempt);
      co_return Result<>{};
    }(*gate_, {authorization, certificate, remote}, out));
    return out;
  }
  static std::string user(const Decision& decision) {
    return decision ? (*decision)->user : std::to_string(decision.error().status) + " " + decision.error().message;
  }

  RealRuntime runtime_{{.worker_threads = 2}};
  std::optional<Gate> gate_;
  std::map<std::string, Bytes> tokens_;
  int lookups_ = 0;
  bool starting_ = false;
};

const std::string kDenied = "401 unauthorized: access denied";

TEST_F(GateTest, AnOpenApiLooksAtNothing) {
  start({});
  auto decision = ask("Basic !!");
  ASSERT_TRUE(decision);
  EXPECT_EQ(*decision, everybody());
  EXPECT_EQ(user(ask("", "x:1", "robot")), "robot");  // but for a certificate, which was verified
  EXPECT_EQ(gate_->make_jwt_for(**decision).error().message, "unauthorized");
}

TEST_F(GateTest, PasswordsInClearTextAndHashed) {
  start({{.name = "alice", .password = "clear", .role = "admin", .operations = {}},
         {.name = "bob", .password = hash_password("hashed")->to_string(), .role = "reader", .operations = {}}});
  EXPECT_EQ(user(ask(net::basic_auth("alice", "clear"))), "alice");
  EXPECT_EQ(user(ask(net::basic_auth("bob", "hashed"))), "bob");
  // Known now: nothing is hashed.
  auto authorization = net::basic_auth("bob", "hashed");
  auto known = gate_->decide_now({authorization, "", "192.0.2.1:1"});
  ASSERT_TRUE(known && *known);
  EXPECT_EQ((**known)->rights.role, "reader");
  for (auto [name, password] : {std::pair{"alice", "hashed"}, {"bob", "clear"}, {"nobody", "hashed"}, {"bob", ""}}) {
    EXPECT_EQ(user(ask(net::basic_auth(name, password))), kDenied) << name;
  }
  // With other users what was known counts no more.
  gate_->set_users(*Users::make({{.name = "alice", .password = "new", .role = "admin", .operations = {}}}, "secret"));
  EXPECT_EQ(user(ask(authorization)), kDenied);
  EXPECT_EQ(user(ask(net::basic_auth("alice", "new"))), "alice");
}

TEST_F(GateTest, EqualLoginsAtOnceAreHashedOnce) {
  start({{.name = "bob", .password = hash_password("hashed")->to_string(), .role = "reader", .operations = {}}},
        {.most = 2, .window = 60s, .addresses = 10});
  auto authorization = net::basic_auth("bob", "hashed");
  run([](Runtime& runtime, Gate& gate, const std::string& authorization) -> Task<> {
    std::vector<Task<Decision>> asks;
    for (int i = 0; i < 50; ++i) {
      asks.push_back([](Gate& gate, Attempt attempt) -> Task<Decision> { co_return co_await gate.decide(attempt); }(
                                                         gate, {authorization, "", "192.0.2.1:1"}));
    }
    // With a limit of 2 tries that run, 50 that were hashed each would be refused.
    for (auto& decision : co_await gather(runtime, std::move(asks))) {
      EXPECT_TRUE(decision && *decision) << user(*decision);
    }
    co_return Result<>{};
  }(runtime_, *gate_, authorization));
}

TEST_F(GateTest, WrongTriesAtOnceAreBounded) {
  start({{.name = "bob", .password = hash_password("hashed")->to_string(), .role = "reader", .operations = {}}},
        {.most = 3, .window = 600s, .addresses = 1000});
  run([](Runtime& runtime, Gate& gate) -> Task<> {
    std::vector<std::string> authorizations, remotes;
    for (int i = 0; i < 100; ++i) {
      authorizations.push_back(net::basic_auth("bob", std::to_string(i)));
      // Half of them from one address.
      remotes.push_back(i % 2 == 0 ? "192.0.2.1:1" : fmt::format("198.51.100.{}:1", i));
    }
    std::vector<Task<Decision>> asks;
    for (int i = 0; i < 100; ++i) {
      asks.push_back([](Gate& gate, Attempt attempt) -> Task<Decision> { co_return co_await gate.decide(attempt); }(
                                                         gate, {authorizations[i], "", remotes[i]}));
    }
    std::map<int, int> by_status;
    for (auto& decision : co_await gather(runtime, std::move(asks))) {
      EXPECT_TRUE(decision && !*decision);
      ++by_status[decision->error().status];
    }
    EXPECT_EQ(by_status[401], static_cast<int>(Gate::kMostWaiting));  // as many as may wait
    EXPECT_GE(by_status[429], 50 - 3);                                // beyond three at once of the one address
    EXPECT_EQ(by_status[401] + by_status[429] + by_status[503], 100);
    EXPECT_GT(by_status[503], 0);
    co_return Result<>{};
  }(runtime_, *gate_));
}

TEST_F(GateTest, AnAddressThatFailsTooOftenWaitsAndOthersDoNot) {
  start({{.name = "alice", .password = "clear", .role = "admin", .operations = {}}},
        {.most = 3, .window = 600s, .addresses = 10});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(user(ask(net::basic_auth("alice", "wrong"))), kDenied);
  // Not even the right password, or it could be told from wrong ones.
  for (auto password : {"clear", "wrong"}) {
    auto refused = ask(net::basic_auth("alice", password), "192.0.2.1:2");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 429);
    EXPECT_GT(refused.error().retry_after, 500s);
  }
  EXPECT_EQ(ask("Bearer " + make_jwt("alice", "clear")).error().status, 429);
  EXPECT_EQ(user(ask(net::basic_auth("alice", "clear"), "192.0.2.9:1")), "alice");
  EXPECT_EQ(user(ask("", "192.0.2.1:3")), "401 unauthorized: no auth provided");  // no try
}

TEST_F(GateTest, TokensPassAlsoWhereTriesHaveFailed) {
  start({{.name = "alice", .password = "clear", .role = "admin", .operations = {}}},
        {.most = 2, .window = 600s, .addresses = 10});
  auto text = *make_token_text("ci");
  tokens_["ci"] = encode({.name = "ci",
                          .rights = *parse_rights("reader", {}),
                          .created = runtime_.wall_now(),
                          .expires = {},
                          .created_by = "alice",
                          .secret_sha256 = secret_sha256(text)});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(user(ask("Bearer " + *make_token_text("ci"))),
              "401 unauthorized: invalid token: it was revoked, has expired, or is of another cluster");
  }
  EXPECT_EQ(ask(net::basic_auth("alice", "clear")).error().status, 429);
  auto decision = ask("bearer " + text);
  ASSERT_TRUE(decision);
  EXPECT_EQ((*decision)->user, "token:ci");
  EXPECT_EQ(gate_->make_jwt_for(**decision).error().kind, ErrorKind::kPermissionDenied);
  tokens_.clear();
  EXPECT_EQ(user(ask("Bearer " + text)),
            "401 unauthorized: invalid token: it was revoked, has expired, or is of another cluster");
  starting_ = true;
  EXPECT_EQ(ask("Bearer " + text).error().status, 503);
}

TEST_F(GateTest, JwtOfUsersWithAHashAreThoseOfPostTokenOnly) {
  auto hash = hash_password("hashed")->to_string();
  start({{.name = "bob", .password = hash, .role = "reader", .operations = {}}});
  auto bob = ask(net::basic_auth("bob", "hashed"));
  ASSERT_TRUE(bob);
  EXPECT_EQ(user(ask("Bearer " + *gate_->make_jwt_for(**bob))), "bob");
  auto own = ask("Bearer " + make_jwt("bob", "hashed"));
  ASSERT_FALSE(own);
  EXPECT_THAT(own.error().message, HasSubstr("POST /token"));
  // The same for a user that is not there.
  EXPECT_EQ(own.error().message, ask("Bearer " + make_jwt("nobody", "hashed")).error().message);
  EXPECT_FALSE(ask("Bearer " + make_jwt("bob", hash)));
}

TEST_F(GateTest, CertificatesNameUsers) {
  start({{.name = "robot", .password = "", .role = "pinner", .operations = {}},
         {.name = "alice", .password = "clear", .role = "admin", .operations = {}}});
  EXPECT_EQ(user(ask("", "x:1", "robot")), "robot");
  EXPECT_THAT(user(ask("", "x:1", "stranger")), HasSubstr("401 unauthorized: the name of the client certificate"));
  // What the header says comes before.
  EXPECT_EQ(user(ask(net::basic_auth("alice", "clear"), "x:1", "robot")), "alice");
  EXPECT_EQ(user(ask(net::basic_auth("alice", "wrong"), "x:1", "robot")), kDenied);
  EXPECT_THAT(gate_->make_jwt_for(**ask("", "x:1", "robot")).error().message, HasSubstr("no password"));
}

}  // namespace
}  // namespace ipfsc::api::auth
