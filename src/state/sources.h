// Where a listing's candidates come from, each in its order. Inside state/ only.
#pragma once

#include <memory>
#include <optional>

#include "state/store.h"

namespace ipfsc::state {

/// Walks candidates of a listing. A position is what a cursor's token keeps: opaque bytes that name a candidate.
class Source {
 public:
  virtual ~Source() = default;
  /// Opens a view of the data at `snapshot`, behind the candidate at `after` ("" = at the first).
  virtual Result<> open(const Store& store, const storage::Snapshot& snapshot, ByteView after) = 0;
  /// Lets go of the view; open() is called again before anything else.
  virtual void close() = 0;
  virtual bool valid() const = 0;
  virtual Result<> next() = 0;
  virtual Result<> status() const = 0;
  /// Of the candidate, until next().
  virtual ByteView cid() const = 0;
  virtual ByteView position() const = 0;
  /// Its row of `pins` if the source has it at hand; empty = look it up.
  virtual ByteView row() const = 0;
};

/// Where the CID starts in an index key.
enum class KeyShape : uint8_t { kCid, kText, kTwoTexts, kSeconds, kClaim };

/// Keys of one family that start with `lower`, up to `upper`. With `strip` > 0 the position is the key without its
/// first `strip` bytes, which are those of `lower` (a fixed prefix), so positions of different sources in the order of
/// CIDs are the same.
std::unique_ptr<Source> range_source(FamilyId family, Bytes lower, Bytes upper, size_t strip, KeyShape shape);
/// All that a peer is to hold, by CID: its own and those held everywhere.
std::unique_ptr<Source> peer_source(PeerNumber peer);
/// All pins as they were at `time`, by CID.
std::unique_ptr<Source> past_source(WallTime time);

}  // namespace ipfsc::state
