#include "ipld/unixfs.h"

#include <fmt/format.h>

#include <limits>

#include "ipld/wire.h"

namespace ipfsc::ipld {
namespace {

enum DataField : uint64_t {
  kType = 1,
  kData = 2,
  kFileSize = 3,
  kBlockSizes = 4,
  kHashType = 5,
  kFanout = 6,
  kMode = 7,
  kMtime = 8,
};
enum TimeField : uint64_t { kSeconds = 1, kNanoseconds = 2 };
constexpr uint32_t kNanosecondsEnd = 1'000'000'000;

std::unexpected<Error> invalid(std::string why) {
  return fail(ErrorKind::kInvalidArgument, "invalid unixfs node: " + std::move(why));
}

Result<> check_type(const wire::Field& field, wire::Type type) {
  if (field.type == type) return {};
  return fail(ErrorKind::kInvalidArgument, fmt::format("field {} has the wrong wire type", field.number));
}

Result<UnixFsTime> decode_time(ByteView in) {
  UnixFsTime time;
  bool has_seconds = false;
  while (!in.empty()) {
    TRY_ASSIGN(auto field, wire::take_field(in, false));
    if (field.number == kSeconds) {
      TRY(check_type(field, wire::kVarint));
      time.seconds = static_cast<int64_t>(field.value);
      has_seconds = true;
    } else if (field.number == kNanoseconds) {
      TRY(check_type(field, wire::kFixed32));
      if (field.value >= kNanosecondsEnd) return fail(ErrorKind::kInvalidArgument, "mtime has over 10^9 nanoseconds");
      time.nanoseconds = static_cast<uint32_t>(field.value);
    }
  }
  if (!has_seconds) return fail(ErrorKind::kInvalidArgument, "mtime without seconds");
  return time;
}

Bytes encode_time(const UnixFsTime& time) {
  Bytes out;
  wire::append_integer(out, kSeconds, static_cast<uint64_t>(time.seconds));
  if (time.nanoseconds) {
    wire::append_tag(out, kNanoseconds, wire::kFixed32);
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(*time.nanoseconds >> shift));
  }
  return out;
}

Result<> take_block_sizes(const wire::Field& field, std::vector<uint64_t>& sizes) {
  if (field.type == wire::kVarint) {
    sizes.push_back(field.value);
    return {};
  }
  TRY(check_type(field, wire::kLengthDelimited));
  for (ByteView packed = field.bytes; !packed.empty();) {
    TRY_ASSIGN(uint64_t size, wire::take_integer(packed, false));
    sizes.push_back(size);
  }
  return {};
}

Result<> take_number(const wire::Field& field, std::optional<uint64_t>& number) {
  TRY(check_type(field, wire::kVarint));
  number = field.value;
  return {};
}

Result<> take_time(const wire::Field& field, std::optional<UnixFsTime>& time) {
  TRY(check_type(field, wire::kLengthDelimited));
  TRY_ASSIGN(time, decode_time(field.bytes));
  return {};
}

Result<> take_data_field(const wire::Field& field, UnixFs& node, bool& has_type) {
  switch (field.number) {
    case kType:
      TRY(check_type(field, wire::kVarint));
      if (field.value > static_cast<uint64_t>(UnixFsType::kHamtShard)) {
        return fail(ErrorKind::kInvalidArgument, fmt::format("unknown type {}", field.value));
      }
      node.type = static_cast<UnixFsType>(field.value);
      has_type = true;
      return {};
    case kData:
      TRY(check_type(field, wire::kLengthDelimited));
      node.data = field.bytes;
      return {};
    case kFileSize:
      return take_number(field, node.file_size);
    case kBlockSizes:
      return take_block_sizes(field, node.block_sizes);
    case kHashType:
      return take_number(field, node.hash_type);
    case kFanout:
      return take_number(field, node.fanout);
    case kMode:
      TRY(check_type(field, wire::kVarint));
      if (field.value > std::numeric_limits<uint32_t>::max()) {
        return fail(ErrorKind::kInvalidArgument, "the mode has more than 32 bits");
      }
      node.mode = static_cast<uint32_t>(field.value);
      return {};
    case kMtime:
      return take_time(field, node.mtime);
    default:
      return {};
  }
}

}  // namespace

Bytes encode_unixfs(const UnixFs& node) {
  Bytes out;
  out.reserve(32 + (node.data ? node.data->size() : 0) + node.block_sizes.size() * 6);
  wire::append_integer(out, kType, static_cast<uint64_t>(node.type));
  if (node.data) wire::append_bytes(out, kData, *node.data);
  if (node.file_size) wire::append_integer(out, kFileSize, *node.file_size);
  for (uint64_t size : node.block_sizes) wire::append_integer(out, kBlockSizes, size);
  if (node.hash_type) wire::append_integer(out, kHashType, *node.hash_type);
  if (node.fanout) wire::append_integer(out, kFanout, *node.fanout);
  if (node.mode) wire::append_integer(out, kMode, *node.mode);
  if (node.mtime) wire::append_bytes(out, kMtime, encode_time(*node.mtime));
  return out;
}

Result<UnixFs> decode_unixfs(ByteView in) {
  UnixFs node;
  bool has_type = false;
  while (!in.empty()) {
    auto field = wire::take_field(in, false);
    if (!field) return invalid(std::move(field.error().message));
    if (auto taken = take_data_field(*field, node, has_type); !taken) return invalid(std::move(taken.error().message));
  }
  if (!has_type) return invalid("it has no type");
  return node;
}

}  // namespace ipfsc::ipld
