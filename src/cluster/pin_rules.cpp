#include "cluster/pin_rules.h"

#include <algorithm>

#include "allocator/allocate.h"
#include "cluster/replacing.h"
#include "model/pin_proto.h"

namespace ipfsc::cluster {
namespace {

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }
std::unexpected<Error> conflict(std::string message) {
  return fail(ErrorKind::kFailedPrecondition, std::move(message));
}

Result<> check_bounds(const ClusterOptions& cluster, const model::PinOptions& options) {
  if (options.name.size() > cluster.max_name_bytes) {
    return refuse(
        fmt::format("name: {} bytes are more than the limit of {}", options.name.size(), cluster.max_name_bytes));
  }
  size_t metadata = 0;
  for (const auto& [key, value] : options.metadata) metadata += key.size() + value.size();
  if (metadata > cluster.max_metadata_bytes) {
    return refuse(
        fmt::format("metadata: {} bytes are more than the limit of {}", metadata, cluster.max_metadata_bytes));
  }
  if (options.origins.size() > cluster.max_origins) {
    return refuse(
        fmt::format("origins: {} are more than the limit of {}", options.origins.size(), cluster.max_origins));
  }
  return {};
}

/// Times as they will be read back: whole seconds.
WallTime to_stored(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

Result<> check_existing(const model::Pin& pin, const model::Pin& existing) {
  if (existing.type != pin.type) {
    return conflict(
        fmt::format("cannot repin CID with different tracking method, clear state with pin rm to proceed. "
                    "New: {}. Was: {}",
                    model::to_string(pin.type), model::to_string(existing.type)));
  }
  if (pin.direct() && !existing.direct()) {
    return conflict(
        "cannot repin a CID which is already pinned in recursive mode (new pin is pinned as direct). "
        "Unpin it first.");
  }
  return {};
}

}  // namespace

void fill_in_factors(const ClusterOptions& cluster, model::PinOptions& options) {
  if (options.replication_factor_min == 0) options.replication_factor_min = cluster.replication_factor_min;
  if (options.replication_factor_max == 0) options.replication_factor_max = cluster.replication_factor_max;
}

Result<PlannedPin> plan_pin(const ClusterOptions& cluster, const ipld::Cid& cid, model::PinOptions options,
                            const PinSituation& situation) {
  if (cid.empty()) return refuse("bad pin object");
  fill_in_factors(cluster, options);
  TRY(allocator::check_factors(options.replication_factor_min, options.replication_factor_max));
  TRY(check_bounds(cluster, options));
  if (options.expire_at) {
    if (*options.expire_at < situation.now) return refuse("pin.ExpireAt set before current time");
    options.expire_at = to_stored(*options.expire_at);
  }
  model::Pin pin;
  pin.cid = cid;
  pin.max_depth = options.mode == model::PinMode::kDirect ? model::kDepthDirect : model::kDepthRecursive;
  pin.options = std::move(options);
  pin.timestamp = situation.now;
  PlannedPin planned{std::move(pin), {}, situation.many_claims};
  if (situation.existing) {
    TRY(check_existing(planned.pin, *situation.existing));
    if (!situation.existing->everywhere()) planned.holders = settled_holders(*situation.existing, situation.work);
  }
  return planned;
}

Result<PlannedPin> plan_update(const ClusterOptions& cluster, const model::Pin& from, const ipld::Cid& cid,
                               model::PinOptions options, const PinSituation& situation) {
  if (from.type != model::PinType::kData) return conflict("this pin type cannot be updated");
  auto merged = from.options;
  if (!options.name.empty()) merged.name = std::move(options.name);
  if (!options.metadata.empty()) merged.metadata = std::move(options.metadata);
  if (!options.origins.empty()) merged.origins = std::move(options.origins);
  if (options.replication_factor_min != 0) merged.replication_factor_min = options.replication_factor_min;
  if (options.replication_factor_max != 0) merged.replication_factor_max = options.replication_factor_max;
  if (options.expire_at) merged.expire_at = options.expire_at;
  // An expiry that has passed already is on its way out with the old pin: the new one does not inherit it.
  if (!options.expire_at && merged.expire_at && *merged.expire_at < situation.now) merged.expire_at.reset();
  merged.user_allocations = std::move(options.user_allocations);
  merged.pin_update = from.cid;

  // The copies stay where the old content is, so that only the difference has to be fetched.
  TRY_ASSIGN(auto planned, plan_pin(cluster, cid, std::move(merged), situation));
  planned.holders = from.allocations;
  return planned;
}

Result<> check_unpin(const model::Pin& pin) {
  switch (pin.type) {
    case model::PinType::kShard:
      return conflict("cannot unpin a shard directly. Unpin content root CID instead");
    case model::PinType::kClusterDag:
      return conflict("cannot unpin a Cluster DAG directly. Unpin content root CID instead");
    default:
      return {};
  }
}

proto::Operation pin_operation(const model::Pin& pin, std::string actor, Bytes request_id) {
  proto::Operation operation;
  operation.set_actor(std::move(actor));
  operation.set_request_id(std::move(request_id));
  model::to_proto(pin, operation.mutable_pin_put()->mutable_pin());
  return operation;
}

proto::Operation work_operation(const ipld::Cid& cid, const proto::Work& work, std::string actor) {
  proto::Operation operation;
  operation.set_actor(std::move(actor));
  if (work.moves_size() == 0 && work.leaving_size() == 0) {
    operation.mutable_work_remove()->set_cid(cid.bytes());
  } else {
    operation.mutable_work_put()->set_cid(cid.bytes());
    *operation.mutable_work_put()->mutable_work() = work;
  }
  return operation;
}

}  // namespace ipfsc::cluster
