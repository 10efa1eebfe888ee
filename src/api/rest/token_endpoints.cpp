// POST, GET /tokens; DELETE /tokens/{name}: named tokens. (POST /token, the JWT, is answered by common::HttpApi.)
#include "api/auth/tokens.h"
#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/parameters.h"
#include "base/json.h"
#include "model/json_writer.h"

namespace ipfsc::api::rest {
namespace {

namespace json = boost::json;

constexpr size_t kMostTokenBody = 16 * 1024;
constexpr size_t kMostTokens = 10'000;
constexpr Duration kExpiredAreKept = std::chrono::hours(24 * 30);
constexpr size_t kMostForgotten = 100;  // expired ones, in passing

std::unexpected<Error> wrong(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

Result<std::string> text_member(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (!value || value->is_null()) return std::string();
  if (!value->is_string()) return wrong(fmt::format("error decoding request body: {} is not a text", key));
  return std::string(value->get_string());
}

/// The whole of {"name","role","operations","expire_in"} as a token without its secret.
Result<auth::Token> parse_request(std::string_view body, WallTime now) {
  auto value = parse_json(body);
  if (!value || !value->is_object()) {
    return wrong(R"(error decoding request body: expected {"name": "…", "role": "…"})");
  }
  const auto& object = value->get_object();
  for (const auto& [key, ignored] : object) {
    if (key != "name" && key != "role" && key != "operations" && key != "expire_in") {
      return wrong(fmt::format("error decoding request body: unknown member \"{}\"", std::string_view(key)));
    }
  }
  auth::Token token;
  TRY_ASSIGN(token.name, text_member(object, "name"));
  TRY(auth::check_token_name(token.name));
  TRY_ASSIGN(auto role, text_member(object, "role"));
  std::vector<std::string> operations;
  if (const auto* list = object.if_contains("operations"); list && !list->is_null()) {
    if (!list->is_array()) return wrong("error decoding request body: operations is not a list");
    for (const auto& item : list->get_array()) {
      if (!item.is_string()) return wrong("error decoding request body: operations is not a list of texts");
      operations.emplace_back(item.get_string());
    }
  }
  TRY_ASSIGN(token.rights, auth::parse_rights(role, operations));
  TRY_ASSIGN(auto expire_in, text_member(object, "expire_in"));
  token.created = now;
  if (!expire_in.empty()) {
    auto duration = parse_go_duration(expire_in);
    if (!duration) return fail(duration.error().with_context("expire_in cannot be parsed"));
    if (*duration < std::chrono::seconds(1)) return wrong("expire_in is too short: a second at least");
    // What is so far away that a clock cannot say it is never.
    if (*duration < std::chrono::hours(24 * 365 * 100)) token.expires = now + *duration;
  }
  return token;
}

void write_token(model::JsonObject& object, const auth::Token& token, WallTime now) {
  object.text("name", token.name);
  object.text("role", token.rights.role);
  auto& list = object.key("operations");
  list += '[';
  bool first = true;
  for (const auto& name : token.rights.allowed.names()) {
    if (!first) list += ',';
    first = false;
    model::append_json_string(list, name);
  }
  list += ']';
  object.time("created_at", token.created);
  object.time("expires_at", token.expires);
  object.boolean("expired", token.expired(now));
  object.text("created_by", token.created_by);
}

Result<std::vector<std::pair<auth::Token, uint64_t>>> all_tokens(const RestContext& context) {
  TRY_ASSIGN(auto records, context.records->list(auth::kTokenRecords, {}, kMostTokens + 1));
  std::vector<std::pair<auth::Token, uint64_t>> out;
  for (const auto& record : records) {
    auto token = auth::decode_token(record.key, record.value);
    // It can be revoked whatever is in it.
    if (!token)
      token = auth::Token{.name = record.key, .rights = {}, .expires = {}, .created_by = "?", .secret_sha256 = {}};
    out.emplace_back(*std::move(token), record.revision);
  }
  return out;
}

Task<> create_token(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto body, co_await read_body(request, kMostTokenBody));
  auto now = context.runtime.wall_now();
  CO_TRY_ASSIGN(auto token, parse_request(body, now));
  const auto& creator = auth::identity_of(request);
  if (!context.has_users) {
    co_return fail(ErrorKind::kFailedPrecondition,
                   "the API is open to everybody, a token would change nothing: configure users before");
  }
  if (!creator.rights.allowed.contains(token.rights.allowed)) {
    co_return fail(ErrorKind::kPermissionDenied,
                   fmt::format("forbidden: a token may not do more than who makes it ({})", describe(creator.rights)));
  }
  token.created_by = creator.user;
  CO_TRY_ASSIGN(auto text, auth::make_token_text(token.name));
  token.secret_sha256 = auth::secret_sha256(text);

  CO_TRY_ASSIGN(auto tokens, all_tokens(context));
  uint64_t replaces = 0;
  size_t forgotten = 0;
  for (const auto& [other, revision] : tokens) {
    if (other.name == token.name) {
      if (!other.expired(now)) {
        co_return fail(ErrorKind::kAlreadyExists, fmt::format("there is a token \"{}\": remove it first", token.name));
      }
      replaces = revision;
    } else if (other.expired(now - kExpiredAreKept) && forgotten < kMostForgotten) {
      ++forgotten;
      (void)co_await context.records->remove(std::string(auth::kTokenRecords), other.name, "expire");
    }
  }
  if (tokens.size() - forgotten >= kMostTokens && replaces == 0) {
    co_return fail(ErrorKind::kResourceExhausted, fmt::format("there are {} tokens: remove some first", tokens.size()));
  }
  CO_TRY_ASSIGN(auto caller, caller_of(request));
  // Not the Idempotency-Key: a repetition could not be given the secret of the first one.
  auto stored = co_await context.records->put(std::string(auth::kTokenRecords), token.name, encode(token), replaces,
                                              std::move(caller.actor));
  if (!stored && stored.error().kind == ErrorKind::kAborted) {
    co_return fail(ErrorKind::kAlreadyExists, fmt::format("there is a token \"{}\": remove it first", token.name));
  }
  CO_TRY(stored);
  std::string answer;
  model::JsonObject object(answer);
  write_token(object, token, now);
  object.text("token", text);
  object.end();
  answer += '\n';
  response.set_header("Cache-Control", "no-store");
  co_return response.send(200, answer, kJson);
}

Task<> list_tokens(RestContext& context, net::Response& response) {
  CO_TRY_ASSIGN(auto tokens, all_tokens(context));
  auto now = context.runtime.wall_now();
  std::string body = "[";
  for (const auto& [token, revision] : tokens) {
    if (body.size() > 1) body += ',';
    model::JsonObject object(body);
    write_token(object, token, now);
    object.end();
  }
  body += "]\n";
  co_return response.send(200, body, kJson);
}

Task<> remove_token(RestContext& context, net::Request& request, net::Response& response) {
  std::string name(request.variable("name"));
  CO_TRY(auth::check_token_name(name));
  CO_TRY_ASSIGN(auto caller, caller_of(request));
  auto dropped = co_await context.records->remove(std::string(auth::kTokenRecords), name, std::move(caller.actor));
  if (!dropped && dropped.error().kind == ErrorKind::kNotFound) {
    co_return fail(ErrorKind::kNotFound, fmt::format("there is no token \"{}\"", name));
  }
  CO_TRY(dropped);
  co_return response.send(204, {}, kJson);
}

}  // namespace

void add_token_routes(Routes& routes) {
  routes.add("POST", "/tokens",
             {.tag = kTagAccess,
              .summary = "Make a named token",
              .text = "It may do no more than who makes it. 409 while the API has no users.",
              .parameters = {kIdempotencyKey},
              .body = {kJson, "TokenRequest", "Its name and what it may do."},
              .answer = {"The token and its secret.", "NewToken"},
              .errors = {403, 409, 507}},
             &create_token);
  routes.add("GET", "/tokens", {.tag = kTagAccess, .summary = "All tokens", .answer = {"Without secrets.", "Token[]"}},
             &list_tokens);
  routes.add("DELETE", "/tokens/{name}",
             {.tag = kTagAccess,
              .summary = "Revoke a token",
              .parameters = {kIdempotencyKey},
              .answer = {"It is revoked.", {}, Form::kNothing},
              .errors = {409}},
             &remove_token);
  // common::HttpApi answers it.
  routes.describe("POST", "/token",
                  {.tag = kTagAccess,
                   .summary = "A JWT for who asks",
                   .text = "Signed with the user's password: it ends when that is changed.",
                   .answer = {"The token.", "JWT"},
                   .errors = {401, 403, 409}});
}

}  // namespace ipfsc::api::rest
