#include "cluster/apply_version.h"

#include <algorithm>

namespace ipfsc::cluster {

std::optional<uint32_t> raised_apply_version(uint32_t now, uint32_t own,
                                             std::span<const std::optional<uint32_t>> others) {
  uint32_t least = own;
  for (const auto& other : others) least = std::min(least, other.value_or(0));
  return least > now ? std::optional(least) : std::nullopt;
}

}  // namespace ipfsc::cluster
