#include "monitor/heartbeat_codec.h"

#include "base/test_seeds.h"
#include "monitor/test_support.h"
#include "proto/monitor.pb.h"

namespace ipfsc::monitor {
namespace {

using namespace testing;
using ::testing::HasSubstr;

Heartbeat heartbeat() {
  Heartbeat made;
  made.run = 0x1234567890abcdef;
  made.sequence = 7;
  made.interval = 3s;
  made.cluster_id = "0123456789abcdef";
  made.incarnation = 2;
  made.applied = LogIndex(99);
  made.state_hash = Bytes(32, '\xff');
  made.apply_version = 3;
  made.role = proto::PEER_ROLE_VOTER;
  made.version = "1.2.3";
  made.peername = "one \xff";  // not UTF-8
  made.addresses = {ipld::Multiaddr::parse("/ip4/10.0.0.1/tcp/9096").value(),
                    ipld::Multiaddr::parse("/dns4/one.example/tcp/9096").value()};
  made.metrics = {reading("freespace", peer(1), "700", 5, 29s), reading("tag:zone", peer(1), "eu \xfe", 6, 1500ms)};
  made.metrics[0].metric.weight = -700;
  made.metrics[1].metric.partitionable = true;
  made.tracker_counts[model::status_bit(model::TrackerStatus::kPinned)] = 1'000'000;
  made.health = {peer(1),
                 {{peer(2), Standing::kSuspect, 12.5, 1s, 5s}, {peer(3), Standing::kUnheard, 0, 100ms, 100ms}}};
  made.links = {peer(1), {{peer(2), false, 0us}, {peer(3), true, 1500us}}};
  return made;
}

TEST(HeartbeatCodec, ComesBackAsItWasSent) {
  EXPECT_EQ(decode_heartbeat(encode_heartbeat(heartbeat()), peer(1)), heartbeat());
  Heartbeat least;
  least.health.observer = least.links.observer = peer(1);
  EXPECT_EQ(decode_heartbeat(encode_heartbeat(least), peer(1)), least);
}

TEST(HeartbeatCodec, NobodyAnnouncesThatItIsSilentForADay) {
  auto made = heartbeat();
  made.interval = 24h;
  EXPECT_EQ(decode_heartbeat(encode_heartbeat(made), peer(1))->interval, HeartbeatLimits().max_interval);
}

TEST(HeartbeatCodec, WhatItSaysIsTheSendersWord) {
  auto read = decode_heartbeat(encode_heartbeat(heartbeat()), peer(8)).value();
  EXPECT_EQ(read.health.observer, peer(8));
  EXPECT_EQ(read.links.observer, peer(8));
  for (const auto& item : read.metrics) EXPECT_EQ(item.metric.peer, peer(8));
}

TEST(HeartbeatCodec, ATypicalOneIsSmall) {
  auto typical = heartbeat();
  typical.health.doubts.clear();
  typical.links.links.clear();
  EXPECT_LT(encode_heartbeat(typical).size(), 300u);
}

TEST(HeartbeatCodec, WhatIsBeyondTheSendersLimitsIsLeftOutAndTheOtherSideTakesTheRest) {
  auto big = heartbeat();
  big.peername = std::string(5000, 'n');
  for (int i = 0; i < 100; ++i) {
    big.metrics.push_back(reading("m" + std::to_string(i), peer(1), "v", 1));
    big.addresses.push_back(big.addresses[0]);
  }
  big.metrics.insert(big.metrics.begin(), reading("large", peer(1), std::string(5000, 'v'), 1));
  big.metrics.insert(big.metrics.begin(), reading(std::string(300, 'n'), peer(1), "v", 1));
  big.health.doubts.clear();
  big.links.links.clear();
  for (const auto& id : peers(1500)) {
    big.health.doubts.push_back({.peer = id, .standing = Standing::kSuspect});
    big.links.links.push_back({.to = id, .reached = true});
  }
  auto read = decode_heartbeat(encode_heartbeat(big), peer(1));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->peername.size(), 1024u);
  EXPECT_EQ(read->addresses.size(), 32u);
  EXPECT_EQ(read->metrics.size(), 64u);
  EXPECT_EQ(read->metrics[0].metric.name, "freespace");
  EXPECT_EQ(read->health.doubts.size(), 1024u);
  EXPECT_EQ(read->links.links.size(), 1024u);
}

TEST(HeartbeatCodec, WithLittleRoomSuspicionsComeFirst) {
  auto big = heartbeat();
  big.health.doubts.clear();
  for (const auto& id : peers(20)) big.health.doubts.push_back({.peer = id, .standing = Standing::kSuspect});
  for (size_t room : {100u, 200u, 500u, 1000u, 1500u, 2000u}) {
    HeartbeatLimits limits{.max_bytes = room};
    auto bytes = encode_heartbeat(big, limits);
    EXPECT_LE(bytes.size(), std::max<size_t>(room, 150));
    auto read = decode_heartbeat(bytes, peer(1)).value();
    if (!read.metrics.empty()) EXPECT_EQ(read.health.doubts.size(), 20u);
    if (!read.links.links.empty()) EXPECT_EQ(read.metrics.size(), 2u);
  }
}

TEST(HeartbeatCodec, RefusesWhatIsBeyondTheReceiversLimitsAndNamesIt) {
  auto refused = [](const HeartbeatLimits& limits) {
    auto read = decode_heartbeat(encode_heartbeat(heartbeat()), peer(1), limits);
    EXPECT_EQ(ipld::kind(read), ErrorKind::kInvalidArgument);
    return ipld::message(read);
  };
  EXPECT_THAT(refused({.max_bytes = 10}), HasSubstr("longer than 10 bytes"));
  EXPECT_THAT(refused({.max_text_bytes = 20}), HasSubstr("state_hash"));
  EXPECT_THAT(refused({.max_addresses = 1}), HasSubstr("addresses: more than 1"));
  EXPECT_THAT(refused({.max_metrics = 1}), HasSubstr("metrics"));
  EXPECT_THAT(refused({.max_name_bytes = 8}), HasSubstr("metrics: name"));
  EXPECT_THAT(refused({.max_value_bytes = 3}), HasSubstr("metrics: value"));
  EXPECT_THAT(refused({.max_peers = 1}), HasSubstr("doubts"));
}

TEST(HeartbeatCodec, RefusesWhatMakesNoSense) {
  auto refused = [](auto change) {
    proto::Heartbeat message;
    to_proto(heartbeat(), &message);
    change(message);
    auto read = heartbeat_from_proto(message, peer(1));
    EXPECT_EQ(ipld::kind(read), ErrorKind::kInvalidArgument);
    return ipld::message(read);
  };
  EXPECT_THAT(refused([](auto& m) { m.mutable_doubts(0)->set_peer("x"); }), HasSubstr("doubts"));
  EXPECT_THAT(refused([](auto& m) { m.mutable_doubts()->SwapElements(0, 1); }), HasSubstr("order"));
  EXPECT_THAT(refused([](auto& m) { m.mutable_links(1)->set_to(m.links(0).to()); }), HasSubstr("order"));
  EXPECT_THAT(refused([](auto& m) { m.mutable_doubts(0)->set_phi(NAN); }), HasSubstr("φ"));
  EXPECT_THAT(refused([](auto& m) { m.add_addresses("\x04"); }), HasSubstr("addresses"));
  EXPECT_THAT(refused([](auto& m) { m.add_metrics(); }), HasSubstr("no name"));
  EXPECT_EQ(ipld::kind(decode_heartbeat("\xff\xff", peer(1))), ErrorKind::kInvalidArgument);
}

TEST(HeartbeatCodec, TakesWhatANewerProgramSends) {
  proto::Heartbeat message;
  to_proto(heartbeat(), &message);
  message.set_role(static_cast<proto::PeerRole>(77));
  for (int i = 0; i < 10; ++i) message.add_tracker_counts(5);
  auto read = heartbeat_from_proto(message, peer(1)).value();
  EXPECT_EQ(read.role, proto::PEER_ROLE_AUTO);
  EXPECT_EQ(read.tracker_counts, heartbeat().tracker_counts);
  auto bytes = encode_heartbeat(heartbeat()) + "\xa2\x06\x03new";  // field 100
  EXPECT_EQ(decode_heartbeat(bytes, peer(1)), heartbeat());
}

TEST(HeartbeatCodec, HugeNumbersAreCut) {
  proto::Heartbeat message;
  to_proto(heartbeat(), &message);
  message.mutable_metrics(0)->set_ttl_ms(UINT64_MAX);
  message.mutable_doubts(0)->set_phi(1e30F);
  message.mutable_doubts(0)->set_since_ms(UINT64_MAX);
  message.mutable_links(0)->set_round_trip_us(UINT64_MAX);
  auto read = heartbeat_from_proto(message, peer(1)).value();
  EXPECT_EQ(read.metrics[0].ttl, 366 * 24h);
  EXPECT_EQ(read.health.doubts[0].phi, FailureDetector::kMostPhi);
  EXPECT_EQ(read.health.doubts[0].since, 366 * 24h);
  EXPECT_EQ(read.links.links[0].round_trip, 366 * 24h);
}

TEST(HeartbeatCodec, WhateverBytesComeItNeverCrashesAndWhatItTakesIsWithinTheLimits) {
  HeartbeatLimits limits{.max_bytes = 2000,
                         .max_text_bytes = 40,
                         .max_addresses = 4,
                         .max_metrics = 4,
                         .max_name_bytes = 12,
                         .max_value_bytes = 12,
                         .max_peers = 4};
  auto good = encode_heartbeat(heartbeat());
  for (uint64_t seed : sim_seeds(1, 4)) {
    Random random(seed);
    size_t taken = 0;
    for (int i = 0; i < 3000; ++i) {
      auto bytes = i % 10 == 0 ? random.bytes(random.below(200)) : random.mutate(good);
      auto read = decode_heartbeat(bytes, peer(1), limits);
      if (!read) {
        ASSERT_EQ(read.error().kind, ErrorKind::kInvalidArgument);
        continue;
      }
      ++taken;
      ASSERT_LE(read->peername.size(), 40u);
      ASSERT_LE(read->metrics.size(), 4u);
      for (const auto& item : read->metrics) ASSERT_LE(item.metric.name.size() + item.metric.value.size(), 24u);
      ASSERT_LE(read->health.doubts.size(), 4u);
      ASSERT_LE(read->links.links.size(), 4u);
      ASSERT_TRUE(std::ranges::is_sorted(read->health.doubts, {}, &PeerStanding::peer));
      ASSERT_EQ(decode_heartbeat(encode_heartbeat(*read, limits), peer(1), limits), read) << "seed " << seed;
    }
    EXPECT_GT(taken, 300u);
  }
}

}  // namespace
}  // namespace ipfsc::monitor
