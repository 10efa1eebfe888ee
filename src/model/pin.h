// Pin: one item of the pinset, and the options it was asked for with.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ipld/cid.h"
#include "ipld/multiaddr.h"
#include "ipld/peer_id.h"

namespace ipfsc::model {

/// Numbers are persistent (proto/pin.proto).
enum class PinType : uint8_t { kBad = 0, kData = 1, kMeta = 2, kClusterDag = 3, kShard = 4 };
enum class PinMode : uint8_t { kRecursive, kDirect };

/// "pin", "meta-pin", "clusterdag-pin", "shard-pin", "bad-type".
std::string_view to_string(PinType type);
std::optional<PinType> pin_type_from(std::string_view text);
std::string_view to_string(PinMode mode);

inline constexpr int kEverywhere = -1;
inline constexpr int kDepthRecursive = -1;
inline constexpr int kDepthDirect = 0;

struct PinOptions {
  int replication_factor_min = 0;  ///< 0 = the cluster's default; kEverywhere = every peer
  int replication_factor_max = 0;
  std::string name;
  PinMode mode = PinMode::kRecursive;
  uint64_t shard_size = 0;
  std::vector<ipld::PeerId> user_allocations;  ///< never stored
  std::optional<WallTime> expire_at;           ///< stored with one second's precision
  std::map<std::string, std::string> metadata;
  std::optional<ipld::Cid> pin_update;
  std::vector<ipld::Multiaddr> origins;

  bool operator==(const PinOptions&) const = default;
};

struct Pin {
  PinOptions options;
  ipld::Cid cid;
  PinType type = PinType::kData;
  std::vector<ipld::PeerId> allocations;  ///< empty = everywhere (factors kEverywhere), or a meta pin
  int max_depth = kDepthRecursive;
  std::optional<ipld::Cid> reference;
  std::optional<WallTime> timestamp;  ///< when it was submitted; stored with one second's precision

  bool everywhere() const {
    return options.replication_factor_min == kEverywhere && options.replication_factor_max == kEverywhere;
  }
  bool direct() const { return max_depth == kDepthDirect; }
  /// Whether `peer` is to hold it: allocated, or everywhere. Meta pins are held by nobody.
  bool allocated_to(const ipld::PeerId& peer) const;
  bool operator==(const Pin&) const = default;
};

}  // namespace ipfsc::model
