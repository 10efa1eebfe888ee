// Text of every kind of object against testdata/format.golden. IC_REWRITE_GOLDEN=1 writes the file anew.
#include "cmd/ctl/format.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include <boost/json.hpp>

#include "base/files.h"
#include "cmd/ctl/progress_bar.h"

namespace ipfsc::cmd::ctl {
namespace {

using boost::json::parse;

struct Case {
  std::string name, text;
};

std::vector<Case> cases() {
  WallTime now = *parse_rfc3339("2026-01-02T03:04:05Z");
  auto ns = [&](int64_t seconds) {
    return std::to_string((now + std::chrono::seconds(seconds)).time_since_epoch().count());
  };
  std::string id = R"({"id":"12D3A","addresses":["/ip4/10.0.0.2/tcp/9096/p2p/12D3A","/ip4/10.0.0.1/tcp/9096/p2p/12D3A"],
    "cluster_peers":["12D3A","12D3B","12D3C"],"cluster_peers_addresses":null,"version":"1.1.6","commit":"",
    "rpc_protocol_version":"/ipfscluster/1.0/rpc","error":"","ipfs":{"id":"12D3I","addresses":["/ip4/10.0.0.1/tcp/4001/p2p/12D3I"],
    "error":""},"peername":"node-a"})";
  std::string pin =
      R"({"replication_factor_min":2,"replication_factor_max":3,"name":"docs","mode":"recursive","shard_size":0,
    "user_allocations":null,"expire_at":"0001-01-01T00:00:00Z","metadata":{},"pin_update":null,"origins":[],"cid":"QmExample",
    "type":"pin","allocations":["12D3B","12D3A"],"max_depth":-1,"reference":null,"timestamp":"2026-01-02T03:04:05+02:00"})";
  std::string direct = R"({"replication_factor_min":-1,"replication_factor_max":-1,"name":"","mode":"direct",
    "expire_at":"2026-02-01T00:00:00Z","metadata":{"a":"b"},"cid":"QmOther","type":"pin","allocations":null,"max_depth":0,
    "timestamp":"0001-01-01T00:00:00Z"})";
  std::string shard = R"({"replication_factor_min":1,"replication_factor_max":1,"mode":"recursive","cid":"QmShard",
    "type":"shard-pin","allocations":["12D3A"],"max_depth":2})";
  std::string status =
      R"({"cid":"QmExample","name":"docs","allocations":null,"origins":null,"created":"2026-01-02T03:04:05Z",
    "metadata":null,"peer_map":{"12D3B":{"peername":"node-b","status":"pin_error","timestamp":"2026-01-02T03:05:05.123Z",
    "error":"context canceled","attempt_count":3,"priority_pin":true},"12D3A":{"peername":"node-a","status":"pinned",
    "timestamp":"2026-01-02T03:04:05Z","error":"","attempt_count":0,"priority_pin":false},"12D3C":{"peername":"",
    "status":"remote","timestamp":"2026-01-02T03:04:05Z","error":"","attempt_count":0,"priority_pin":false}}})";
  std::string gc = R"({"peer_map":{"12D3B":{"peer":"12D3B","peername":"node-b","keys":[],"error":"connection refused"},
    "12D3A":{"peer":"12D3A","peername":"node-a","keys":[{"key":"QmGone"},{"key":null,"error":"some failure"}]}}})";
  auto metric = [&](std::string name, std::string value, std::string weight, int64_t seconds) {
    return format_metric(
        parse(R"({"name":")" + name + R"(","peer":"12D3A","value":")" + value + R"(","expire":)" + ns(seconds) +
              R"(,"valid":true,"weight":)" + weight + R"(,"partitionable":false,"received_at":0})"),
        now);
  };
  std::string graph = R"({"cluster_id":"12D3KooWAAAAAA1b2c3d","id_to_peername":{"12D3KooWAAAAAA1b2c3d":"node-a",
    "12D3KooWBBBBBB4e5f6a":"node-b","12D3KooWCCCCCC777777":"node-c"},"ipfs_links":{"12D3KooWIIIIII9f8e7d":["12D3KooWJJJJJJ111111",
    "12D3KooWXXXXXX222222"]},"cluster_links":{"12D3KooWAAAAAA1b2c3d":["12D3KooWBBBBBB4e5f6a"],"12D3KooWBBBBBB4e5f6a":
    ["12D3KooWAAAAAA1b2c3d"],"12D3KooWCCCCCC777777":[]},"cluster_trust_links":{"12D3KooWBBBBBB4e5f6a":true,
    "12D3KooWCCCCCC777777":false},"cluster_to_ipfs":{"12D3KooWAAAAAA1b2c3d":"12D3KooWIIIIII9f8e7d",
    "12D3KooWBBBBBB4e5f6a":"12D3KooWJJJJJJ111111"}})";
  return {
      {"id", format_id(parse(id))},
      {"id with error", format_id(parse(R"({"id":"12D3A","error":"dial backoff"})"))},
      {"id with ipfs error",
       format_id(parse(R"({"id":"12D3A","peername":"node-a","cluster_peers":["12D3A"],"addresses":null,
         "error":"","ipfs":{"error":"connection refused","addresses":null}})"))},
      {"version", format_version(parse(R"({"version":"1.1.6+cpp.0.1.0"})"))},
      {"pin", format_pin(parse(pin))},
      {"pin direct", format_pin(parse(direct))},
      {"pin shard", format_pin(parse(shard))},
      {"past pin", format_past_pin(parse(pin.substr(0, pin.size() - 1) + R"(,"at":"2026-01-02T03:04:05Z","peers":[
         {"peer":"12D3A","peername":"node-a","allocated":true,"confirmed":true,"since":"2026-01-01T00:00:00Z"},
         {"peer":"12D3B","peername":"","allocated":false,"confirmed":true,"since":"2026-01-01T00:00:00Z",
         "until":"2026-01-03T00:00:00Z","ended":"lost"},{"peer":"12D3C","peername":"node-c","allocated":null,"confirmed":false},
         {"peer":"12D3D","peername":"node-d","allocated":true,"confirmed":null,"error":"no heartbeat for 5 s"}]})"))},
      {"event",
       format_event(
           parse(R"({"position":"1.7.0","type":"move","time":"2026-01-02T03:04:05.5Z","actor":"mover","cid":"QmA"})"))},
      {"status", format_status(parse(status))},
      {"status without name", format_status(parse(R"({"cid":"QmA","name":"","peer_map":{}})"))},
      {"added", format_added(parse(R"({"name":"a/b.txt","cid":"QmA","size":3})")) +
                    format_added(parse(R"({"name":"","cid":"QmRoot"})"))},
      {"gc", format_gc(parse(gc))},
      {"metrics", metric("freespace", "9200000000", "9200000000", 24) + metric("ping", "x", "0", -3600) +
                      metric("freespace", "0", "0", 0)},
      {"alert", format_alert(parse(R"({"name":"ping","peer":"12D3A","expire":)" + ns(-90) +
                                   R"(,"triggered_at":"2026-01-02T03:03:05Z"})"),
                             now)},
      {"bandwidth", format_bandwidth(parse(R"({"/ipfscluster/1.0/rpc":{"total_in":1234,"total_out":3400,"rate_in":0.0,
         "rate_out":1500.0},"":{"total_in":5,"total_out":0,"rate_in":0.5,"rate_out":0}})"))},
      {"graph", format_graph(parse(graph), false) + "\n"},
      {"graph with all ipfs peers", format_graph(parse(graph), true) + "\n"},
      {"odd objects", format_id(parse("[]")) + format_pin(parse("{}")) + format_status(parse("null")) +
                          format_gc(parse(R"({"peer_map":{"a":null}})")) + format_graph(parse("{}"), false) + "\n"},
  };
}

