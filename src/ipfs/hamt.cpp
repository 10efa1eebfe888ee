#include "ipfs/hamt.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace ipfsc::ipfs {
namespace {

constexpr uint64_t kMurmur3 = 0x22;  // multicodec of murmur3-x64-64
constexpr uint64_t kMul1 = 0x87c37b91114253d5ull, kMul2 = 0x4cf5ad432745937full;

uint64_t finish(uint64_t k) {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccdull;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53ull;
  return k ^ (k >> 33);
}

uint64_t mix1(uint64_t k) { return std::rotl(k * kMul1, 31) * kMul2; }
uint64_t mix2(uint64_t k) { return std::rotl(k * kMul2, 33) * kMul1; }

/// Up to eight bytes, little-endian.
uint64_t load(ByteView bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min<size_t>(bytes.size(), 8));
  return value;
}

}  // namespace

// Austin Appleby's algorithm, 128-bit variant for 64-bit machines.
uint64_t murmur3_x64_64(ByteView data) {
  uint64_t size = data.size(), a = 0, b = 0;
  for (; data.size() >= 16; data.remove_prefix(16)) {
    a = (std::rotl(a ^ mix1(load(data)), 27) + b) * 5 + 0x52dce729;
    b = (std::rotl(b ^ mix2(load(data.substr(8))), 31) + a) * 5 + 0x38495ab5;
  }
  if (data.size() > 8) b ^= mix2(load(data.substr(8)));
  if (!data.empty()) a ^= mix1(load(data.substr(0, 8)));
  a ^= size;
  b ^= size;
  a += b;
  b += a;
  a = finish(a);
  b = finish(b);
  return a + b;
}

Result<HamtShape> HamtShape::of(const ipld::UnixFs& shard) {
  if (shard.hash_type && *shard.hash_type != kMurmur3) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("a sharded directory with hash function 0x{:x}", *shard.hash_type));
  }
  uint64_t fanout = shard.fanout.value_or(0);
  if (!std::has_single_bit(fanout) || fanout < 8 || fanout > 1024) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("a sharded directory with fanout {}", fanout));
  }
  return HamtShape{.bits = static_cast<unsigned>(std::countr_zero(fanout)),
                   .prefix_chars = fmt::format("{:X}", fanout - 1).size()};
}

std::string HamtShape::prefix(uint64_t hash, size_t depth) const {
  uint64_t slot = hash >> (64 - bits * (depth + 1)) & ((uint64_t{1} << bits) - 1);
  return fmt::format("{:0{}X}", slot, prefix_chars);
}

Result<std::string_view> hamt_entry_name(const HamtShape& shape, const ipld::PbLink& link) {
  if (link.name.size() < shape.prefix_chars) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("a sharded directory with a link named \"{}\"", link.name));
  }
  return std::string_view(link.name).substr(shape.prefix_chars);
}

}  // namespace ipfsc::ipfs
