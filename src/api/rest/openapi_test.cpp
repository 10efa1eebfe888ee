#include "api/rest/openapi.h"

#include <algorithm>
#include <set>

#include <boost/json/serialize.hpp>

#include "api/rest/schemas.h"
#include "api/rest/test_support.h"
#include "base/json.h"
#include "base/version.h"
#include "model/health.h"
#include "model/info.h"
#include "model/pin_json.h"
#include "model/status.h"

namespace ipfsc::api::rest::test {
namespace {

namespace json = boost::json;

constexpr std::string_view kCid = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq";

const json::object& schema_named(std::string_view name) { return all_schemas().at(name).as_object(); }

/// What is wrong with `value`, or "". Stricter than JSON schema: there may be no member that the schema does not have.
std::string problem(const json::object& schema, const json::value& value) {
  if (const auto* to = schema.if_contains("$ref")) {
    std::string_view name = to->as_string();
    return problem(schema_named(name.substr(name.rfind('/') + 1)), value);
  }
  if (const auto* any = schema.if_contains("anyOf")) {
    std::string all;
    for (const auto& one : any->as_array()) {
      auto wrong = problem(one.as_object(), value);
      if (wrong.empty()) return {};
      all += (all.empty() ? "" : "; ") + wrong;
    }
    return all;
  }
  std::string_view type = schema.at("type").as_string();
  if (type == "integer") return value.is_int64() || value.is_uint64() ? "" : "no integer";
  if (type == "boolean") return value.is_bool() ? "" : "no boolean";
  if (type == "null") return value.is_null() ? "" : "not null";
  if (type == "string") {
    if (!value.is_string()) return "no string";
    const auto* names = schema.if_contains("enum");
    if (!names || std::ranges::find(names->as_array(), value) != names->as_array().end()) return {};
    return fmt::format("none of the names: {}", std::string_view(value.as_string()));
  }
  if (type == "array") {
    if (!value.is_array()) return "no list";
    for (const auto& item : value.as_array()) {
      if (auto wrong = problem(schema.at("items").as_object(), item); !wrong.empty()) return "[]: " + wrong;
    }
    return {};
  }
  if (!value.is_object()) return "no object";
  const auto* properties = schema.if_contains("properties");
  const auto* map = schema.if_contains("additionalProperties");
  for (const auto& [key, member] : value.as_object()) {
    const auto* known = properties ? properties->as_object().if_contains(key) : map;
    if (!known) return fmt::format("{} is not in the schema", std::string_view(key));
    if (auto wrong = problem(known->as_object(), member); !wrong.empty())
      return fmt::format("{}: {}", std::string_view(key), wrong);
  }
  if (const auto* required = schema.if_contains("required")) {
    for (const auto& key : required->as_array()) {
      if (!value.as_object().contains(key.as_string()))
        return fmt::format("{} is missing", std::string_view(key.as_string()));
    }
  }
  return {};
}

void expect_schema(std::string_view type, const std::string& text) {
  auto value = parse_json(text);
  ASSERT_TRUE(value) << text;
  EXPECT_EQ(problem(schema_of(type), *value), "") << type << " " << text;
}

/// That and every property is there.
void expect_whole(std::string_view name, const std::string& text) {
  expect_schema(name, text);
  auto value = parse_json(text);
  ASSERT_TRUE(value) << text;
  for (const auto& [key, schema] : schema_named(name).at("properties").as_object()) {
    EXPECT_TRUE(value->as_object().contains(key)) << name << " has " << std::string_view(key) << ", this not: " << text;
  }
}

template <class Value>
std::string text_of(const Value& value) {
  std::string out;
  model::append_json(out, value);
  return out;
}

const auto kAddress = *ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/1");
const auto kTime = WallTime(std::chrono::seconds(1'700'000'000));

TEST(Schemas, AreWhatTheWritersOfPinsWrite) {
  model::Pin pin{.cid = *ipld::Cid::parse(kCid)};
  expect_whole("Pin", text_of(pin));
  pin.options.metadata = {{"a", "b"}};
  pin.options.origins = {kAddress};
  pin.options.user_allocations = pin.allocations = {self_id()};
  pin.options.pin_update = pin.reference = pin.cid;
  pin.options.expire_at = kTime;
  std::string asked;
  model::append_json(asked, pin, model::PinJsonStyle::kRequest);
  expect_whole("Pin", asked);
  EXPECT_NE(asked.find("\"user_allocations\":[\""), std::string::npos);

  expect_whole("GlobalPinInfo", text_of(model::GlobalPinInfo{.pin = model::PinSummary::missing(pin.cid)}));
  model::PinInfoShort at{.on = model::make_peer_facts(self_id(), "here", "id", {kAddress}),
                         .status = model::TrackerStatus::kPinned,
                         .reason = "why",
                         .next_try = kTime,
                         .bytes = 7};
  model::GlobalPinInfo info{.pin = model::PinSummary::of(pin)};
  info.add(at);
  expect_whole("GlobalPinInfo", text_of(info));
  expect_whole("PinInfo", text_of(at));
  expect_schema("PinInfo", text_of(model::PinInfoShort{.on = model::make_peer_facts(self_id(), "")}));
  for (size_t bit = 0; bit < model::kStatusBits; ++bit) {
    expect_schema("Status", fmt::format("\"{}\"", to_string(static_cast<model::TrackerStatus>(1u << bit))));
  }
}

TEST(Schemas, AreWhatTheWritersOfPeersWrite) {
  model::PeerInfo info{.id = self_id()};
  expect_schema("ID", text_of(info));
  info.addresses = info.cluster_peers_addresses = info.ipfs.addresses = {kAddress};
  info.cluster_peers = {self_id()};
  info.ipfs.id = "id";
  info.standing = model::PeerStanding{.role = "leader", .health = "up", .free_bytes = 1};
  auto text = text_of(info);
  expect_whole("ID", text);
  expect_whole("IPFSID", json::serialize(parse_json(text)->at("ipfs")));
  expect_whole("Standing", json::serialize(parse_json(text)->at("standing")));

  model::Metric metric{.name = "ping", .peer = self_id(), .value = "1"};
  expect_whole("Metric", text_of(metric));
  expect_schema("Alert", text_of(model::Alert{.metric = metric}));
  expect_whole("Alert", text_of(model::Alert{.metric = metric, .ended_at = kTime, .times = 2, .reason = "why"}));

  model::ConnectGraph graph{.cluster_id = self_id()};
  expect_schema("ConnectGraph", text_of(graph));
  graph.id_to_peername[self_id()] = graph.cluster_to_ipfs[self_id()] = "a";
  graph.ipfs_links["a"] = {"b"};
  graph.cluster_links[self_id()] = graph.one_way_links[self_id()] = {self_id()};
  graph.cluster_trust_links[self_id()] = true;
  graph.round_trips[self_id()][self_id()] = std::chrono::milliseconds(1);
  expect_whole("ConnectGraph", text_of(graph));
}

TEST(Schemas, AreWhatTheOtherWritersWrite) {
  auto cid = *ipld::Cid::parse(kCid);
  expect_schema("AddedOutput", text_of(model::AddedOutput{.name = "a", .bytes = 1}));
  expect_whole(
      "AddedOutput",
      text_of(model::AddedOutput{
          .name = "a", .cid = cid, .bytes = 1, .size = 2, .allocations = {self_id()}, .left_behind = {self_id()}}));
  model::GlobalRepoGc gc;
  gc.peers[self_id()] = {.peer = self_id(), .peername = "a"};
  expect_schema("GlobalRepoGC", text_of(gc));
  gc.peers[self_id()].keys = {{.key = cid, .error = "e"}, {}};
  gc.peers[self_id()].error = "e";
  gc.peers[self_id()].freed_disk_bytes = 1;
  auto text = text_of(gc);
  expect_schema("GlobalRepoGC", text);
  auto one = parse_json(text)->at("peer_map").as_object().begin()->value();
  expect_whole("RepoGC", json::serialize(one));
  expect_whole("RepoGCKey", json::serialize(one.at("keys").at(0)));
}

class OpenApiTest : public RestTest {
 protected:
  json::object document(net::Headers headers = {}) {
    auto answer = call({.target = "/openapi.json", .headers = std::move(headers)});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(*net::find_header(answer.headers, "Content-Type"), "application/json");
    auto value = parse_json(answer.body);
    EXPECT_TRUE(value) << answer.body;
    return value ? value->as_object() : json::object();
  }
};

TEST_F(OpenApiTest, EveryRouteIsInTheDocumentAndTheOtherWayRound) {
  start();
  std::set<std::string> served = {"GET /livez", "POST /token"};  // answered before the router
  for (auto route : api_->routes()) {
    if (auto at = route.find("...}"); at != std::string::npos) route.erase(at, 3);
    served.insert(route);
  }
  std::set<std::string> described;
  for (const auto& [path, methods] : document().at("paths").as_object()) {
    for (const auto& [method, operation] : methods.as_object()) {
      std::string name;
      for (char c : std::string_view(method)) name += static_cast<char>(c & ~0x20);
      described.insert(name + " " + std::string(path));
      EXPECT_FALSE(operation.at("summary").as_string().empty()) << name << path;
      EXPECT_FALSE(operation.at("tags").as_array().empty()) << name << path;
    }
  }
  EXPECT_EQ(described, served);
}

TEST_F(OpenApiTest, ItsReferencesAndNamesAreSound) {
  start();
  const auto whole = document();
  std::set<std::string> ids;
  auto walk = [&](auto& self, const json::value& value) -> void {
    if (value.is_array()) {
      for (const auto& item : value.as_array()) self(self, item);
    }
    if (!value.is_object()) return;
    const auto& object = value.as_object();
    if (const auto* to = object.if_contains("$ref")) {
      std::string_view path = to->as_string();
      ASSERT_TRUE(path.starts_with("#/")) << path;
      json::error_code missing;
      EXPECT_NE(json::value(whole).find_pointer(path.substr(1), missing), nullptr) << path;
    }
    if (const auto* id = object.if_contains("operationId")) {
      EXPECT_TRUE(ids.insert(std::string(id->as_string())).second) << *id;
    }
    for (const auto& [key, member] : object) self(self, member);
  };
  walk(walk, whole);
  EXPECT_EQ(whole.at("info").at("version").as_string(), kVersion);
  EXPECT_EQ(whole.at("components").as_object().if_contains("securitySchemes"), nullptr);
}

TEST_F(OpenApiTest, UsersHaveToSayWhoTheyAre) {
  start({{.users = {{.name = "rita", .password = "r", .role = "reader", .operations = {}}}}});
  EXPECT_EQ(get("/openapi.json").status, 401);
  EXPECT_EQ(get("/docs").status, 401);
  net::Headers rita = {{"Authorization", net::basic_auth("rita", "r")}};
  EXPECT_EQ(call({.target = "/docs", .headers = rita}).status, 200);
  auto whole = document(rita);
  EXPECT_EQ(whole.at("components").at("securitySchemes").as_object().size(), 3);
  EXPECT_EQ(whole.at("security").as_array().size(), 3);
  const auto& paths = whole.at("paths");
  EXPECT_TRUE(paths.at("/health").at("get").at("security").as_array().empty());
  EXPECT_EQ(paths.at("/pins/{cid}").at("post").at("x-operation"), "pin");
  EXPECT_TRUE(paths.at("/pins/{cid}").at("post").at("responses").as_object().contains("403"));
}

TEST_F(OpenApiTest, ThePageLoadsNothingFromElsewhere) {
  start();
  auto page = get("/docs");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(*net::find_header(page.headers, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(net::find_header(page.headers, "Content-Security-Policy"), nullptr);
  EXPECT_EQ(page.body.find("://"), std::string::npos);
  EXPECT_EQ(page.body.find("src="), std::string::npos);
}

TEST_F(OpenApiTest, AnswersOfEndpointsAreAsDescribed) {
  start({{.users = {{.name = "root", .password = "r", .role = "admin", .operations = {}}}}});
  net::Headers root = {{"Authorization", net::basic_auth("root", "r")}};
  auto ask = [&](std::string method, std::string target, std::string body = {}) {
    auto answer = call({.method = std::move(method), .target = target, .headers = root, .body = std::move(body)});
    EXPECT_EQ(answer.status, 200) << target << answer.body;
    return answer.body;
  };
  auto pin = "/pins/" + std::string(kCid);
  expect_whole("PinPreview", ask("POST", pin + "?dry-run=true"));
  expect_whole("Pin", ask("POST", pin));
  expect_whole("GlobalPinInfo", ask("GET", pin));
  auto past = ask("GET", "/allocations/" + std::string(kCid) + "?at=now");
  expect_whole("PastPin", past);
  auto history = ask("GET", "/allocations/" + std::string(kCid) + "/history");
  expect_schema("HistoryRecord", lines(history).at(0));
  expect_whole("Count", ask("GET", "/pins?count=true"));
  expect_schema("ID", ask("GET", "/id"));
  expect_whole("Version", ask("GET", "/version"));
  expect_whole("Movements", ask("GET", "/movements"));
  expect_schema("Metric[]", ask("GET", "/monitor/metrics/ping"));
  expect_schema("string[]", ask("GET", "/monitor/metrics"));
  expect_schema("Alert[]", ask("GET", "/health/alerts"));
  expect_schema("ConnectGraph", ask("GET", "/health/graph"));
  expect_schema("GlobalRepoGC", ask("POST", "/ipfs/gc"));
  expect_whole("Ready", ask("GET", "/readyz"));
  expect_whole("Ready", ask("GET", "/livez"));
  expect_whole("JWT", ask("POST", "/token"));
  expect_whole("NewToken", ask("POST", "/tokens", R"({"name":"ci","operations":["pin","read"]})"));
  auto tokens = ask("GET", "/tokens");
  expect_schema("Token[]", tokens);
  expect_whole("Token", json::serialize(parse_json(tokens)->as_array().at(0)));
  auto results = lines(ask("POST", "/pins", fmt::format("{{\"cid\":\"{}\"}}\n{{}}\n", kCid)));
  ASSERT_EQ(results.size(), 2);
  expect_schema("LineResult", results[0]);
  expect_schema("LineResult", results[1]);
  auto refused = call({.method = "POST", .target = pin + "?mode=x", .headers = root});
  expect_whole("Error", refused.body);
}

TEST_F(OpenApiTest, WhatARequestIsWrongAboutIsNoFaultOfThePeer) {
  EXPECT_EQ(post("/peers", {}, std::string(5000, ' ')).status, 400);
  EXPECT_EQ(post("/tokens", {}, std::string(20'000, ' ')).status, 400);
  for (auto option : {"?nocopy=true", "?shard=true", "?layout=trickle"}) {
    auto answer = add({{"a", "x"}}, option);
    EXPECT_EQ(answer.status, 422) << option;
    EXPECT_NE(answer.body.find("not offered"), std::string::npos) << answer.body;
  }
}

}  // namespace
}  // namespace ipfsc::api::rest::test
