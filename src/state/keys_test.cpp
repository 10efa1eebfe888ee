// The bytes of keys and values are persistent: a change here needs a new format (docs/formats.md).
#include "state/keys.h"

#include <gtest/gtest.h>

#include "base/version.h"
#include "state/applier.h"
#include "state/test_support.h"

namespace ipfsc::state {
namespace {

using testing::peer_of;

TEST(Keys, Golden) {
  EXPECT_EQ(to_hex(key::by_peer(PeerNumber(0), "CID")), "00434944");
  EXPECT_EQ(to_hex(key::by_peer(PeerNumber(300), "CID")), "ac02434944");
  EXPECT_EQ(to_hex(key::by_name("ab", "CID")), "61620001434944");
  EXPECT_EQ(to_hex(key::by_name(std::string("a\0b", 3), "CID")), "6100ff620001434944");
  EXPECT_EQ(to_hex(key::by_meta("k", "v", "CID")),
            "6b000176"
            "0001434944");
  EXPECT_EQ(to_hex(key::by_time(1'700'000'000, "CID")), "ff9aac0eff434944");
  EXPECT_EQ(to_hex(key::by_time(-5, "")), "ffffffffff");
  EXPECT_EQ(to_hex(key::by_expiry(1'700'000'000, "CID")), "006553f100434944");
  EXPECT_EQ(to_hex(key::claim("CID", "owner", "id")), "4349446f776e657200016964");
  EXPECT_EQ(to_hex(key::history(make_revision(LogIndex(5), 3))), "0000000000500003");
  EXPECT_EQ(to_hex(key::request("id")), "696964");
  EXPECT_EQ(to_hex(key::request_order(make_revision(LogIndex(5), 3))), "6f0000000000500003");
  EXPECT_EQ(to_hex(key::record("token", "k")), "746f6b656e00016b");
  EXPECT_EQ(key::peer(PeerNumber(7)), std::string("peer/\0\0\0\7", 9));
  EXPECT_EQ(key::peer_pins(PeerNumber(7)), std::string("pins/\0\0\0\7", 9));
}

TEST(Keys, TextsSortLikeThemselves) {
  std::vector<std::string> texts = {"",
                                    std::string(1, '\0'),
                                    std::string("\0\xff", 2),
                                    "a",
                                    std::string("a\0", 2),
                                    std::string("a\0b", 3),
                                    "ab",
                                    "b",
                                    "\xff"};
  for (const auto& a : texts) {
    for (const auto& b : texts) {
      Bytes key_a, key_b;
      append_text(key_a, a);
      append_text(key_b, b);
      EXPECT_EQ(key_a < key_b, a < b);
    }
    Bytes key_a;
    append_text(key_a, a);
    key_a += "rest";
    ByteView in = key_a;
    EXPECT_EQ(take_text(in), a);
    EXPECT_EQ(in, "rest");
  }
  for (ByteView bad : {ByteView("abc"), ByteView("a\0", 2), ByteView("a\0\2", 3)})
    EXPECT_EQ(take_text(bad), std::nullopt);
}

TEST(StoredPin, Golden) {
  PeerTable peers;
  model::Pin pin = testing::pin_of(1, {1, 2}, "name");
  PeerNumbers numbers;
  for (const auto& peer : pin.allocations) numbers.push_back(peers.add(peer).value);
  Bytes row = encode_revision(make_revision(LogIndex(300), 2));
  row += encode_body(pin, numbers, false);
  EXPECT_EQ(to_hex(row),
            "ac0202"
            "59"
            "0204"
            "82c49fd50c"
            "046e616d65"
            "020102");

  pin.options.replication_factor_min = pin.options.replication_factor_max = model::kEverywhere;
  pin.allocations.clear();
  pin.type = model::PinType::kMeta;
  pin.max_depth = 0;
  pin.options.expire_at = testing::seconds(1'800'000'000);
  pin.options.metadata = {{"a", "1"}, {"b", ""}};
  pin.options.origins = {*ipld::Multiaddr::parse("/ip4/1.2.3.4/tcp/4001")};
  pin.reference = pin.options.pin_update = *ipld::Cid::parse("bafkqaaa");
  pin.options.shard_size = 100;
  row = encode_revision(0) + encode_body(pin, {}, true);
  EXPECT_EQ(to_hex(row),
            "0000"
            "eaff01"
            "82c49fd50c"
            "046e616d65"
            "00"
            "80c8ceb40d"
            "02016101310162"
            "00"
            "0108"
            "0401020304060fa1"
            "0401550000"
            "0401550000"
            "64");
}

TEST(PeerTable, RowsFromBeforeTheTimeWasKeptAreRead) {
  Peer peer{
      .number = PeerNumber(1), .id = testing::peer_of(1), .member = true, .name = "a", .since = testing::millis(5)};
  auto row = PeerTable::encode(peer);
  PeerTable now;
  ASSERT_TRUE(now.load(PeerNumber(1), row));
  EXPECT_EQ(*now.at(PeerNumber(1)), peer);
  PeerTable before;
  ASSERT_TRUE(before.load(PeerNumber(1), ByteView(row).substr(0, row.size() - 1)));
  EXPECT_EQ(before.at(PeerNumber(1))->since, WallTime());
  EXPECT_FALSE(PeerTable().load(PeerNumber(1), row + "x"));
  EXPECT_TRUE(PeerTable().load(PeerNumber(1), ByteView(row).substr(0, row.size() - 2)))
      << "nor had it a configured role";
  EXPECT_FALSE(PeerTable().load(PeerNumber(1), ByteView(row).substr(0, row.size() - 3)));
}

TEST(StoredPin, RoundTripsAndRefusesDamage) {
  PeerTable peers;
  model::Pin pin = testing::pin_of(4, {3, 1}, std::string("n\0m", 3));
  pin.type = model::PinType::kShard;
  pin.max_depth = 1;
  pin.options.expire_at = testing::seconds(2'000'000'000);
  pin.options.metadata = {{"", "x"}, {"k", std::string(1000, 'v')}};
  pin.options.origins = {*ipld::Multiaddr::parse("/dns4/example.com/tcp/1"), *ipld::Multiaddr::parse("/ip4/1.2.3.4")};
  pin.reference = testing::cid_of(9);
  pin.options.pin_update = testing::cid_of(10);
  pin.options.shard_size = ~uint64_t{0};
  PeerNumbers numbers;
  for (const auto& peer : pin.allocations) numbers.push_back(peers.add(peer).value);
  Bytes row = encode_revision(make_revision(LogIndex(1), kMaxOperation)) + encode_body(pin, numbers, true);
  auto view = PinView::read(row);
  ASSERT_TRUE(view);
  auto back = view->to_pin(pin.cid.bytes(), peers);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->pin, pin);
  EXPECT_EQ(back->revision, make_revision(LogIndex(1), kMaxOperation));
  EXPECT_TRUE(back->many_claims);
  for (size_t size = 0; size < row.size(); ++size) EXPECT_FALSE(PinView::read(ByteView(row).substr(0, size)));
  EXPECT_FALSE(PinView::read(row + "x"));
}

TEST(HistoryRow, Golden) {
  HistoryRow row{.kind = Change::kPin, .time_ms = 1000, .actor = "rest", .subject = "CID", .previous = 7};
  EXPECT_EQ(to_hex(row.encode()),
            "41e8070472657374"
            "03434944"
            "07");
  EXPECT_EQ(HistoryRow::decode(row.encode())->previous, 7u);
  Bytes before = encode_revision(make_revision(LogIndex(300), 2)) + encode_body(testing::pin_of(1), {}, false);
  HistoryRow replaced{.kind = Change::kUnpin, .time_ms = 1, .subject = "CID", .before = before};
  EXPECT_EQ(to_hex(replaced.encode()), "82010003434944" + to_hex(before));
  Bytes encoded = replaced.encode();
  EXPECT_EQ(HistoryRow::decode(encoded)->previous, make_revision(LogIndex(300), 2));
  HistoryRow record{.kind = Change::kRecord, .time_ms = 1, .actor = "a", .subject = "kind", .record_key = "key"};
  EXPECT_EQ(to_hex(record.encode()), "05010161046b696e64036b6579");
  EXPECT_FALSE(HistoryRow::decode(""));
  EXPECT_FALSE(HistoryRow::decode(std::string("\x3f\0\0\0", 4)));
}

TEST(Head, GoldenAndNewerFormat) {
  Head head;
  head.cluster_id = "0123456789abcdef";
  head.incarnation = 2;
  head.applied = LogIndex(300);
  head.time_ms = 1000;
  head.hash.lanes = {1, 2, 3, 4};
  head.history_floor = 5;
  head.history_since_ms = 6;
  head.counters.pins = 7;
  head.counters.removed = 8;
  Bytes row = head.encode();
  EXPECT_EQ(to_hex(row),
            "0110"
            "30313233343536373839616263646566"
            "02"
            "ac02"
            "e807"
            "01"
            "0000000000000001000000000000000200000000000000030000000000000004"
            "05"
            "06"
            "07"
            "0000000000"
            "0000000000000000"
            "08");
  auto back = Head::decode(row);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->encode(), row);
  EXPECT_EQ(Head::versions(row)->apply_version, 1u);
  head.apply_version = kVersions.apply_version + 1;
  row = head.encode();
  EXPECT_EQ(Head::decode(row).error().kind, ErrorKind::kUnimplemented);
  EXPECT_EQ(Head::versions(row)->apply_version, head.apply_version);
  row[0] = static_cast<char>(kVersions.formats.state + 1);
  EXPECT_EQ(Head::versions(row)->format, kVersions.formats.state + 1);
}

TEST(StateHash, Golden) {
  RowHasher hasher;
  auto one = hasher.row(kPins, "key", "value");
  EXPECT_EQ(one, hasher.row(kPins, "key", "val", "ue"));
  EXPECT_NE(one, hasher.row(kClaims, "key", "value"));
  EXPECT_NE(one, hasher.row(kPins, "keyv", "alue"));
  // SHA-256 of "p\3keyvalue", each 8 bytes read as little-endian.
  EXPECT_EQ(one.to_hex(), "eb8bb9663bd48e5905c9cc64bcf92e3e4bac8243e3aafe9a28803ce71e7ea6e0");
  StateHash sum;
  add(sum, one);
  subtract(sum, one);
  EXPECT_EQ(sum, StateHash());
}

}  // namespace
}  // namespace ipfsc::state
