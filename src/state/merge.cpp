#include "state/merge.h"

#include "base/check.h"

namespace ipfsc::state {
namespace {

/// Everywhere is the greatest, the cluster's default (0) the least.
int more_copies(int a, int b) {
  if (a == model::kEverywhere || b == model::kEverywhere) return model::kEverywhere;
  return std::max(a, b);
}

int deeper(int a, int b) {
  if (a == model::kDepthRecursive || b == model::kDepthRecursive) return model::kDepthRecursive;
  return std::max(a, b);
}

void add_names(std::vector<std::string>& names, const std::string& name) {
  if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) return;
  names.push_back(name);
}

}  // namespace

model::Pin merge_claims(const ClaimSet& claims) {
  CHECK(!claims.empty());
  model::Pin out = claims.begin()->second;
  out.allocations.clear();
  std::vector<std::string> names;
  for (const auto& [who, claim] : claims) {
    const auto& options = claim.options;
    auto& merged = out.options;
    merged.replication_factor_min = more_copies(merged.replication_factor_min, options.replication_factor_min);
    merged.replication_factor_max = more_copies(merged.replication_factor_max, options.replication_factor_max);
    merged.shard_size = std::max(merged.shard_size, options.shard_size);
    merged.expire_at =
        merged.expire_at && options.expire_at ? std::max(merged.expire_at, options.expire_at) : std::nullopt;
    merged.metadata.insert(options.metadata.begin(), options.metadata.end());
    for (const auto& origin : options.origins) {
      if (std::find(merged.origins.begin(), merged.origins.end(), origin) == merged.origins.end()) {
        merged.origins.push_back(origin);
      }
    }
    if (!merged.pin_update) merged.pin_update = options.pin_update;
    if (!out.reference) out.reference = claim.reference;
    out.max_depth = deeper(out.max_depth, claim.max_depth);
    out.timestamp = std::max(out.timestamp, claim.timestamp);
    add_names(names, options.name);
  }
  out.options.name = fmt::format("{}", fmt::join(names, ", "));
  out.options.mode = out.direct() ? model::PinMode::kDirect : model::PinMode::kRecursive;
  return out;
}

}  // namespace ipfsc::state
