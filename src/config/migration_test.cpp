#include "config/migration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/files.h"
#include "config/tables.h"

namespace ipfsc::config {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const auto kSelf = ipld::PeerId::parse("12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M").value();

std::string fixture(std::string_view name) {
  auto text = read_file(fmt::format("{}/testdata/{}", IC_SOURCE_DIR, name), kMaxFileBytes);
  EXPECT_TRUE(text) << text.error().message;
  return text.value_or("");
}

Result<Migrated> migrate(std::string_view json, std::string_view role = "") {
  auto migrated = migrate_configuration({.json = json, .folder = "/new", .self = kSelf, .role = role});
  if (migrated) {
    // What was made can be written and read again, and there is nothing left to say about it.
    auto again = parse_configuration(format_configuration(migrated->config), "/new", {});
    EXPECT_TRUE(again) << again.error().message;
    EXPECT_EQ(again ? format_configuration(again->config) : "", format_configuration(migrated->config));
    if (again) EXPECT_THAT(again->warnings, Each(HasSubstr("not offered by this version")));
  }
  return migrated;
}

std::string with_trust(std::string_view trusted_peers) {
  return fmt::format(R"({{"cluster":{{}},"consensus":{{"crdt":{{"trusted_peers":{}}}}},"informer":{{"disk":{{}}}}}})",
                     trusted_peers);
}

TEST(Migration, ACrdtFileOfTheNewestVersion) {
  auto migrated = migrate(fixture("go-1.1.6-crdt.json"));
  ASSERT_TRUE(migrated) << migrated.error().message;
  const auto& config = migrated->config;
  EXPECT_TRUE(config.raft.present);
  EXPECT_EQ(config.cluster.role, "auto");
  EXPECT_FALSE(config.cluster.follower_mode);
  EXPECT_EQ(config.cluster.peername, "node-b");
  EXPECT_EQ(to_hex(config.cluster.secret.bytes), "f16d05ec6b29248d2c61adb1e9263f78e4f7bace1b955014a2d17872cfe4064d");
  EXPECT_TRUE(config.restapi.present && config.pinsvcapi.present && config.ipfsproxy.present);
  EXPECT_TRUE(config.ipfshttp.present);
  EXPECT_EQ(config.cluster.replication_factor_min, -1);
  EXPECT_THAT(migrated->differences, Contains(HasSubstr("every peer may vote")));
  EXPECT_THAT(migrated->differences, Contains(HasSubstr("datastore.pebble is left out")));
  EXPECT_THAT(migrated->differences, Contains(HasSubstr("disable_repinning stays true")));
  EXPECT_THAT(migrated->differences, Not(Contains(HasSubstr("repair_interval"))));  // is as Go writes it
}

TEST(Migration, AnOlderCrdtFile) {
  auto migrated = migrate(fixture("go-0.14-crdt.json"));
  ASSERT_TRUE(migrated) << migrated.error().message;
  for (const char* said :
       {"consensus.crdt.cluster_name (\"films\") is not needed", "consensus.crdt.batching is not needed",
        "datastore.badger is left out", "informer.numpin has no effect"}) {
    EXPECT_THAT(migrated->differences, Contains(HasSubstr(said)));
  }
}

TEST(Migration, AFollowerBecomesAnAgentThatRefusesWrites) {
  auto migrated = migrate(fixture("go-0.12-follower.json"));
  ASSERT_TRUE(migrated) << migrated.error().message;
  EXPECT_EQ(migrated->config.cluster.role, "agent");
  EXPECT_TRUE(migrated->config.cluster.follower_mode);
  EXPECT_EQ(migrated->config.cluster.peer_addresses.size(), 2u);
  EXPECT_EQ(migrated->config.ipfshttp.pin_timeout, 10min);
  for (const char* said : {"does not have this peer", "cluster.ipfs_sync_interval has no effect",
                           "pin_tracker.maptracker has no effect", "rebroadcast_interval (\"10s\") is not needed"}) {
    EXPECT_THAT(migrated->differences, Contains(HasSubstr(said)));
  }
}

TEST(Migration, ARaftFileKeepsWhatItHas) {
  auto text = fixture("go-0.9-raft.json");
  auto migrated = migrate(text);
  ASSERT_TRUE(migrated) << migrated.error().message;
  EXPECT_EQ(migrated->config.cluster.replication_factor_max, 3);
  EXPECT_EQ(migrated->config.raft.wait_for_leader_timeout, 15s);
  EXPECT_EQ(migrated->config.ipfshttp.connect_swarms_delay, 7s);
  EXPECT_THAT(migrated->differences, Contains(HasSubstr("proxy_listen_multiaddress has no effect")));
  EXPECT_THAT(migrated->differences, Not(Contains(HasSubstr("crdt"))));
  ASSERT_TRUE(legacy_identity(text));
  EXPECT_THAT(legacy_identity(text)->id, ::testing::StartsWith("Qm"));
  EXPECT_THAT(format_configuration(migrated->config), Not(HasSubstr("private_key")));
}

TEST(Migration, TheLogNeverLiesInTheOldFolder) {
  auto migrated = migrate(R"({"cluster":{},"consensus":{"raft":{"data_folder":"/old/raft"}},"informer":{"disk":{}}})");
  ASSERT_TRUE(migrated) << migrated.error().message;
  EXPECT_EQ(migrated->config.raft.data_folder, "raft");
  EXPECT_THAT(migrated->differences, Contains(HasSubstr("data_folder (/old/raft) is left out")));
}

TEST(Migration, TrustBecomesRoles) {
  struct Case {
    std::string trusted;
    const char* role;
    bool follower;
  };
  std::string self = fmt::format("\"{}\"", kSelf.to_string());
  std::string other = R"("12D3KooWANxZ3vpRAbfQc7YZFwjSbzY1p5UajsE5gdNvChS9H7DZ")";
  for (const auto& [trusted, role, follower] :
       {Case{R"("*")", "auto", false}, Case{R"(["*"])", "auto", false}, Case{"[" + other + R"(,"*"])", "auto", false},
        Case{"[]", "voter", false}, Case{"null", "voter", false}, Case{"[" + self + "]", "voter", false},
        Case{"[" + other + "," + self + "]", "voter", false}, Case{self, "voter", false},
        Case{"[" + other + "]", "agent", true}}) {
    auto migrated = migrate(with_trust(trusted));
    ASSERT_TRUE(migrated) << trusted << migrated.error().message;
    EXPECT_EQ(migrated->config.cluster.role, role) << trusted;
    EXPECT_EQ(migrated->config.cluster.follower_mode, follower) << trusted;
  }
  auto asked = migrate(with_trust("[" + other + "]"), "voter");
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(asked->config.cluster.role, "voter");
  EXPECT_FALSE(asked->config.cluster.follower_mode);
}

TEST(Migration, BadFilesAreRefusedWithWhatAndWhere) {
  auto error = [](std::string_view json, std::string_view role = "") {
    auto migrated = migrate(json, role);
    return migrated ? "no error" : migrated.error().message;
  };
  EXPECT_THAT(error(""), HasSubstr("line 1"));
  EXPECT_THAT(error("[]"), "not a JSON object");
  EXPECT_THAT(error(R"({"cluster":{}})"), "could not determine the consensus component");
  EXPECT_THAT(error(R"({"cluster":{},"consensus":{"crdt":{},"raft":{}}})"),
              "could not determine the consensus component");
  EXPECT_THAT(error(R"({"cluster":{},"consensus":{"crdt":7}})"), "consensus.crdt: expected an object");
  EXPECT_THAT(error(with_trust(R"(["Qmbad"])")), HasSubstr(R"(consensus.crdt.trusted_peers: "Qmbad")"));
  EXPECT_THAT(error(with_trust("[5]")), HasSubstr("consensus.crdt.trusted_peers: expected a list of texts"));
  EXPECT_THAT(error(with_trust(R"("*")"), "king"),
              HasSubstr(R"(role "king": expected one of auto, voter, standby, agent)"));
  EXPECT_THAT(error(R"({"consensus":{"crdt":{}},"informer":{"disk":{}}})"), "there is no cluster section");
  EXPECT_THAT(error(R"({"cluster":{"secret":"ab"},"consensus":{"crdt":{}},"informer":{"disk":{}}})"),
              HasSubstr("cluster.secret: a secret has 32 bytes"));
  EXPECT_THAT(error(R"({"source":"http://x","consensus":{"crdt":{}}})"), HasSubstr("source"));
}

TEST(Page, TheDocsSayWhatTheProgramSays) {
  auto page = read_file(std::string(IC_DOCS_DIR) + "/configuration.md", kMaxFileBytes);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(*page, configuration_page()) << "write it anew: ipfs-cluster-service config docs > docs/configuration.md";
}

TEST(Dangers, AreSaid) {
  auto config = initial_configuration(true);
  config.cluster.replication_factor_min = 2;
  config.cluster.replication_factor_max = 3;
  EXPECT_THAT(dangers(config), IsEmpty());
  config.restapi.http_listen_multiaddress = addresses({"/ip4/127.0.0.1/tcp/9094", "/ip4/0.0.0.0/tcp/9094"});
  config.cluster.disable_repinning = true;
  EXPECT_THAT(dangers(config),
              ElementsAre(HasSubstr("cluster.disable_repinning"),
                          "api.restapi listens on /ip4/0.0.0.0/tcp/9094: without basic_auth_credentials anybody who "
                          "reaches it can do everything"));
  config.restapi.basic_auth_credentials = std::map<std::string, std::string>{{"user", "password"}};
  EXPECT_THAT(dangers(config), Contains(HasSubstr("plain text")));
  config.restapi.ssl_cert_file = "cert.pem";
  EXPECT_THAT(dangers(config), ElementsAre(HasSubstr("cluster.disable_repinning")));
  config.cluster.secret.bytes.clear();
  EXPECT_THAT(dangers(config), Contains(HasSubstr("cluster.secret is empty")));
}

}  // namespace
}  // namespace ipfsc::config
