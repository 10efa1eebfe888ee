#include "cluster/pinning_record.h"

#include <gtest/gtest.h>

#include "cluster/pinning_status.h"
#include "state/test_support.h"

namespace ipfsc::cluster {
namespace {

using state::testing::cid_of;

WallTime at(int64_t nanoseconds) { return WallTime(Duration(nanoseconds)); }

PinningRequest request_of(int64_t time, std::string name = "", std::map<std::string, std::string> meta = {}) {
  return {{at(time), 7}, {.cid = cid_of(1), .name = std::move(name), .meta = std::move(meta), .origins = {}}};
}

TEST(PinningRecord, IdsAreTextAndBack) {
  RequestId id{at(1'700'000'000'123'456'789), 0x0123456789abcdef};
  EXPECT_EQ(id.to_string(), "17979cfe3d85cd150123456789abcdef");
  EXPECT_EQ(RequestId::parse(id.to_string()), id);
  for (auto bad : {"", "17979cfe3d85cd15", "17979CFE3D85CD150123456789ABCDEF", "17979cfe3d85cd150123456789abcdeg",
                   "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw9"}) {
    EXPECT_FALSE(RequestId::parse(bad)) << bad;
  }
}

TEST(PinningRecord, OwnersAreNeverTheRestApis) {
  EXPECT_EQ(pinning_owner(""), "pinning:");
  EXPECT_EQ(pinning_user(pinning_owner("")), "");
  EXPECT_EQ(pinning_user(pinning_owner("ann")), "ann");
  EXPECT_FALSE(pinning_user(""));
}

TEST(PinningRecord, KeysSortByUserAndNewestFirst) {
  std::vector<Bytes> keys{pinning_key("", {at(5), 1}),  pinning_key("a", {at(9), 1}), pinning_key("a", {at(5), 1}),
                          pinning_key("a", {at(5), 2}), pinning_key("a", {at(4), 9}), pinning_key("b", {at(6), 1})};
  EXPECT_TRUE(std::ranges::is_sorted(keys));
  // What is before a time begins behind all of that time.
  EXPECT_GT(pinning_key_before("a", at(5)), keys[3]);
  EXPECT_LT(pinning_key_before("a", at(5)), keys[4]);
  // A user whose name begins with another's has another prefix.
  EXPECT_FALSE(pinning_key("ab", {at(5), 1}).starts_with(pinning_prefix("a")));
}

TEST(PinningRecord, ARecordComesBack) {
  auto request = request_of(42, "näme", {{"a", "b"}, {"", "x"}});
  request.pin.origins = {
      *ipld::Multiaddr::parse("/ip4/1.2.3.4/tcp/4001/p2p/12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M")};
  auto key = pinning_key("user", request.id);
  auto value = encode_pinning(request.pin);
  auto back = decode_pinning("user", key, value);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, request);
  EXPECT_EQ(decode_pinning("user", key, "damaged").error().kind, ErrorKind::kDataLoss);
  EXPECT_EQ(decode_pinning("other user", key, value).error().kind, ErrorKind::kDataLoss);
}

TEST(PinningRecord, TimesAreNeverGivenTwice) {
  // Two peers in one microsecond, and one peer that is asked twice in it.
  auto now = at(1'000'000'500);
  auto one = request_time(now, {}, 1), two = request_time(now, {}, 2);
  EXPECT_EQ(one, at(1'000'000'001));
  EXPECT_EQ(two, at(1'000'000'002));
  EXPECT_EQ(request_time(now, one, 1), at(1'000'001'001));
  // The clock goes back.
  EXPECT_EQ(request_time(at(0), one, 1), at(1'000'001'001));
}

TEST(PinningFilter, Names) {
  auto matches = [](std::string name, std::string wanted, NameMatch match) {
    PinningFilter filter;
    filter.name = wanted;
    filter.match = match;
    return filter.matches(request_of(1, name));
  };
  EXPECT_TRUE(matches("Data.pdf", "Data.pdf", NameMatch::kExact));
  EXPECT_FALSE(matches("Data.pdf", "data.pdf", NameMatch::kExact));
  EXPECT_FALSE(matches("Data.pdf", "Data", NameMatch::kExact));
  EXPECT_TRUE(matches("Data.pdf", "dATA.PDF", NameMatch::kIExact));
  EXPECT_FALSE(matches("Data.pdf", "Data", NameMatch::kIExact));
  EXPECT_TRUE(matches("Data.pdf", "ata", NameMatch::kPartial));
  EXPECT_FALSE(matches("Data.pdf", "ATA", NameMatch::kPartial));
  EXPECT_TRUE(matches("Data.pdf", "ATA.P", NameMatch::kIPartial));
  EXPECT_FALSE(matches("Data.pdf", "x", NameMatch::kIPartial));
}

TEST(PinningFilter, MetaTimesAndCids) {
  auto request = request_of(100, "", {{"app", "1"}, {"more", "2"}});
  PinningFilter filter;
  EXPECT_TRUE(filter.matches(request));
  filter.meta = {{"app", "1"}};
  EXPECT_TRUE(filter.matches(request));
  filter.meta = {{"app", "1"}, {"more", "3"}};
  EXPECT_FALSE(filter.matches(request));
  filter = {};
  filter.before = at(100);
  EXPECT_FALSE(filter.matches(request));
  filter.before = at(101);
  filter.after = at(100);
  EXPECT_FALSE(filter.matches(request));
  filter.after = at(99);
  EXPECT_TRUE(filter.matches(request));
  filter.cids = {cid_of(2)};
  EXPECT_FALSE(filter.matches(request));
  filter.cids.push_back(cid_of(1));
  EXPECT_TRUE(filter.matches(request));
}

// --- how a request stands

Judged judged(int min, std::vector<model::TrackerStatus> statuses) {
  model::Pin pin;
  pin.options.replication_factor_min = min;
  pin.options.replication_factor_max = min < 0 ? -1 : 3;
  std::vector<PeerWord> words;
  for (size_t i = 0; i < statuses.size(); ++i) words.push_back({fmt::format("n{}", i), statuses[i], "why"});
  return judge(pin, words);
}

TEST(PinningStatus, EnoughCopiesArePinnedWhateverTheOthersDo) {
  using enum model::TrackerStatus;
  EXPECT_EQ(judged(2, {kPinned, kPinned, kPinError}).status, RequestStatus::kPinned);
  EXPECT_EQ(judged(2, {kPinned, kPinError, kPinning}).status, RequestStatus::kPinning);
  EXPECT_EQ(judged(2, {kPinned, kPinError, kPinQueued}).status, RequestStatus::kQueued);
  EXPECT_EQ(judged(2, {kPinned, kPinError, kClusterError}).status, RequestStatus::kFailed);
  EXPECT_EQ(judged(1, {kRemote}).status, RequestStatus::kQueued);  // its log is behind
  EXPECT_EQ(judged(1, {kUnexpectedlyUnpinned}).status, RequestStatus::kQueued);
  EXPECT_EQ(judged(1, {}).status, RequestStatus::kFailed);
}

TEST(PinningStatus, EverywhereIsPinnedOnMoreThanHalf) {
  using enum model::TrackerStatus;
  EXPECT_EQ(judged(-1, {kPinned}).status, RequestStatus::kPinned);
  EXPECT_EQ(judged(-1, {kPinned, kPinError}).status, RequestStatus::kFailed);
  EXPECT_EQ(judged(-1, {kPinned, kPinned, kPinError}).status, RequestStatus::kPinned);
}

TEST(PinningStatus, DetailsNameWhoHasNot) {
  using enum model::TrackerStatus;
  EXPECT_EQ(judged(1, {kPinned, kPinned}).details, "pinned on 2 of 2 peers");
  EXPECT_EQ(judged(1, {kPinned, kPinError}).details, "pinned on 1 of 2 peers; n1: pin_error, why");
  auto many = judged(1, std::vector(9, kPinError)).details;
  EXPECT_NE(many.find("n4: pin_error"), std::string::npos);
  EXPECT_TRUE(many.ends_with("; 4 more")) << many;
}

}  // namespace
}  // namespace ipfsc::cluster
