#include "cluster/pin_rules.h"

#include <gtest/gtest.h>

namespace ipfsc::cluster {
namespace {

using namespace std::chrono_literals;

const ipld::Cid kCid = ipld::Cid::parse("QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq").value();
const ipld::Cid kOther = ipld::Cid::parse("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy").value();
const ipld::PeerId kSelf = ipld::PeerId::parse("12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M").value();
const WallTime kNow{1767323045s};

PinSituation situation(std::optional<model::Pin> existing = {}) {
  return {.existing = std::move(existing), .now = kNow};
}

model::Pin stored(model::PinOptions options = {}) {
  return plan_pin({}, kCid, std::move(options), situation()).value().pin;
}

Error refused(model::PinOptions options, PinSituation with = situation()) {
  auto pin = plan_pin({}, kCid, std::move(options), with);
  EXPECT_FALSE(pin);
  return pin ? Error{} : pin.error();
}

TEST(PlanPin, ZeroFactorsAreTheClustersDefaults) {
  auto pin = plan_pin({.replication_factor_min = 1, .replication_factor_max = 2}, kCid, {}, situation()).value().pin;
  EXPECT_EQ(pin.options.replication_factor_min, 1);
  EXPECT_EQ(pin.options.replication_factor_max, 2);
  EXPECT_EQ(pin.timestamp, kNow);
}

TEST(PlanPin, EverywhereHasNoAllocations) {
  auto pin = stored();
  EXPECT_TRUE(pin.everywhere());
  EXPECT_TRUE(pin.allocations.empty());
  EXPECT_TRUE(pin.allocated_to(kSelf));
}

TEST(PlanPin, ModeDecidesTheDepth) {
  EXPECT_EQ(stored({.mode = model::PinMode::kDirect}).max_depth, model::kDepthDirect);
  EXPECT_EQ(stored().max_depth, model::kDepthRecursive);
}

TEST(PlanPin, RefusesWithTheGoProgramsMessages) {
  EXPECT_EQ(refused({.expire_at = kNow - 1s}).message, "pin.ExpireAt set before current time");
  EXPECT_EQ(refused({.replication_factor_min = 3, .replication_factor_max = 2}).message,
            "cluster.replication_factor_min is larger than max");
  EXPECT_EQ(
      refused({.mode = model::PinMode::kDirect}, situation(stored())).message,
      "cannot repin a CID which is already pinned in recursive mode (new pin is pinned as direct). Unpin it first.");
  auto meta = stored();
  meta.type = model::PinType::kMeta;
  EXPECT_EQ(
      refused({}, situation(meta)).message,
      "cannot repin CID with different tracking method, clear state with pin rm to proceed. New: pin. Was: meta-pin");
  EXPECT_EQ(plan_pin({}, ipld::Cid(), {}, situation()).error().message, "bad pin object");
}

TEST(PlanPin, BoundsAreNamed) {
  EXPECT_NE(refused({.name = std::string(70'000, 'x')}).message.find("name: 70000 bytes are more than the limit"),
            std::string::npos);
  EXPECT_EQ(refused({.metadata = {{"k", std::string(70'000, 'x')}}}).kind, ErrorKind::kInvalidArgument);
}

TEST(PlanPin, RepinningReplacesAllOptions) {
  auto first = stored({.name = "a", .expire_at = kNow + 1h, .metadata = {{"k", "v"}}});
  auto second = plan_pin({}, kCid, {.name = "b"}, situation(first)).value().pin;
  EXPECT_EQ(second.options.name, "b");
  EXPECT_FALSE(second.options.expire_at);
  EXPECT_TRUE(second.options.metadata.empty());
}

TEST(PlanPin, WhatHoldsItIsSaid) {
  auto some = stored({.replication_factor_min = 1, .replication_factor_max = 1});
  some.allocations = {kSelf};
  EXPECT_EQ(plan_pin({}, kCid, {}, situation(some)).value().holders, some.allocations);
  EXPECT_TRUE(plan_pin({}, kCid, {}, situation(stored())).value().holders.empty());
}

TEST(PlanPin, DirectMayBecomeRecursive) {
  EXPECT_TRUE(plan_pin({}, kCid, {}, situation(stored({.mode = model::PinMode::kDirect}))));
}

TEST(PlanUpdate, KeepsWhatIsNotSaidOtherwise) {
  auto from = stored({.replication_factor_min = 1,
                      .replication_factor_max = 1,
                      .name = "a",
                      .expire_at = kNow + 1h,
                      .metadata = {{"k", "v"}}});
  from.allocations = {kSelf};
  auto planned = plan_update({}, from, kOther, {}, situation()).value();
  const auto& pin = planned.pin;
  EXPECT_EQ(pin.cid, kOther);
  EXPECT_EQ(pin.options.pin_update, kCid);
  EXPECT_EQ(pin.options.name, "a");
  EXPECT_EQ(pin.options.metadata, from.options.metadata);
  EXPECT_EQ(pin.options.expire_at, from.options.expire_at);
  EXPECT_EQ(planned.holders, from.allocations);
}

TEST(PlanUpdate, TakesNewOptions) {
  auto pin = plan_update({}, stored({.name = "a", .metadata = {{"k", "v"}}}), kOther,
                         {.name = "b", .expire_at = kNow + 2h, .metadata = {{"x", "y"}}}, situation())
                 .value()
                 .pin;
  EXPECT_EQ(pin.options.name, "b");
  EXPECT_EQ(pin.options.metadata, (std::map<std::string, std::string>{{"x", "y"}}));
  EXPECT_EQ(pin.options.expire_at, kNow + 2h);
}

TEST(PlanUpdate, OnlyDataPinsAndOnlyOverAPinOfTheSameType) {
  auto shard = stored();
  shard.type = model::PinType::kShard;
  EXPECT_EQ(plan_update({}, shard, kOther, {}, situation()).error().message, "this pin type cannot be updated");
  auto meta = stored();
  meta.type = model::PinType::kMeta;
  EXPECT_FALSE(plan_update({}, stored(), kOther, {}, situation(meta)));
}

TEST(CheckUnpin, ShardsGoWithTheirRoot) {
  auto shard = stored();
  shard.type = model::PinType::kShard;
  EXPECT_EQ(check_unpin(shard).error().message, "cannot unpin a shard directly. Unpin content root CID instead");
  EXPECT_TRUE(check_unpin(stored()));
}

}  // namespace
}  // namespace ipfsc::cluster
