// The value of a row of `pins`: revision, then the pin without its CID. Also used by claims and history.
// Persistent: docs/formats.md. Inside state/ only.
#pragma once

#include <boost/container/small_vector.hpp>

#include "state/codec.h"
#include "state/keys.h"
#include "state/peer_table.h"
#include "state/state.h"

namespace ipfsc::state {

using PeerNumbers = boost::container::small_vector<uint32_t, 8>;

/// A stored pin, read in place: the views point into the row.
struct PinView {
  Revision revision = 0;
  ByteView body;  ///< everything behind the revision; equal bodies are equal pins
  model::PinType type = model::PinType::kBad;
  bool everywhere = false;  ///< both factors
  bool many_claims = false;
  int replication_factor_min = 0, replication_factor_max = 0;
  std::optional<int64_t> timestamp, expire_at;  ///< seconds
  std::string_view name;
  PeerNumbers allocations;
  int max_depth = model::kDepthRecursive;
  boost::container::small_vector<std::pair<std::string_view, std::string_view>, 2> metadata;
  boost::container::small_vector<ByteView, 2> origins;
  ByteView reference, pin_update;
  uint64_t shard_size = 0;

  /// kDataLoss when the row is damaged.
  static Result<PinView> read(ByteView row);
  /// The same into an object that may have been used before: listings read millions.
  Result<> parse(ByteView row);
  /// Held by every peer: it is in by_peer under number 0, and under no other.
  bool held_everywhere() const { return everywhere && type != model::PinType::kMeta; }
  /// Held by those in `allocations`: it is in by_peer under each.
  bool held_by_name() const { return !everywhere && type != model::PinType::kMeta; }
  Result<StoredPin> to_pin(ByteView cid, const PeerTable& peers) const;
  /// The same into a fresh object in place.
  Result<> fill_pin(ByteView cid, const PeerTable& peers, StoredPin& out) const;

 private:
  Result<> parse_rest(Reader& in, uint64_t flags);
};

Bytes encode_revision(Revision revision);
/// The body. Each allocation must have a number in `numbers`, in the same order.
Bytes encode_body(const model::Pin& pin, const PeerNumbers& numbers, bool many_claims);
int64_t to_seconds(WallTime time);
WallTime from_seconds(int64_t seconds);

}  // namespace ipfsc::state
