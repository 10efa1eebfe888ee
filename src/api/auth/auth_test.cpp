// The decisions of access control: rights, rules, hashes, JWTs, tokens, failed tries.
#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "api/auth/failed_tries.h"
#include "api/auth/jwt.h"
#include "api/auth/password.h"
#include "api/auth/rules.h"
#include "api/auth/tokens.h"
#include "api/auth/users.h"

namespace ipfsc::api::auth {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const WallTime kNow{std::chrono::seconds(1'800'000'000)};
TEST(Rights, RolesAndListsOfOperations) {
  auto reader = parse_rights("reader", {});
  ASSERT_TRUE(reader);
  EXPECT_THAT(reader->allowed.names(), ElementsAre("read"));
  auto pinner = parse_rights("pinner", {});
  EXPECT_THAT(pinner->allowed.names(), ElementsAre("read", "pin", "unpin", "add", "recover"));
  auto admin = parse_rights("admin", {});
  EXPECT_EQ(admin->allowed, Operations::all());
  EXPECT_TRUE(admin->allowed.contains(pinner->allowed));
  EXPECT_FALSE(pinner->allowed.contains(admin->allowed));
  auto list = parse_rights("", {"gc", "pin"});
  ASSERT_TRUE(list);
  EXPECT_THAT(list->allowed.names(), ElementsAre("pin", "gc"));
  EXPECT_FALSE(list->allowed.has(Operation::kRead));
  EXPECT_TRUE(list->allowed.has(Operation::kAny));

  EXPECT_THAT(parse_rights("", {}).error().message, HasSubstr("give a role"));
  EXPECT_THAT(parse_rights("reader", {"pin"}).error().message, HasSubstr("exclude each other"));
  EXPECT_THAT(parse_rights("root", {}).error().message, HasSubstr("\"root\" is not a role"));
  EXPECT_THAT(parse_rights("", {"pin", "any"}).error().message, HasSubstr("\"any\" is not an operation"));
}

TEST(Rights, RefusalsSayWhoMayNotDoWhat) {
  Identity reader("bob", *parse_rights("reader", {}));
  EXPECT_TRUE(authorize(reader, Operation::kRead));
  EXPECT_TRUE(authorize(reader, Operation::kAny));
  auto refused = authorize(reader, Operation::kPin);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(refused.error().message, "forbidden: bob (role reader) may not do what needs the operation \"pin\"");
  EXPECT_FALSE(authorize(Identity(), Operation::kRead));  // nobody
}

TEST(Rules, WhatHasNoRowIsForAdministratorsUnlessItReads) {
  EXPECT_EQ(rest_operation("GET", "/pins"), Operation::kRead);
  EXPECT_EQ(rest_operation("GET", "/tokens"), Operation::kTokens);
  EXPECT_EQ(rest_operation("POST", "/pins/{cid}"), Operation::kPin);
  EXPECT_EQ(rest_operation("DELETE", "/pins/{cid}"), Operation::kUnpin);
  EXPECT_EQ(rest_operation("POST", "/pins/{cid}/recover"), Operation::kRecover);
  EXPECT_EQ(rest_operation("POST", "/something/new"), Operation::kAdmin);
  EXPECT_EQ(rest_operation("POST", ""), Operation::kAny);
  EXPECT_EQ(operation_by_method("POST"), Operation::kPin);
  EXPECT_EQ(operation_by_method("DELETE"), Operation::kUnpin);
  EXPECT_EQ(operation_by_method("HEAD"), Operation::kRead);
}

/// RFC 7914 §12, the second vector, in the format that the configuration has.
TEST(Password, Rfc7914) {
  auto hash = from_hex(
      "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d"
      "8360cbdfa2cc0640");
  ASSERT_TRUE(hash);
  ScryptHash stored{.log_n = 10, .r = 8, .p = 16, .salt = "NaCl", .hash = *hash};
  EXPECT_TRUE(*stored.matches("password"));
  EXPECT_FALSE(*stored.matches("Password"));
  EXPECT_FALSE(*stored.matches(""));
}

TEST(Password, HashesAreReadAsTheyAreWritten) {
  auto hash = hash_password("correct horse");
  ASSERT_TRUE(hash);
  auto text = hash->to_string();
  EXPECT_TRUE(text.starts_with("$scrypt$ln=15,r=8,p=1$")) << text;
  auto again = parse_password_hash(text);
  ASSERT_TRUE(again && *again);
  EXPECT_EQ(**again, *hash);
  EXPECT_TRUE(*(*again)->matches("correct horse"));
  EXPECT_NE(hash_password("correct horse")->to_string(), text);  // a salt of its own
}

TEST(Password, WhatIsNoHashIsClearText) {
  for (std::string_view text : {"", "secret", "$", "$scrypt", "$crypt$x", "scrypt$ln=15"}) {
    auto parsed = parse_password_hash(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_FALSE(*parsed) << text;
  }
}

TEST(Password, UnusableHashesAreRefused) {
  for (std::string_view text :
       {"$scrypt$", "$scrypt$ln=15,r=8$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$scrypt$ln=x,r=8,p=1$c2FsdHNhbHQ$aA",
        "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ$", "$scrypt$ln=15,r=8,p=1$$aGFzaGhhc2hoYXNoaGFzaA",
        "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ=$aGFzaGhhc2hoYXNoaGFzaA", "$scrypt$ln=15,r=8,p=0$c2FsdHNhbHQ$aA",
        "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA$more"}) {
    EXPECT_FALSE(parse_password_hash(text)) << text;
  }
  for (std::string_view costly : {"$scrypt$ln=22,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
                                  "$scrypt$ln=4294967295,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
                                  "$scrypt$ln=15,r=65,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
                                  "$scrypt$ln=15,r=8,p=17$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"}) {
    auto refused = parse_password_hash(costly);
    ASSERT_FALSE(refused) << costly;
    EXPECT_THAT(refused.error().message, HasSubstr("costs too much"));
  }
  EXPECT_THAT(parse_password_hash("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA").error().message,
              HasSubstr("only scrypt"));
  EXPECT_THAT(parse_password_hash("$2b$12$abc").error().message, HasSubstr("only scrypt"));
}

std::optional<Bytes> key_of(std::string_view issuer) {
  if (issuer == "alice") return "secret";
  if (issuer == "empty") return "";
  return std::nullopt;
}

/// Made by hand with HMAC-SHA256 and the key "secret": {"alg":"HS256","typ":"JWT"}.{"iss":"alice"}, as Go makes it.
constexpr std::string_view kGoToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhbGljZSJ9.cyNU8xTEDNzXijU9Vl5LF5aZ1Y2q91Q_q_VmSddkqII";

TEST(Jwt, IsMadeAndTakenAsInGo) {
  EXPECT_EQ(make_jwt("alice", "secret"), kGoToken);
  EXPECT_EQ(verify_jwt(kGoToken, key_of, kNow), "alice");
  EXPECT_FALSE(verify_jwt(make_jwt("alice", "other"), key_of, kNow));
  EXPECT_FALSE(verify_jwt(make_jwt("bob", "secret"), key_of, kNow));
}

TEST(Jwt, OthersThanHmacAreRefused) {
  // {"alg":"none"} and {"alg":"RS256"} with the claims and any signature.
  for (std::string_view header : {"eyJhbGciOiJub25lIn0", "eyJhbGciOiJSUzI1NiJ9", "e30", "W10", "bm8"}) {
    EXPECT_FALSE(verify_jwt(std::string(header) + ".eyJpc3MiOiJhbGljZSJ9.", key_of, kNow)) << header;
    EXPECT_FALSE(verify_jwt(std::string(header) + ".eyJpc3MiOiJhbGljZSJ9.AAAA", key_of, kNow)) << header;
  }
}

/// HS384 over these claims.
std::string signed_claims(std::string_view claims) {
  auto url = [](ByteView bytes) {
    auto text = to_base64(bytes);
    while (text.ends_with('=')) text.pop_back();
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text;
  };
  auto text = url(R"({"typ":"JWT","alg":"HS384"})") + "." + url(claims);
  Bytes mac(48, '\0');
  unsigned size = 0;
  HMAC(EVP_sha384(), "secret", 6, u8(text), text.size(), u8(mac), &size);
  return text + "." + url(mac);
}

TEST(Jwt, TimesAreEnforcedWhereTheyAreThere) {
  auto good = [](std::string_view claims) { return verify_jwt(signed_claims(claims), key_of, kNow).has_value(); };
  EXPECT_TRUE(good(R"({"iss":"alice"})"));
  EXPECT_TRUE(good(R"({"iss":"alice","exp":1800000001,"nbf":1800000000,"iat":1800000000,"aud":["x"]})"));
  EXPECT_TRUE(good(R"({"iss":"alice","exp":1800000001.5})"));
  EXPECT_TRUE(good(R"({"iss":"alice","exp":null})"));
  EXPECT_FALSE(good(R"({"iss":"alice","exp":1800000000})"));
  EXPECT_FALSE(good(R"({"iss":"alice","exp":-1})"));
  EXPECT_FALSE(good(R"({"iss":"alice","nbf":1800000001})"));
  EXPECT_FALSE(good(R"({"iss":"alice","iat":1800000001})"));
  EXPECT_FALSE(good(R"({"iss":"alice","exp":"tomorrow"})"));
  EXPECT_FALSE(good(R"({"iss":["alice"]})"));
  EXPECT_FALSE(good(R"({"iss":""})"));
  EXPECT_FALSE(good(R"({})"));
  EXPECT_FALSE(good(R"([])"));
  EXPECT_FALSE(good("not JSON"));
}

TEST(Jwt, AnEmptyKeySignsNothing) { EXPECT_FALSE(verify_jwt(make_jwt("empty", ""), key_of, kNow)); }

TEST(Jwt, EveryChangedCharacterIsSeen) {
  for (size_t i = 0; i < kGoToken.size(); ++i) {
    std::string changed(kGoToken);
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    // The last character of the signature has two bits that say nothing; Go takes them as they are, too.
    if (i + 1 == kGoToken.size()) continue;
    EXPECT_FALSE(verify_jwt(changed, key_of, kNow)) << i;
  }
  EXPECT_FALSE(verify_jwt(std::string(kGoToken) + "=", key_of, kNow));
  EXPECT_FALSE(verify_jwt(std::string(kGoToken) + ".", key_of, kNow));
  EXPECT_FALSE(verify_jwt("", key_of, kNow));
  EXPECT_FALSE(verify_jwt("..", key_of, kNow));
}

TEST(Token, RecordsComeBackAsTheyWere) {
  Token token{.name = "ci",
              .rights = *parse_rights("", {"pin", "add"}),
              .created = kNow,
              .expires = kNow + 1h,
              .created_by = "alice",
              .secret_sha256 = Bytes(32, 'x')};
  auto again = decode_token("ci", encode(token));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->rights, token.rights);
  EXPECT_EQ(again->created, token.created);
  EXPECT_EQ(again->expires, token.expires);
  EXPECT_EQ(again->created_by, "alice");
  EXPECT_EQ(again->secret_sha256, token.secret_sha256);
  EXPECT_FALSE(decode_token("ci", "rubbish"));
  EXPECT_FALSE(decode_token("ci", ""));  // no rights
}

TEST(Token, LetsInWhoHasItsSecretUntilItExpires) {
  auto text = *make_token_text("ci-1");
  EXPECT_TRUE(is_token(text));
  EXPECT_EQ(token_name(text), "ci-1");
  EXPECT_NE(*make_token_text("ci-1"), text);
  Token token{.name = "ci-1",
              .rights = *parse_rights("pinner", {}),
              .created = kNow,
              .expires = kNow + 1h,
              .created_by = "",
              .secret_sha256 = secret_sha256(text)};
  auto record = encode(token);
  EXPECT_EQ(record.find(text.substr(text.size() - 20)), Bytes::npos);  // the secret is not stored
  TokenLookup lookup = [&](std::string_view name) -> Result<std::optional<Bytes>> {
    return name == "ci-1" ? std::optional(record) : std::nullopt;
  };
  auto identity = identity_of_token(text, lookup, kNow);
  ASSERT_TRUE(identity && *identity);
  EXPECT_EQ((*identity)->user, "token:ci-1");
  EXPECT_TRUE((*identity)->by_token);
  EXPECT_EQ((*identity)->rights.role, "pinner");
  auto refused = [&](std::string_view other, WallTime now) {
    auto found = identity_of_token(other, lookup, now);
    return found && !*found;
  };
  EXPECT_TRUE(refused(text, kNow + 1h));
  EXPECT_FALSE(refused(text, kNow + 1h - 1ns));
  EXPECT_TRUE(refused(*make_token_text("ci-1"), kNow));  // another secret
  EXPECT_TRUE(refused(*make_token_text("ci-2"), kNow));
  for (std::string_view bad : {"ict_", "ict_ci-1", "ict_ci-1.", "ict_.x", "ict_ci-1.short", "ict_a b.c"}) {
    EXPECT_TRUE(refused(bad, kNow)) << bad;
  }
  EXPECT_TRUE(refused(text.substr(0, text.size() - 1), kNow));
}

TEST(Token, NamesAreBounded) {
  EXPECT_TRUE(check_token_name("a-Z_0"));
  EXPECT_TRUE(check_token_name(std::string(64, 'a')));
  for (const auto& bad :
       {std::string(), std::string(65, 'a'), std::string("a.b"), std::string("a/b"), std::string("é")}) {
    EXPECT_FALSE(check_token_name(bad)) << bad;
  }
}

TEST(FailedTries, BlockAnAddressForTheRestOfItsWindow) {
  FailedTries tries({.most = 3, .window = 60s, .addresses = 100});
  SteadyTime now{std::chrono::hours(1)};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(tries.wait("a", now), Duration::zero()) << i;
    tries.failed("a", now);
    now += 1s;
  }
  EXPECT_EQ(tries.wait("a", now), 57s);
  EXPECT_EQ(tries.wait("b", now), Duration::zero());  // others are not locked out
  now += 57s;
  EXPECT_EQ(tries.wait("a", now), Duration::zero());
  tries.failed("a", now);
  EXPECT_EQ(tries.wait("a", now), Duration::zero());
}

TEST(FailedTries, ManyAtOnceAreNotMoreThanOneAfterAnother) {
  FailedTries tries({.most = 2, .window = 60s, .addresses = 100});
  SteadyTime now{std::chrono::hours(1)};
  tries.begin("a", now);
  EXPECT_EQ(tries.wait("a", now), Duration::zero());
  tries.begin("a", now);
  EXPECT_GT(tries.wait("a", now), Duration::zero());
  tries.end("a", false);
  EXPECT_EQ(tries.wait("a", now), Duration::zero());
  tries.end("a", true);
  tries.failed("a", now);
  EXPECT_GT(tries.wait("a", now), Duration::zero());
}

TEST(FailedTries, MemoryIsBounded) {
  FailedTries tries({.most = 1, .window = 60s, .addresses = 100});
  SteadyTime now{std::chrono::hours(1)};
  for (int i = 0; i < 1000; ++i) tries.failed(std::to_string(i), now);
  EXPECT_EQ(tries.size(), 100u);
  EXPECT_GT(tries.wait("999", now), Duration::zero());
  EXPECT_EQ(tries.wait("0", now), Duration::zero());  // forgotten
  tries.begin("ok", now);
  tries.end("ok", false);
  EXPECT_EQ(tries.size(), 99u);  // what has not failed is not kept
}

TEST(FailedTries, CanBeSwitchedOff) {
  FailedTries tries({.most = 0});
  SteadyTime now{std::chrono::hours(1)};
  for (int i = 0; i < 100; ++i) tries.failed("a", now);
  EXPECT_EQ(tries.wait("a", now), Duration::zero());
  EXPECT_EQ(tries.size(), 0u);
}

TEST(FailedTries, AddressesAreGrouped) {
  EXPECT_EQ(address_group("192.0.2.1:5000"), "192.0.2.1");
  EXPECT_EQ(address_group("[2001:db8:1:2:3:4:5:6]:5000"), address_group("[2001:db8:1:2::1]:6000"));
  EXPECT_NE(address_group("[2001:db8:1:2::1]:5000"), address_group("[2001:db8:1:3::1]:5000"));
  EXPECT_EQ(address_group("@"), "");
}

TEST(Users, ClearTextHashesAndCertificatesSideBySide) {
  auto hash = *hash_password("hashed");
  auto users = Users::make({{.name = "alice", .password = "clear", .role = "admin", .operations = {}},
                            {.name = "bob", .password = hash.to_string(), .role = "reader", .operations = {}},
                            {.name = "robot", .password = "", .role = "", .operations = {"add"}}},
                           "cluster secret");
  ASSERT_TRUE(users) << users.error().message;
  const auto& all = **users;
  EXPECT_EQ(all.clear_text(all.digest("alice", "clear"))->user, "alice");
  EXPECT_EQ(all.clear_text(all.digest("alice", "wrong")), nullptr);
  EXPECT_EQ(all.clear_text(all.digest("bob", hash.to_string())), nullptr);  // the hash is no password
  EXPECT_EQ(all.clear_text(all.digest("robot", "")), nullptr);
  EXPECT_EQ(*all.hash_to_check("bob"), hash);
  EXPECT_EQ(*all.hash_to_check("nobody"), hash);  // costs the same
  EXPECT_EQ(all.find("robot")->rights.allowed.names(), std::vector<std::string>{"add"});
  EXPECT_EQ(all.find("nobody"), nullptr);
  EXPECT_EQ(all.jwt_key("alice"), "clear");
  EXPECT_EQ(all.jwt_key("robot"), std::nullopt);
  // The same on every peer with this user and secret, and not to be had from the hash alone.
  auto other_peer =
      Users::make({{.name = "bob", .password = hash.to_string(), .role = "admin", .operations = {}}}, "cluster secret");
  auto other_cluster =
      Users::make({{.name = "bob", .password = hash.to_string(), .role = "reader", .operations = {}}}, "another");
  EXPECT_EQ(all.jwt_key("bob"), (*other_peer)->jwt_key("bob"));
  EXPECT_NE(all.jwt_key("bob"), (*other_cluster)->jwt_key("bob"));
}

TEST(Users, WhatMakesNoSenseIsNamed) {
  auto error = [](UserOptions user) {
    auto made = Users::make({std::move(user)}, "");
    return made ? std::string("taken") : made.error().message;
  };
  EXPECT_THAT(error({.name = "", .password = "x", .role = "admin", .operations = {}}), HasSubstr("must not be empty"));
  EXPECT_THAT(error({.name = "token:x", .password = "x", .role = "admin", .operations = {}}), HasSubstr("token:"));
  EXPECT_THAT(error({.name = "bob", .password = "x", .role = "king", .operations = {}}),
              HasSubstr("user \"bob\": \"king\" is not a role"));
  EXPECT_THAT(error({.name = "bob", .password = "$scrypt$x", .role = "admin", .operations = {}}),
              HasSubstr("user \"bob\""));
  auto two = Users::make({{.name = "a", .password = "x", .role = "admin", .operations = {}},
                          {.name = "a", .password = "y", .role = "admin", .operations = {}}},
                         "");
  EXPECT_THAT(two.error().message, HasSubstr("two of that name"));
}

}  // namespace
}  // namespace ipfsc::api::auth
