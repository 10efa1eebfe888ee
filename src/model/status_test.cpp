#include "model/status.h"

#include <gtest/gtest.h>

namespace ipfsc::model {
namespace {

ipld::PeerId peer(char c) {
  return ipld::PeerId::from_public_key_protobuf(std::string("\x08\x01\x12\x20", 4) + std::string(32, c));
}
ipld::Cid cid() { return ipld::Cid::parse("QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq").value(); }

TEST(Status, NamesAndBits) {
  EXPECT_EQ(to_string(TrackerStatus::kPinError), "pin_error");
  EXPECT_EQ(to_string(TrackerStatus::kUnexpectedlyUnpinned), "unexpectedly_unpinned");
  EXPECT_EQ(to_string(TrackerStatus::kUndefined), "undefined");
  EXPECT_EQ(to_string(static_cast<TrackerStatus>(3)), "undefined");
  EXPECT_EQ(to_string(static_cast<TrackerStatus>(1u << 20)), "undefined");
  for (size_t bit = 1; bit < kStatusBits; ++bit) {
    auto status = static_cast<TrackerStatus>(1u << bit);
    EXPECT_EQ(status_from(to_string(status)), status);
    EXPECT_EQ(status_bit(status), bit);
  }
}

TEST(Status, Filters) {
  EXPECT_TRUE(parse_status_filter("")->all());
  EXPECT_TRUE(parse_status_filter("undefined")->all());
  EXPECT_EQ(parse_status_filter("error")->bits, 14u);
  EXPECT_EQ(parse_status_filter("queued")->bits, 1536u);
  EXPECT_EQ(parse_status_filter("pinned, remote,nonsense")->bits, 16u + 256u);
  EXPECT_EQ(parse_status_filter("nonsense").error().message, "invalid filter value");
  EXPECT_EQ(parse_status_filter(",").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(to_string(*parse_status_filter("remote,pinned")), "pinned,remote");
}

TEST(Status, Sets) {
  StatusSet set = TrackerStatus::kPinned | TrackerStatus::kRemote;
  EXPECT_TRUE(set.has(TrackerStatus::kPinned));
  EXPECT_FALSE(set.has(TrackerStatus::kPinError));
  EXPECT_TRUE(StatusSet().has(TrackerStatus::kPinError));
  EXPECT_TRUE(StatusSet(TrackerStatus::kPinned).within(set));
  EXPECT_FALSE(set.within(TrackerStatus::kPinned));
  EXPECT_FALSE(StatusSet().within(set));
  EXPECT_TRUE(set.within(StatusSet()));
}

TEST(Status, JsonOfAKnownPin) {
  PinInfo info;
  info.pin = {.cid = cid(),
              .name = "docs",
              .allocations = {peer('a')},
              .origins = {},
              .created = parse_rfc3339("2026-01-02T03:04:05Z").value(),
              .metadata = {{"team", "web"}},
              .in_pinset = true};
  info.at.on = make_peer_facts(peer('a'), "one", "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M",
                               {ipld::Multiaddr::parse("/ip4/10.0.0.1/tcp/4001").value()});
  info.at.status = TrackerStatus::kPinError;
  info.at.timestamp = parse_rfc3339("2026-01-02T03:04:06.5Z").value();
  info.at.error = "no \"source\"";
  info.at.attempt_count = 4;
  info.at.priority_pin = true;
  info.at.reason = "content not found, 4 tries";
  info.at.next_try = parse_rfc3339("2026-01-02T03:05:00Z").value();
  info.at.bytes = 12;
  std::string peer_text = peer('a').to_string();
  std::string expected =
      "{\"cid\":\"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq\",\"name\":\"docs\",\"allocations\":[\"" + peer_text +
      "\"],\"origins\":[],\"created\":\"2026-01-02T03:04:05Z\",\"metadata\":{\"team\":\"web\"},\"peer_map\":{\"" +
      peer_text +
      "\":{\"peername\":\"one\",\"ipfs_peer_id\":\"12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M\","
      "\"ipfs_peer_addresses\":[\"/ip4/10.0.0.1/tcp/"
      "4001\"],\"status\":\"pin_error\",\"timestamp\":\"2026-01-02T03:04:06.5Z\","
      "\"error\":\"no \\\"source\\\"\",\"attempt_count\":4,\"priority_pin\":true,\"reason\":\"content not found, 4 "
      "tries\","
      "\"next_try\":\"2026-01-02T03:05:00Z\",\"bytes\":12}}}";
  std::string json;
  append_json(json, info);
  EXPECT_EQ(json, expected);
  std::string global;
  append_json(global, GlobalPinInfo::of(info));
  EXPECT_EQ(global, expected);

  auto read = global_pin_info_from_json(json);
  ASSERT_TRUE(read);
  std::string again;
  append_json(again, *read);
  EXPECT_EQ(again, expected);
}

TEST(Status, JsonOfAnUnknownPin) {
  PinInfo info{.pin = PinSummary::missing(cid()), .at = {}};
  info.at.on = make_peer_facts(peer('a'), "");
  info.at.status = TrackerStatus::kUnpinned;
  std::string json;
  append_json(json, info);
  std::string p = peer('a').to_string();
  EXPECT_EQ(json,
            "{\"cid\":\"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq\",\"name\":\"\",\"allocations\":null,"
            "\"origins\":null,\"created\":\"0001-01-01T00:00:00Z\",\"metadata\":null,\"peer_map\":{\"" +
                p +
                "\":{\"peername\":\"\",\"status\":\"unpinned\",\"timestamp\":\"0001-01-01T00:00:00Z\",\"error\":\"\","
                "\"attempt_count\":0,\"priority_pin\":false}}}");
}

TEST(Status, PeersAreOrderedByText) {
  GlobalPinInfo info;
  for (char c : {'c', 'a', 'b', 'a'}) {
    PinInfoShort one;
    one.on = make_peer_facts(peer(c), std::string(1, c));
    one.status = c == 'b' ? TrackerStatus::kPinned : TrackerStatus::kRemote;
    info.add(std::move(one));
  }
  ASSERT_EQ(info.peers.size(), 3u);
  EXPECT_TRUE(std::is_sorted(info.peers.begin(), info.peers.end(),
                             [](const auto& a, const auto& b) { return a.on->peer_text < b.on->peer_text; }));
  EXPECT_TRUE(info.matches(TrackerStatus::kPinned));
  EXPECT_FALSE(info.matches(TrackerStatus::kPinError));
}

TEST(Status, BadJson) {
  for (std::string_view text :
       {"", "[]", "{\"cid\":3}", "{\"cid\":\"nonsense\"}", "{\"peer_map\":[]}", "{\"peer_map\":{\"nonsense\":{}}}",
        "{\"metadata\":{\"a\":1}}", "{\"origins\":[\"x\"]}"}) {
    auto read = global_pin_info_from_json(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace ipfsc::model
