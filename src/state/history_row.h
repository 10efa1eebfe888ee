// A row of `history`: what one operation changed. Persistent: docs/formats.md. Inside state/ only.
//
// A pin's row holds the pin as it was before (nothing when it is new), so a pin that never changes costs only its
// CID here; the pin as it was after is the `before` of its next row, or the pin as it is. Rows of one CID form a
// chain: each knows the revision before it.
#pragma once

#include "state/state.h"

namespace ipfsc::state {

struct HistoryRow {
  Change::Kind kind = Change::kPin;
  uint64_t time_ms = 0;
  ByteView actor;
  ByteView subject;       ///< CID, peer id or the record's kind
  ByteView record_key;    ///< kRecord
  ByteView before;        ///< value of `pins` as it was; empty = there was no pin
  Revision previous = 0;  ///< of the chain; 0 = the first. Not stored when `before` says it

  Bytes encode() const;
  /// Views point into `row`.
  static Result<HistoryRow> decode(ByteView row);
  Result<Change> to_change(Revision revision, uint64_t incarnation) const;
};

}  // namespace ipfsc::state
