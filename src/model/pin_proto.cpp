#include "model/pin_proto.h"

#include "proto/pin.pb.h"

namespace ipfsc::model {
namespace {

uint64_t to_seconds(const std::optional<WallTime>& time) {
  if (!time) return 0;
  auto seconds = std::chrono::floor<std::chrono::seconds>(time->time_since_epoch()).count();
  return seconds > 0 ? static_cast<uint64_t>(seconds) : 0;
}

std::optional<WallTime> from_seconds(uint64_t seconds) {
  constexpr uint64_t kLastSecond = 9'223'372'036;  // the last one that fits 64-bit nanoseconds
  if (seconds == 0) return std::nullopt;
  return WallTime(std::chrono::seconds(std::min(seconds, kLastSecond)));
}

Result<std::optional<ipld::Cid>> optional_cid(const std::string& bytes, std::string_view field) {
  if (bytes.empty()) return std::nullopt;
  auto cid = ipld::Cid::from_bytes(bytes);
  if (!cid) return std::unexpected(cid.error().with_context(field));
  return *std::move(cid);
}

}  // namespace

void to_proto(const Pin& pin, proto::Pin* out) {
  out->set_cid(pin.cid.bytes());
  out->set_type(static_cast<proto::PinType>(pin.type));
  for (const auto& peer : pin.allocations) out->add_allocations(peer.bytes());
  out->set_max_depth(pin.max_depth);
  if (pin.reference) out->set_reference(pin.reference->bytes());
  out->set_timestamp(to_seconds(pin.timestamp));
  auto* options = out->mutable_options();
  options->set_replication_factor_min(pin.options.replication_factor_min);
  options->set_replication_factor_max(pin.options.replication_factor_max);
  options->set_name(pin.options.name);
  options->set_shard_size(pin.options.shard_size);
  if (pin.options.pin_update) options->set_pin_update(pin.options.pin_update->bytes());
  options->set_expire_at(to_seconds(pin.options.expire_at));
  for (const auto& origin : pin.options.origins) options->add_origins(origin.bytes());
  for (const auto& [key, value] : pin.options.metadata) {
    auto* item = options->add_sorted_metadata();
    item->set_key(key);
    item->set_value(value);
  }
}

Result<Pin> pin_from_proto(const proto::Pin& in) {
  Pin pin;
  auto cid = ipld::Cid::from_bytes(in.cid());
  if (!cid) return std::unexpected(cid.error().with_context("cid"));
  pin.cid = *std::move(cid);
  pin.type = in.type() >= proto::PIN_TYPE_BAD && in.type() <= proto::PIN_TYPE_SHARD ? static_cast<PinType>(in.type())
                                                                                    : PinType::kBad;
  pin.allocations.reserve(in.allocations_size());
  for (const auto& bytes : in.allocations()) {
    auto peer = ipld::PeerId::from_bytes(bytes);
    if (!peer) return std::unexpected(peer.error().with_context("allocations"));
    pin.allocations.push_back(*std::move(peer));
  }
  pin.max_depth = in.max_depth();
  TRY_ASSIGN(pin.reference, optional_cid(in.reference(), "reference"));
  pin.timestamp = from_seconds(in.timestamp());
  const auto& options = in.options();
  pin.options.replication_factor_min = options.replication_factor_min();
  pin.options.replication_factor_max = options.replication_factor_max();
  pin.options.name = options.name();
  pin.options.mode = pin.direct() ? PinMode::kDirect : PinMode::kRecursive;
  pin.options.shard_size = options.shard_size();
  TRY_ASSIGN(pin.options.pin_update, optional_cid(options.pin_update(), "pin_update"));
  pin.options.expire_at = from_seconds(options.expire_at());
  for (const auto& bytes : options.origins()) {
    auto origin = ipld::Multiaddr::from_bytes(bytes);
    if (!origin) return std::unexpected(origin.error().with_context("origins"));
    pin.options.origins.push_back(*std::move(origin));
  }
  for (const auto& [key, value] : options.old_metadata()) pin.options.metadata[key] = value;
  for (const auto& item : options.sorted_metadata()) pin.options.metadata[item.key()] = item.value();
  return pin;
}

}  // namespace ipfsc::model
