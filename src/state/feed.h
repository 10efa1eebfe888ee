// What the log tells: changes of the pinset in log order, from a stored position.
//
// State::changes_after() reads them from the history; consensus wraps it in a ChangeStream that waits for news.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/strong.h"
#include "base/task.h"
#include "base/time.h"
#include "ipld/cid.h"
#include "ipld/peer_id.h"

namespace ipfsc::state {

/// Number of an operation: log index and the operation's place in its entry (kOperationBits of it). It names the
/// version of a pin or record ("only if its revision is still 7") and the record of the history that made it. 0 = none.
using Revision = uint64_t;
inline constexpr unsigned kOperationBits = 20;
inline constexpr uint32_t kMaxOperation = (1u << kOperationBits) - 1;
constexpr Revision make_revision(LogIndex index, uint32_t n) { return index.value << kOperationBits | n; }
constexpr LogIndex revision_index(Revision revision) { return LogIndex(revision >> kOperationBits); }
constexpr uint32_t revision_operation(Revision revision) { return static_cast<uint32_t>(revision) & kMaxOperation; }

/// A place in the log. What a reader stores beside its own data to go on from; the reader has seen everything up to and
/// with this operation. {} = before the first.
struct FeedPosition {
  uint64_t incarnation = 0;
  LogIndex index;
  uint32_t n = 0;  ///< operation inside the entry; kMaxOperation = all of them
  Revision revision() const { return make_revision(index, n); }
  auto operator<=>(const FeedPosition&) const = default;
};

struct Change {
  /// Numbers are persistent (docs/formats.md).
  enum Kind : uint8_t {
    kPin = 1,      ///< a pin was added or replaced
    kUnpin = 2,    ///< a pin left the pinset
    kMove = 3,     ///< its allocations changed
    kPeer = 4,     ///< a peer was added or changed (role, state, name, addresses)
    kRecord = 5,   ///< a record was put or removed
    kWork = 6,     ///< its movement began, changed or ended
    kCluster = 7,  ///< cluster id, incarnation or apply_version changed
  };
  FeedPosition position;
  Kind kind = kPin;
  ipld::Cid cid;            ///< kPin, kUnpin, kMove, kWork
  ipld::PeerId peer;        ///< kPeer
  std::string record_kind;  ///< kRecord
  Bytes record_key;         ///< kRecord
  WallTime time;            ///< the entry's
  std::string actor;
  bool operator==(const Change&) const = default;
};

/// Changes as they are applied here. I/O thread only.
class ChangeStream {
 public:
  virtual ~ChangeStream() = default;
  /// The next changes in order, at least one, at most `max`; waits for news. kOutOfRange when the position was lost
  /// (history trimmed, or another incarnation): the reader then compares everything and starts from State::feed_end().
  virtual Task<std::vector<Change>> next(size_t max) = 0;
};

}  // namespace ipfsc::state
