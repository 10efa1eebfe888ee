// Pins as they were. Inside state/ only.
#pragma once

#include "state/store.h"

namespace ipfsc::state {

/// The last revision whose entry is not younger than `time`; every revision from there on is later. Needs about 20
/// looks at the history. kOutOfRange when the time is before the history.
Result<Revision> revision_at(const Store& store, const Head& head, WallTime time, const storage::Snapshot* snapshot);

/// A pin's row as it was after `then`, found by going back along its chain from `last`, its newest revision; `row` is
/// its row now (empty: removed). An empty answer: there was no pin.
Result<Bytes> row_at(const Store& store, Revision then, Revision last, ByteView row, const storage::Snapshot* snapshot);

}  // namespace ipfsc::state
