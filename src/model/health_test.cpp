#include "model/health.h"

#include <gtest/gtest.h>

namespace ipfsc::model {
namespace {

using namespace std::chrono_literals;

ipld::PeerId peer(char c) {
  return ipld::PeerId::from_public_key_protobuf(std::string("\x08\x01\x12\x20", 4) + std::string(32, c));
}

template <class T>
std::string json(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

Alert ping_alert() {
  Alert alert;
  alert.metric = {.name = "ping",
                  .peer = peer('a'),
                  .value = "{\"peer_name\":\"one\"}",
                  .expire = WallTime(1'700'000'030s),
                  .valid = true,
                  .weight = 0,
                  .received_at = WallTime(1'700'000'000s)};
  alert.triggered_at = parse_rfc3339("2023-11-14T22:13:51.5Z").value();
  return alert;
}

const std::string kGoAlert = R"("value":"{\"peer_name\":\"one\"}","expire":1700000030000000000,"valid":true,)"
                             R"("weight":0,"partitionable":false,"received_at":1700000000000000000,)"
                             R"("triggered_at":"2023-11-14T22:13:51.5Z")";

TEST(Alert, HasGosFieldsWhileItLasts) {
  EXPECT_EQ(json(ping_alert()), R"({"name":"ping","peer":")" + peer('a').to_string() + R"(",)" + kGoAlert + "}");
}

TEST(Alert, SaysItsEndAndHowOftenItBegan) {
  auto alert = ping_alert();
  alert.ended_at = parse_rfc3339("2023-11-14T22:14:00Z").value();
  alert.times = 3;
  alert.reason = "silent for 5s";
  EXPECT_EQ(json(alert), R"({"name":"ping","peer":")" + peer('a').to_string() + R"(",)" + kGoAlert +
                             R"(,"ended_at":"2023-11-14T22:14:00Z","times":3,"reason":"silent for 5s"})");
}

TEST(ConnectGraph, EmptyMapsAreEmptyObjects) {
  ConnectGraph graph{.cluster_id = peer('a')};
  EXPECT_EQ(json(graph), R"({"cluster_id":")" + peer('a').to_string() +
                             R"(","id_to_peername":{},"ipfs_links":{},"cluster_links":{},"cluster_trust_links":{},)"
                             R"("cluster_to_ipfs":{}})");
}

TEST(ConnectGraph, ShowsLinksTrustRoundTripsAndOneWayLinks) {
  auto a = peer('a'), b = peer('b');
  auto at = a.to_string(), bt = b.to_string();
  ASSERT_LT(at, bt);
  ConnectGraph graph{.cluster_id = a,
                     .id_to_peername = {{a, "one"}, {b, "two \"2\""}},
                     .ipfs_links = {{"12D3I", {"12D3J", "12D3K"}}, {"12D3J", {}}},
                     .cluster_links = {{a, {b}}, {b, {}}},
                     .cluster_trust_links = {{b, true}},
                     .cluster_to_ipfs = {{a, "12D3I"}},
                     .round_trips = {{a, {{b, 1500us}}}},
                     .one_way_links = {{a, {b}}}};
  EXPECT_EQ(json(graph),
            R"({"cluster_id":")" + at + R"(","id_to_peername":{")" + at + R"(":"one",")" + bt +
                R"(":"two \"2\""},"ipfs_links":{"12D3I":["12D3J","12D3K"],"12D3J":[]},"cluster_links":{")" + at +
                R"(":[")" + bt + R"("],")" + bt + R"(":[]},"cluster_trust_links":{")" + bt +
                R"(":true},"cluster_to_ipfs":{")" + at + R"(":"12D3I"},"round_trip_us":{")" + at + R"(":{")" + bt +
                R"(":1500}},"one_way_links":{")" + at + R"(":[")" + bt + R"("]}})");
}

}  // namespace
}  // namespace ipfsc::model
