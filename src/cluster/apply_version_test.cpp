#include "cluster/apply_version.h"

#include <gtest/gtest.h>

#include <vector>

namespace ipfsc::cluster {
namespace {

std::optional<uint32_t> raised(uint32_t now, uint32_t own, std::vector<std::optional<uint32_t>> others) {
  return raised_apply_version(now, own, others);
}

TEST(ApplyVersion, RisesToTheLeastThatAllKnow) {
  EXPECT_EQ(raised(1, 1, {}), std::nullopt);
  EXPECT_EQ(raised(1, 2, {}), 2u);  // alone
  EXPECT_EQ(raised(1, 2, {2, 2}), 2u);
  EXPECT_EQ(raised(1, 5, {3, 4}), 3u);
  EXPECT_EQ(raised(1, 2, {2, 1}), std::nullopt);
  EXPECT_EQ(raised(1, 1, {2, 2}), std::nullopt);
}

TEST(ApplyVersion, WaitsForWhomItHasNotHeard) {
  EXPECT_EQ(raised(1, 2, {2, std::nullopt}), std::nullopt);
  EXPECT_EQ(raised(1, 2, {2, 0}), std::nullopt);
}

TEST(ApplyVersion, NeverFalls) { EXPECT_EQ(raised(3, 4, {2, 4}), std::nullopt); }

}  // namespace
}  // namespace ipfsc::cluster
