// The rows of the index and of the pin table. Persistent: docs/formats.md.
#include "ipfs/embedded/block_store.h"

namespace ipfsc::ipfs {
namespace {

constexpr char kPinRecordVersion = 1;

Error damaged(const char* what) { return {ErrorKind::kDataLoss, std::string("a damaged row of ") + what}; }

}  // namespace

// varint(size × 2 + plain leaf), varint(epoch), varint(generation) unless it is 0.
Bytes Entry::encode() const {
  Bytes out;
  append_varint(out, size_bytes << 1 | (plain_leaf ? 1 : 0));
  append_varint(out, epoch);
  if (generation != 0) append_varint(out, generation);
  return out;
}

Result<Entry> Entry::decode(ByteView bytes) {
  Entry entry;
  auto size = take_varint(bytes);
  auto epoch = take_varint(bytes);
  if (!size || !epoch) return fail(damaged("the block index"));
  entry.size_bytes = *size >> 1;
  entry.plain_leaf = (*size & 1) != 0;
  entry.epoch = *epoch;
  if (!bytes.empty()) {
    auto generation = take_varint(bytes);
    if (!generation || !bytes.empty()) return fail(damaged("the block index"));
    entry.generation = *generation;
  }
  return entry;
}

// version byte, kind byte, be64(time), name.
Bytes PinRecord::encode() const {
  Bytes out{kPinRecordVersion, static_cast<char>(kind)};
  append_be64(out, static_cast<uint64_t>(time_seconds));
  return out + name;
}

Result<PinRecord> PinRecord::decode(ByteView bytes) {
  if (bytes.size() < 10 || bytes[0] != kPinRecordVersion) return fail(damaged("the pin table"));
  PinRecord record;
  record.kind = static_cast<PinKind>(bytes[1]);
  if (record.kind != PinKind::kDirect && record.kind != PinKind::kRecursive) return fail(damaged("the pin table"));
  record.time_seconds = static_cast<int64_t>(read_be64(bytes.data() + 2));
  record.name = bytes.substr(10);
  return record;
}

// Data is field 1, a link field 2: a canonical node with links begins with them.
bool is_plain_leaf(ByteView block) {
  if (block.empty()) return true;
  if (block[0] != 0x0a) return false;
  block.remove_prefix(1);
  auto size = take_varint(block);
  return size && *size == block.size();
}

}  // namespace ipfsc::ipfs
