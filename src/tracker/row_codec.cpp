#include "tracker/row_codec.h"

namespace ipfsc::tracker {
namespace {

constexpr uint8_t kRecentBit = 1 << 4;
constexpr uint8_t kHoldingBit = 1 << 5;
constexpr uint8_t kHoldingIsSinceBit = 1 << 6;
constexpr uint64_t kMaxMillis = uint64_t{INT64_MAX} / 1'000'000;  // nanoseconds must fit

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorKind::kDataLoss, fmt::format("the tracker's table is damaged: bad {}", what));
}

void append_time(Bytes& out, WallTime time) { append_varint(out, to_unsigned_millis(time)); }

Result<WallTime> take_time(ByteView& in) {
  TRY_ASSIGN(uint64_t millis, take_varint(in));
  if (millis > kMaxMillis) return damaged("time");
  return from_millis(static_cast<int64_t>(millis));
}

Result<Row> decode_fields(ByteView in) {
  if (in.empty()) return damaged("row");
  Row row;
  auto flags = static_cast<uint8_t>(in.front());
  in.remove_prefix(1);
  if ((flags & 3) == 3 || (flags & 0x80) != 0) return damaged("row");
  row.want = static_cast<Want>(flags & 3);
  row.phase = static_cast<Phase>(flags >> 2 & 3);
  row.recent = (flags & kRecentBit) != 0;
  TRY_ASSIGN(row.since, take_time(in));
  if (flags & kHoldingIsSinceBit) {
    row.holding_since = row.since;
  } else if (flags & kHoldingBit) {
    TRY_ASSIGN(row.holding_since, take_time(in));
  }
  if (row.phase == Phase::kSettled) return row;
  TRY_ASSIGN(uint64_t attempts, take_varint(in));
  row.attempts = static_cast<uint32_t>(attempts);
  if (row.phase == Phase::kQueued) return row;
  TRY_ASSIGN(row.next_try, take_time(in));
  if (row.phase == Phase::kLost) return row;
  TRY_ASSIGN(uint64_t failure, take_varint(in));
  if (failure > static_cast<uint64_t>(Failure::kCancelled)) return damaged("row");
  row.failure = static_cast<Failure>(failure);
  TRY_ASSIGN(row.bytes, take_varint(in));
  row.error = Bytes(in);
  return row;
}

}  // namespace

int64_t to_millis(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

WallTime from_millis(int64_t millis) { return WallTime(std::chrono::milliseconds(millis)); }

uint64_t to_unsigned_millis(WallTime time) { return static_cast<uint64_t>(std::max<int64_t>(to_millis(time), 0)); }

Bytes encode_row(const Row& row) {
  Bytes out;
  uint8_t flags = static_cast<uint8_t>(row.want) | static_cast<uint8_t>(row.phase) << 2;
  if (row.recent) flags |= kRecentBit;
  bool same = row.holding_since == row.since;
  if (row.holding_since) flags |= same ? kHoldingIsSinceBit : kHoldingBit;
  out.push_back(static_cast<char>(flags));
  append_time(out, row.since);
  if (row.holding_since && !same) append_time(out, *row.holding_since);
  if (row.phase == Phase::kSettled) return out;
  append_varint(out, row.attempts);
  if (row.phase == Phase::kQueued) return out;
  append_time(out, row.next_try);
  if (row.phase == Phase::kLost) return out;
  append_varint(out, static_cast<uint64_t>(row.failure));
  append_varint(out, row.bytes);
  out += row.error;
  return out;
}

Result<Row> decode_row(ByteView bytes) {
  auto row = decode_fields(bytes);
  if (!row) return damaged("row");
  return row;
}

Bytes status_key(model::TrackerStatus status, const ipld::Cid& cid) {
  Bytes key(1, static_cast<char>(model::status_bit(status)));
  key += cid.bytes();
  return key;
}

Bytes due_key(WallTime time, const ipld::Cid& cid) {
  Bytes key;
  append_be64(key, to_unsigned_millis(time));
  key += cid.bytes();
  return key;
}

Bytes journal_key(const ipld::Cid& cid, WallTime ended) {
  Bytes key = "c";
  key += cid.bytes();
  append_be64(key, to_unsigned_millis(ended));
  return key;
}

Bytes journal_time_key(WallTime ended, const ipld::Cid& cid) {
  Bytes key = "t";
  append_be64(key, to_unsigned_millis(ended));
  key += cid.bytes();
  return key;
}

Bytes encode_holding(const Holding& holding) {
  Bytes out;
  append_varint(out, to_unsigned_millis(holding.from));
  append_varint(out, holding.ended);
  return out;
}

Result<Holding> decode_holding(ByteView bytes, WallTime ended) {
  auto from = take_time(bytes);
  if (!from) return damaged("journal");
  auto how = take_varint(bytes);
  if (!how || *how > Holding::kLost || !bytes.empty()) return damaged("journal");
  return Holding{.from = *from, .to = ended, .ended = static_cast<Holding::Ended>(*how)};
}

Bytes encode_since(WallTime time) {
  Bytes out;
  append_be64(out, to_unsigned_millis(time));
  return out;
}

Result<WallTime> decode_since(ByteView bytes) {
  if (bytes.size() != 8 || read_be64(bytes.data()) > kMaxMillis) return damaged("journal");
  return from_millis(static_cast<int64_t>(read_be64(bytes.data())));
}

Bytes encode_position(const state::FeedPosition& position) {
  Bytes out;
  append_be64(out, position.incarnation);
  append_be64(out, position.index.value);
  append_be32(out, position.n);
  return out;
}

Result<state::FeedPosition> decode_position(ByteView bytes) {
  if (bytes.size() != 20) return damaged("feed position");
  return state::FeedPosition{read_be64(bytes.data()), LogIndex(read_be64(bytes.data() + 8)),
                             read_be32(bytes.data() + 16)};
}

Bytes encode_counts(const StatusCounts& counts) {
  Bytes out;
  for (uint64_t n : counts.by_bit) append_varint(out, n);
  return out;
}

Result<StatusCounts> decode_counts(ByteView bytes) {
  StatusCounts counts;
  for (uint64_t& n : counts.by_bit) {
    auto value = take_varint(bytes);
    if (!value) return damaged("counters");
    n = *value;
  }
  return counts;
}

}  // namespace ipfsc::tracker
