#include "config/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "config/tables.h"

namespace ipfsc::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const char* kSmall = R"({
  "cluster": {},
  "consensus": {"raft": {}},
  "informer": {"disk": {}}
})";

std::string go_file() {
  auto text = read_file(std::string(IC_SOURCE_DIR) + "/testdata/go-1.1.6-raft.json", kMaxFileBytes);
  EXPECT_TRUE(text) << text.error().message;
  return text.value_or("");
}

Result<Loaded> load(std::string_view text, Environment environment = {}) {
  return parse_configuration(text, "/data", environment);
}

/// The small file with one member of one section replaced.
std::string with(std::string_view section, std::string_view key, std::string_view json) {
  auto root = boost::json::parse(kSmall);
  boost::json::value* at = &root;
  std::string path(section);
  for (size_t dot; !path.empty(); path = dot == std::string::npos ? "" : path.substr(dot + 1)) {
    dot = path.find('.');
    auto& next = at->as_object()[path.substr(0, dot)];
    if (!next.is_object()) next = boost::json::object();
    at = &next;
  }
  at->as_object()[key] = boost::json::parse(boost::json::string_view(json));
  return boost::json::serialize(root);
}

std::string error_of(const Result<Loaded>& loaded) { return loaded ? "no error" : loaded.error().message; }

TEST(Configuration, ReadsAFileOfGoWithoutAWordAboutIt) {
  auto loaded = load(go_file());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, IsEmpty());
  const auto& config = loaded->config;
  EXPECT_EQ(config.cluster.peername, "node-a");
  EXPECT_EQ(to_hex(config.cluster.secret.bytes), "84399cd0be811c2ca372d6ca473ffd9c09034f991c5e306fe9ada6c5fcfb641f");
  EXPECT_EQ(config.cluster.listen_multiaddress, addresses({"/ip4/0.0.0.0/tcp/9096"}));  // nothing listens on QUIC
  EXPECT_EQ(config.cluster.replication_factor_min, 2);
  EXPECT_EQ(config.cluster.replication_factor_max, 3);
  EXPECT_TRUE(config.cluster.disable_repinning);
  EXPECT_EQ(config.cluster.pin_recover_interval, 12min);
  EXPECT_EQ(config.raft.election_timeout, 1s);
  EXPECT_TRUE(config.restapi.present);
  EXPECT_FALSE(config.pinsvcapi.present);
  EXPECT_FALSE(config.gateway.present);
  EXPECT_EQ(config.restapi.http_listen_multiaddress, addresses({"/ip4/127.0.0.1/tcp/9094"}));
  EXPECT_EQ(config.restapi.basic_auth_credentials, std::nullopt);
  EXPECT_FALSE(config.uses_embedded_node());
  EXPECT_EQ(config.ipfshttp.unpin_timeout, 3h);
  EXPECT_EQ(config.tags.tags.at("group"), "default");
  EXPECT_EQ(config.path("raft"), "/data/raft");
  EXPECT_EQ(config.path("/elsewhere"), "/elsewhere");
}

TEST(Configuration, MissingKeysAreDefaults) {
  auto loaded = load(kSmall);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, IsEmpty());
  const auto& config = loaded->config;
  EXPECT_FALSE(config.cluster.peername.empty());
  EXPECT_TRUE(config.cluster.secret.bytes.empty());
  EXPECT_EQ(config.cluster.listen_multiaddress, addresses({"/ip4/0.0.0.0/tcp/9096"}));
  EXPECT_EQ(config.cluster.replication_factor_min, -1);
  EXPECT_EQ(config.disk.metric_ttl, 30s);
  EXPECT_EQ(config.disk.metric_type, "freespace");
  EXPECT_THAT(config.balanced.allocate_by, ElementsAre("freespace"));  // no allocator section at all
  EXPECT_FALSE(config.restapi.present);
  EXPECT_FALSE(config.uses_embedded_node());
}

