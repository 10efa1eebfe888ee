#include "cluster/claims.h"

#include <gtest/gtest.h>

#include "state/test_support.h"

namespace ipfsc::cluster {
namespace {

using state::testing::cid_of;
using state::testing::peer_of;
using state::testing::pin_of;

model::Pin copies(int min, int max, std::string name = "") {
  auto pin = pin_of(1, {1}, std::move(name));
  pin.options.replication_factor_min = min;
  pin.options.replication_factor_max = max;
  pin.allocations.clear();
  return pin;
}

TEST(Claims, TheMostCopiesThatAnyOneAsksFor) {
  std::vector<state::Claim> claims{{"", "", copies(3, 4)}, {"pinning:a", "1", copies(1, 1)}};
  auto merged = with_claim(claims, {"pinning:a", "2"}, copies(2, 2));
  EXPECT_EQ(merged.options.replication_factor_min, 3);
  // Its own old one does not count.
  merged = with_claim(claims, {}, copies(2, 2));
  EXPECT_EQ(merged.options.replication_factor_min, 2);
  EXPECT_EQ(merged.options.replication_factor_max, 2);
  EXPECT_TRUE(with_claim(claims, {"pinning:a", "2"}, copies(-1, -1)).everywhere());
}

TEST(Claims, UserAllocationsAreThoseOfTheOneThatAsks) {
  auto pin = copies(1, 1);
  pin.options.user_allocations = {peer_of(7)};
  std::vector<state::Claim> claims{{"", "", copies(3, 4)}};
  EXPECT_EQ(with_claim(claims, {"pinning:", "1"}, pin).options.user_allocations, pin.options.user_allocations);
}

TEST(Claims, WhatIsLeft) {
  std::vector<state::Claim> claims{{"", "", copies(-1, -1, "rest")}, {"pinning:a", "1", copies(2, 2, "mine")}};
  auto left = without_claim(claims, {});
  ASSERT_TRUE(left);
  EXPECT_EQ(left->options.name, "mine");
  EXPECT_EQ(left->options.replication_factor_min, 2);
  claims.pop_back();
  EXPECT_FALSE(without_claim(claims, {}));
}

TEST(Claims, MovesWhatDiffers) {
  EXPECT_FALSE(move_operation(cid_of(1), {peer_of(1), peer_of(2)}, {peer_of(2), peer_of(1)}, "test"));
  auto move = move_operation(cid_of(1), {peer_of(1), peer_of(2)}, {peer_of(2), peer_of(3)}, "test");
  ASSERT_TRUE(move);
  ASSERT_EQ(move->pin_move().add_size(), 1);
  EXPECT_EQ(move->pin_move().add(0), peer_of(3).bytes());
  ASSERT_EQ(move->pin_move().remove_size(), 1);
  EXPECT_EQ(move->pin_move().remove(0), peer_of(1).bytes());
}

// What Cluster::leave() relies on: the end of the claim that wanted a pin everywhere and the new allocations are one
// entry, behind which nobody sees a pin without peers; and a record in it comes or goes with them.
TEST(Claims, TheEndOfAClaimAndWhatFollowsAreOneStep) {
  state::testing::Fixture f;
  auto everywhere = copies(-1, -1);
  auto two = copies(2, 2);
  f.apply({state::testing::put_op(everywhere, "pinning:a", "1"), state::testing::put_op(two, "pinning:a", "2")});
  EXPECT_TRUE((*f.state->get(cid_of(1)))->pin.everywhere());
  auto move = move_operation(cid_of(1), {}, {peer_of(1), peer_of(2)}, "test");
  proto::Operation forget;
  forget.mutable_record_put()->set_kind("kind");
  forget.mutable_record_put()->set_key("key");
  auto index = f.state->applied_index();
  auto outcomes = f.apply({remove_claim(cid_of(1), {"pinning:a", "1"}, "test"), *move, forget});
  EXPECT_EQ(f.state->applied_index().value, index.value + 1);
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome.status, state::OutcomeStatus::kApplied) << outcome.detail;
  auto stored = (*f.state->get(cid_of(1)))->pin;
  EXPECT_EQ(stored.options.replication_factor_min, 2);
  EXPECT_EQ(stored.allocations, (std::vector{peer_of(1), peer_of(2)}));
  EXPECT_TRUE(*f.state->record("kind", "key"));
  // With the last claim the pin goes, and what was to be moved is not there any more.
  outcomes = f.apply({remove_claim(cid_of(1), {"pinning:a", "2"}, "test"), *move});
  EXPECT_EQ(outcomes[1].status, state::OutcomeStatus::kNotFound);
  EXPECT_FALSE(*f.state->get(cid_of(1)));
}

}  // namespace
}  // namespace ipfsc::cluster
