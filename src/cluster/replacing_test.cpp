#include "cluster/replacing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/test_support.h"

namespace ipfsc::cluster {
namespace {

using state::testing::peer_of;
using state::testing::pin_of;
using ::testing::IsEmpty;

std::vector<ipld::PeerId> peers(const std::vector<int>& numbers) {
  std::vector<ipld::PeerId> out;
  for (int n : numbers) out.push_back(peer_of(n));
  return out;
}

proto::Work moving(int from, int to) {
  proto::Work work;
  work.add_moves()->set_from(peer_of(from).bytes());
  work.mutable_moves(0)->set_to(peer_of(to).bytes());
  return work;
}

proto::Work leaving(const std::vector<int>& numbers) {
  proto::Work work;
  for (int n : numbers) work.add_leaving(peer_of(n).bytes());
  return work;
}

std::set<Bytes> leaving_in(const Replaced& replaced) {
  if (!replaced.work) return {};
  return {replaced.work->leaving().begin(), replaced.work->leaving().end()};
}
std::set<Bytes> bytes(const std::vector<int>& numbers) {
  std::set<Bytes> out;
  for (int n : numbers) out.insert(peer_of(n).bytes());
  return out;
}

TEST(Replacing, ANewPinReplacesNothing) {
  auto replaced = replace_copies({}, {}, peers({1, 2}));
  EXPECT_EQ(replaced.allocations, peers({1, 2}));
  EXPECT_FALSE(replaced.work);
}

TEST(Replacing, CopiesThatAreTooManyGoAtOnce) {
  auto replaced = replace_copies(pin_of(1, {1, 2, 3}), {}, peers({1}));
  EXPECT_EQ(replaced.allocations, peers({1}));
  EXPECT_FALSE(replaced.work);
}

TEST(Replacing, ACopyThatIsReplacedStaysUntilTheOtherIsThere) {
  auto replaced = replace_copies(pin_of(1, {1, 2}), {}, peers({2, 3}));
  EXPECT_EQ(replaced.allocations, peers({2, 3, 1}));
  EXPECT_EQ(leaving_in(replaced), bytes({1}));
  replaced = replace_copies(pin_of(1, {1, 2}), {}, peers({3}));
  EXPECT_EQ(replaced.allocations, peers({3, 1, 2}));
  EXPECT_EQ(leaving_in(replaced), bytes({1, 2}));
  replaced = replace_copies(pin_of(1, {1, 2}), {}, peers({1, 2, 3}));
  EXPECT_EQ(replaced.allocations, peers({1, 2, 3}));
  EXPECT_FALSE(replaced.work) << "nothing leaves";
}

TEST(Replacing, TheSameAgainLetsMovementsGoOn) {
  auto pin = pin_of(1, {1, 2, 3});
  auto work = moving(1, 3);
  EXPECT_EQ(settled_holders(pin, work), peers({2, 3}));
  auto replaced = replace_copies(pin, work, peers({3, 2}));
  EXPECT_EQ(replaced.allocations, pin.allocations);
  EXPECT_FALSE(replaced.work);
  EXPECT_EQ(settled_holders(pin, leaving({1})), peers({2, 3}));
  replaced = replace_copies(pin, leaving({1}), peers({2, 3}));
  EXPECT_EQ(replaced.allocations, pin.allocations);
  EXPECT_FALSE(replaced.work);
  replaced = replace_copies(pin, leaving({1}), peers({2}));
  EXPECT_EQ(leaving_in(replaced), bytes({1, 3})) << "2 may be the one that is waited for";
}

TEST(Replacing, WhatIsOnItsWayCountsForNothing) {
  // Only 3 is wanted, which has nothing yet: 1 has it still, and so has 2.
  auto replaced = replace_copies(pin_of(1, {1, 2, 3}), moving(1, 3), peers({3}));
  EXPECT_EQ(replaced.allocations, peers({3, 1, 2}));
  EXPECT_EQ(leaving_in(replaced), bytes({1, 2}));
  // Without it the movement is over, and its source goes with it.
  replaced = replace_copies(pin_of(1, {1, 2, 3}), moving(1, 3), peers({2}));
  EXPECT_EQ(replaced.allocations, peers({2}));
  ASSERT_TRUE(replaced.work);
  EXPECT_THAT(leaving_in(replaced), IsEmpty());
  EXPECT_EQ(replaced.work->moves_size(), 0);
}

TEST(Replacing, WithoutNamesNobodyLeaves) {
  auto everywhere = replace_copies(pin_of(1, {1, 2, 3}), moving(1, 3), {});
  EXPECT_THAT(everywhere.allocations, IsEmpty());
  ASSERT_TRUE(everywhere.work);
  EXPECT_THAT(leaving_in(everywhere), IsEmpty());
  auto named = replace_copies(pin_of(1), {}, peers({1}));
  EXPECT_EQ(named.allocations, peers({1}));
  EXPECT_FALSE(named.work);
}

}  // namespace
}  // namespace ipfsc::cluster