TEST(Format, IsAsInTheGoldenFile) {
  std::string path = std::string(IC_SOURCE_DIR) + "/testdata/format.golden", text;
  for (const auto& c : cases()) text += "== " + c.name + "\n" + c.text;
  if (std::getenv("IC_REWRITE_GOLDEN")) ASSERT_TRUE(write_file(path, text, 0644));
  auto golden = read_file(path, 1 << 20);
  ASSERT_TRUE(golden) << golden.error().message;
  EXPECT_EQ(text, *golden);
}

TEST(Humanize, Bytes) {
  EXPECT_EQ(humanize_bytes(0), "0 B");
  EXPECT_EQ(humanize_bytes(9), "9 B");
  EXPECT_EQ(humanize_bytes(82), "82 B");
  EXPECT_EQ(humanize_bytes(1000), "1.0 kB");
  EXPECT_EQ(humanize_bytes(9'990), "10 kB");
  EXPECT_EQ(humanize_bytes(82'854'982), "83 MB");
  EXPECT_EQ(humanize_bytes(9'200'000'000), "9.2 GB");
}

TEST(Humanize, Times) {
  WallTime now{std::chrono::hours(1'000'000)};
  auto at = [&](int64_t seconds) { return humanize_time(now + std::chrono::seconds(seconds), now); };
  EXPECT_EQ(at(0), "now");
  EXPECT_EQ(at(1), "1 second from now");
  EXPECT_EQ(at(-59), "59 seconds ago");
  EXPECT_EQ(at(-60), "1 minute ago");
  EXPECT_EQ(at(7199), "1 hour from now");
  EXPECT_EQ(at(-86400 * 8), "1 week ago");
  EXPECT_EQ(at(-86400 * 45), "1 month ago");
  EXPECT_EQ(at(-86400 * 400), "1 year ago");
  EXPECT_EQ(at(-86400 * 600), "2 years ago");
  EXPECT_EQ(at(-86400LL * 360 * 5), "5 years ago");
  EXPECT_EQ(at(-86400LL * 360 * 40), "a long while ago");
}

TEST(ProgressBar, FitsTheLine) {
  EXPECT_EQ(progress_line(32'000'000, 64'000'000, 2, 80),
            "32 MB / 64 MB  [====================>                   ]   50 %  16 MB/s");
  EXPECT_EQ(progress_line(64'000'000, 64'000'000, 0.1, 40), "64 MB / 64 MB  [=============]  100 %  ");
  EXPECT_EQ(progress_line(64'000'000, 64'000'000, 0.1, 20), "64 MB / 64 MB    100 %  ");
  EXPECT_EQ(progress_line(1000, 0, 1, 80), "1.0 kB  1.0 kB/s");
}

}  // namespace
}  // namespace ipfsc::cmd::ctl
