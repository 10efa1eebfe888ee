// Rows and keys of the table as bytes. Persistent: docs/formats.md.
#pragma once

#include "base/bytes.h"
#include "ipld/cid.h"
#include "state/feed.h"
#include "tracker/core.h"

namespace ipfsc::tracker {

/// A settled row takes 7 bytes.
Bytes encode_row(const Row& row);
/// kDataLoss when the bytes are not a row.
Result<Row> decode_row(ByteView bytes);

/// status bit (1 byte) · CID
Bytes status_key(model::TrackerStatus status, const ipld::Cid& cid);
/// unix milliseconds (8 bytes, big-endian) · CID
Bytes due_key(WallTime time, const ipld::Cid& cid);
/// 'c' · CID · end of the holding in milliseconds
Bytes journal_key(const ipld::Cid& cid, WallTime ended);
/// 't' · end of the holding in milliseconds · CID
Bytes journal_time_key(WallTime ended, const ipld::Cid& cid);
Bytes encode_holding(const Holding& holding);
Result<Holding> decode_holding(ByteView bytes, WallTime ended);

/// unix milliseconds (8 bytes, big-endian)
Bytes encode_since(WallTime time);
Result<WallTime> decode_since(ByteView bytes);

Bytes encode_position(const state::FeedPosition& position);
Result<state::FeedPosition> decode_position(ByteView bytes);
Bytes encode_counts(const StatusCounts& counts);
Result<StatusCounts> decode_counts(ByteView bytes);

int64_t to_millis(WallTime time);
WallTime from_millis(int64_t millis);
/// Times before 1970 count as 1970.
uint64_t to_unsigned_millis(WallTime time);

}  // namespace ipfsc::tracker