TEST(Configuration, FurtherInformersRunWhenTheirSectionsAreThere) {
  auto loaded = load(kSmall, {{"CLUSTER_RTT_METRICTTL", "3s"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_FALSE(loaded->config.rtt.present);
  EXPECT_FALSE(loaded->config.bandwidth.present);
  loaded = load(R"({"cluster":{},"consensus":{"raft":{}},
                    "informer":{"rtt":{},"bandwidth":{"metric_ttl":"5s","weight_bucket_bytes":1000}}})",
                {{"CLUSTER_RTT_METRICTTL", "3s"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_TRUE(loaded->config.rtt.present);
  EXPECT_EQ(loaded->config.rtt.metric_ttl, 3s);
  EXPECT_TRUE(loaded->config.bandwidth.present);
  EXPECT_EQ(loaded->config.bandwidth.metric_ttl, 5s);
  EXPECT_EQ(loaded->config.bandwidth.weight_bucket_bytes, 1000);
  EXPECT_THAT(error_of(load(with("informer.rtt", "metric_ttl", R"("0s")"))), HasSubstr("rtt.metric_ttl: too low"));
}

TEST(Configuration, SpreadRulesAreTagsAndHowHardTheyAre) {
  auto loaded = load(with("allocator.balanced", "spread", R"(["zone:hard","rack","row:soft"])"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_THAT(loaded->config.balanced.spread,
              ElementsAre(SpreadRule{"zone", true}, SpreadRule{"rack", false}, SpreadRule{"row", false}));
  auto text = format_configuration(loaded->config);
  EXPECT_EQ(load(text)->config.balanced.spread, loaded->config.balanced.spread) << text;
  loaded = load(kSmall, {{"CLUSTER_BALANCED_SPREAD", "rack,zone:hard"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->config.balanced.spread, ElementsAre(SpreadRule{"rack", false}, SpreadRule{"zone", true}));
  EXPECT_THAT(format_configuration(initial_configuration(true)), Not(HasSubstr("spread")));

  EXPECT_THAT(error_of(load(with("allocator.balanced", "spread", R"(["zone:medium"])"))),
              R"(balanced.spread: "zone:medium" is not a rule like "zone", "zone:soft" or "zone:hard")");
  EXPECT_THAT(error_of(load(with("allocator.balanced", "spread", R"([":hard"])"))), HasSubstr("balanced.spread: "));
  EXPECT_THAT(error_of(load(with("allocator.balanced", "spread", R"(["zone","zone:hard"])"))),
              HasSubstr("two rules for the tag \"zone\""));
  EXPECT_THAT(error_of(load(kSmall, {{"CLUSTER_BALANCED_SPREAD", "zone:"}})), HasSubstr("CLUSTER_BALANCED_SPREAD: "));
}

TEST(Configuration, AnAllocatorWithoutASectionIsAsIfThereWereNone) {
  for (std::string_view allocator : {"{}", R"({"balanced":null})", "null"}) {
    auto loaded = load(with("", "allocator", allocator));
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_THAT(loaded->config.balanced.allocate_by, ElementsAre("freespace")) << allocator;
  }
  auto loaded = load(with("allocator", "balanced", "{}"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->config.balanced.allocate_by, ElementsAre("tag:group", "freespace"));
}

TEST(Configuration, CorsListsThatAreMissingAreThoseOfGo) {
  auto loaded = load(with("api.restapi", "http_log_file", R"("")"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->config.restapi.cors_allowed_origins, ElementsAre("*"));
  EXPECT_THAT(loaded->config.restapi.cors_allowed_methods, ElementsAre("GET", "POST", "HEAD"));
  EXPECT_THAT(loaded->config.restapi.cors_exposed_headers, IsEmpty());
  EXPECT_FALSE(loaded->config.restapi.cors_allow_credentials);
}

TEST(Configuration, AnUnknownKeyIsAWarningThatNamesTheNearest) {
  auto loaded = load(with("cluster", "replication_factor_mim", "2"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, ElementsAre("unknown key \"cluster.replication_factor_mim\" is ignored: did you mean "
                                            "\"replication_factor_min\"?"));
  loaded = load(with("cluster.connection_manager", "hi_water", "2"));
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("did you mean \"high_water\"?")));
  loaded = load(with("cluster", "zzzzzzzz", "2"));
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings, ElementsAre("unknown key \"cluster.zzzzzzzz\" is ignored"));
  loaded = load(with("api.restapy", "headers", "{}"));
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings, ElementsAre("unknown section \"api.restapy\" is ignored: did you mean \"restapi\"?"));
  loaded = load(with("monitoring", "a", "{}"));
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings, ElementsAre("unknown section \"monitoring\" is ignored: did you mean \"monitor\"?"));
}

TEST(Configuration, AKeyWithoutEffectIsAWarningWhenItWasChanged) {
  auto loaded = load(with("cluster.pubsub", "d_factor", "9"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("cluster.pubsub.d_factor has no effect: peers are connected")));
  loaded = load(with("cluster.pubsub", "d_factor", "4"));
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings, IsEmpty());
  loaded = load(with("observations.tracing", "enable_tracing", "true"));
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("tracing is not offered")));
}

TEST(Configuration, RefusesWhatIsWrongInOneSentence) {
  EXPECT_THAT(error_of(load("{")), HasSubstr("line 1"));
  EXPECT_EQ(error_of(load("[]")), "not a JSON object");
  EXPECT_EQ(error_of(load(R"({"cluster":{}})")), "could not determine the consensus component");
  EXPECT_EQ(error_of(load(R"({"cluster":{},"consensus":{"raft":{},"crdt":{}}})")),
            "could not determine the consensus component");
  auto crdt = load(R"({"cluster":{},"consensus":{"crdt":{}}})");
  EXPECT_THAT(error_of(crdt), HasSubstr("ipfs-cluster-service migrate"));
  EXPECT_EQ(crdt.error().kind, ErrorKind::kFailedPrecondition);
  EXPECT_EQ(error_of(load(R"({"consensus":{"raft":{}}})")), "there is no cluster section");
  EXPECT_EQ(error_of(load(R"({"cluster":{},"consensus":{"raft":{}}})")), "no informers are passed");
  EXPECT_EQ(error_of(load(with("cluster", "listen_multiaddress", "[]"))), "cluster.listen_multiaddress is undefined");
  EXPECT_EQ(error_of(load(with("cluster", "peername", "5"))), "cluster.peername: expected a text, found int64");
  EXPECT_THAT(error_of(load(with("cluster", "secret", R"("abcd")"))),
              HasSubstr("cluster.secret: a secret has 32 bytes"));
  EXPECT_THAT(error_of(load(with("cluster", "listen_multiaddress", R"(["/ip4/1.2.3/tcp/1"])"))),
              HasSubstr("cluster.listen_multiaddress: \"/ip4/1.2.3/tcp/1\": "));
  EXPECT_THAT(error_of(load(with("cluster", "dial_peer_timeout", R"("3 parsecs")"))),
              HasSubstr("cluster.dial_peer_timeout: "));
  EXPECT_THAT(error_of(load(with("cluster", "dial_peer_timeout", R"("0s")"))),
              HasSubstr("too low: it must be more than 0"));
  EXPECT_THAT(error_of(load(with("informer.tags", "metric_ttl", R"("-1s")"))), HasSubstr("tags.metric_ttl: too low"));
  EXPECT_THAT(error_of(load(with("api.restapi", "max_header_bytes", "100"))), HasSubstr("at least 4096"));
  EXPECT_THAT(error_of(load(with("api.restapi", "basic_auth_credentials", "{}"))), HasSubstr("no user in it"));
  EXPECT_THAT(error_of(load(with("api.restapi", "ssl_cert_file", R"("a.pem")"))), HasSubstr("must both be set"));
  EXPECT_THAT(error_of(load(with("ipfs_connector.embedded", "storage_max", R"("10 furlongs")"))),
              HasSubstr("embedded.storage_max: \"10 furlongs\" is not a size"));
  EXPECT_THAT(error_of(load(R"({"cluster":{},"consensus":{"raft":{}},"informer":{"disk":{}},
                               "ipfs_connector":{"embedded":{},"ipfshttp":{}}})")),
              HasSubstr("both embedded and ipfshttp"));
  EXPECT_THAT(error_of(load(R"({"source":"http://example.org/"})")), HasSubstr("source"));
}

TEST(Configuration, ReplicationRulesHaveGosMessages) {
  auto factors = [](int min, int max) {
    auto text = boost::json::parse(kSmall);
    text.as_object()["cluster"].as_object()["replication_factor_min"] = min;
    text.as_object()["cluster"].as_object()["replication_factor_max"] = max;
    return error_of(load(boost::json::serialize(text)));
  };
  EXPECT_EQ(factors(2, 3), "no error");
  EXPECT_EQ(factors(0, 0), "no error");  // 0 is the default, -1
  EXPECT_EQ(factors(3, 2), "cluster.replication_factor_min is larger than max");
  EXPECT_EQ(factors(-1, 2), "cluster.replication_factor_min and max must be -1 when one of them is");
  EXPECT_THAT(factors(-2, 3), HasSubstr("replication_factor_min"));
}

TEST(Configuration, TheEnvironmentGoesLast) {
  auto loaded = load(go_file(), {{"CLUSTER_PEERNAME", "from-env"},
                                 {"CLUSTER_REPLICATIONFACTORMIN", "0x1"},
                                 {"CLUSTER_LISTENMULTIADDRESS", "/ip4/10.0.0.1/tcp/1,/ip4/10.0.0.2/tcp/2"},
                                 {"CLUSTER_RESTAPI_BASICAUTHCREDENTIALS", "alice:secret,bob:other"},
                                 {"CLUSTER_RESTAPI_CORSALLOWEDORIGINS", "https://a.example,https://b.example"},
                                 {"CLUSTER_DISABLEREPINNING", "F"},
                                 {"CLUSTER_TAGS_TAGS", "zone:a"},
                                 {"CLUSTER_IPFSHTTP_NODEMULTIADDRESS", "/dns4/kubo/tcp/5001"},
                                 {"CLUSTER_GATEWAY_HTTPLISTENMULTIADDRESS", "/ip4/127.0.0.1/tcp/8081"},
                                 {"CLUSTER_PEBBLE_PEBBLEOPTIONS_CACHESIZEBYTES", "1"},
                                 {"HOME", "/root"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings,
              ElementsAre(HasSubstr("the variable CLUSTER_PEBBLE_PEBBLEOPTIONS_CACHESIZEBYTES has no")));
  const auto& config = loaded->config;
  EXPECT_EQ(config.cluster.peername, "from-env");
  EXPECT_EQ(config.cluster.replication_factor_min, 1);
  EXPECT_EQ(config.cluster.listen_multiaddress.size(), 2u);
  EXPECT_EQ(config.restapi.basic_auth_credentials->at("bob"), "other");
  EXPECT_EQ(config.restapi.cors_allowed_origins.size(), 2u);
  EXPECT_FALSE(config.cluster.disable_repinning);
  EXPECT_EQ(config.tags.tags.at("zone"), "a");
  EXPECT_EQ(config.ipfshttp.node_multiaddress.to_string(), "/dns4/kubo/tcp/5001");
  EXPECT_FALSE(config.gateway.present);
  EXPECT_FALSE(config.gateway.at_default_address());
}

TEST(Configuration, AMisspeltVariableIsAWarning) {
  auto loaded = load(kSmall, {{"CLUSTER_MONITOR_PING_INTERVAL", "1s"}, {"CLUSTER_SECRETT", "x"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings,
              ElementsAre("unknown variable CLUSTER_MONITOR_PING_INTERVAL is ignored: did you mean "
                          "CLUSTER_MONITORPINGINTERVAL?",
                          "unknown variable CLUSTER_SECRETT is ignored: did you mean CLUSTER_SECRET?"));
  EXPECT_THAT(error_of(load(kSmall, {{"CLUSTER_REPLICATIONFACTORMIN", "two"}})),
              "CLUSTER_REPLICATIONFACTORMIN: \"two\" is not a whole number");
  EXPECT_THAT(error_of(load(kSmall, {{"CLUSTER_FOLLOWERMODE", "yes"}})), HasSubstr("CLUSTER_FOLLOWERMODE: "));
  EXPECT_EQ(error_of(load(kSmall, {{"CLUSTER_PEERNAME", "caf\xe9"}})), "CLUSTER_PEERNAME: not UTF-8");
}

TEST(Configuration, WhatIsWrittenIsReadBackTheSame) {
  for (bool embedded : {true, false}) {
    Configuration config = initial_configuration(embedded);
    EXPECT_EQ(config.cluster.secret.bytes.size(), 32u);
    config.embedded.storage_max = ByteSize{500'000'000'000};
    config.restapi.basic_auth_credentials = std::map<std::string, std::string>{{"alice", "secret"}};
    config.restapi.headers = {{"X-A", {"1", "2"}}};
    config.cluster.announce_multiaddress = addresses({"/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/2"});
    std::string text = format_configuration(config);
    auto loaded = load(text);
    ASSERT_TRUE(loaded) << loaded.error().message << text;
    EXPECT_THAT(loaded->warnings, IsEmpty());
    EXPECT_EQ(format_configuration(loaded->config), text);
    EXPECT_EQ(loaded->config.uses_embedded_node(), embedded);
    EXPECT_EQ(loaded->config.gateway.present, embedded);
    EXPECT_THAT(text, HasSubstr("\"disable_repinning\": false"));
    EXPECT_EQ(text.find("connection_manager"), std::string::npos);
  }
  EXPECT_NE(initial_configuration(true).cluster.secret, initial_configuration(true).cluster.secret);
}

TEST(Configuration, ListenersAreThoseOfThePresentSections) {
  Configuration config = initial_configuration(true);
  std::vector<std::string> texts;
  for (auto* list : listeners(config)) texts.push_back(list->front().to_string());
  EXPECT_THAT(texts, ElementsAre("/ip4/0.0.0.0/tcp/9096", "/ip4/127.0.0.1/tcp/8080", "/ip4/127.0.0.1/tcp/9095",
                                 "/ip4/127.0.0.1/tcp/9097", "/ip4/127.0.0.1/tcp/9094", "/ip4/127.0.0.1/tcp/8888"));
}

TEST(Configuration, SourcesAndOldIdentities) {
  EXPECT_EQ(remote_source(format_remote_source("https://example.org/a.json")), "https://example.org/a.json");
  EXPECT_EQ(remote_source(kSmall), std::nullopt);
  EXPECT_EQ(remote_source("{"), std::nullopt);
  auto old = legacy_identity(R"({"cluster":{"id":"Qm1","private_key":"CAES"}})");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->id, "Qm1");
  EXPECT_EQ(legacy_identity(kSmall), std::nullopt);
}

TEST(Tables, EveryKeySaysWhatItDoes) {
  for (const auto& section : sections()) {
    for (const auto& field : section.fields) {
      EXPECT_NE(field.doc.empty(), field.no_effect.empty()) << section.path << "." << field.key;
      EXPECT_EQ(static_cast<bool>(field.read), field.no_effect.empty()) << section.path << "." << field.key;
    }
  }
}

TEST(Tables, VariablesAreNamedAsInGo) {
  auto name_of = [](std::string_view path, std::string_view key) -> std::string {
    for (const auto& section : sections()) {
      if (section.path != path) continue;
      for (const auto& field : section.fields) {
        if (field.key == key) return variable_name(section, field);
      }
    }
    return "";
  };
  EXPECT_EQ(name_of("cluster", "connection_manager.high_water"), "CLUSTER_CONNECTIONMANAGER_HIGHWATER");
  EXPECT_EQ(name_of("api.restapi", "ssl_cert_file"), "CLUSTER_RESTAPI_SSLCERTFILE");
  EXPECT_EQ(name_of("ipfs_connector.ipfshttp", "repogc_timeout"), "CLUSTER_IPFSHTTP_REPOGCTIMEOUT");
}

TEST(Values, WholeNumbers) {
  int64_t value = 0;
  ASSERT_TRUE(decode(boost::json::parse("1e6"), value));
  EXPECT_EQ(value, 1'000'000);
  for (const char* bad : {"1.5", "1e300", "-1e300", "9223372036854775808", "1e19", "\"1\""}) {
    EXPECT_FALSE(decode(boost::json::parse(bad), value)) << bad;
  }
  EXPECT_EQ(value, 1'000'000);
}

TEST(Values, Sizes) {
  EXPECT_EQ(parse_byte_size("500GB")->bytes, 500'000'000'000u);
  EXPECT_EQ(parse_byte_size("64 MiB")->bytes, 64u << 20);
  EXPECT_EQ(parse_byte_size("17")->bytes, 17u);
  for (const char* bad : {"", "GB", "-1", "1.5GB", "1XB", "99999999999999999999", "99999999TiB"}) {
    EXPECT_FALSE(parse_byte_size(bad)) << bad;
  }
  for (const char* text : {"500GB", "64MiB", "1TiB", "10GiB", "1B", "0"}) {
    EXPECT_EQ(format_byte_size(*parse_byte_size(text)), text);
  }
}

}  // namespace
}  // namespace ipfsc::config
