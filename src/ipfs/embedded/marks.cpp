#include "ipfs/embedded/marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace ipfsc::ipfs {
namespace {

constexpr size_t kFirstSlots = 64;

uint64_t load64(const char* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

/// A bijective mixer: every input bit changes about half of the output's.
uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  x ^= x >> 32;
  return x;
}

/// Any bytes to 64 bits, seeded. Collisions cost a little memory or time, never correctness.
uint64_t hash_bytes64(uint64_t seed, ByteView bytes) {
  uint64_t h = mix(seed + bytes.size());
  while (bytes.size() >= 8) {
    h = mix(h ^ load64(bytes.data()));
    bytes.remove_prefix(8);
  }
  uint64_t tail = 0;
  if (!bytes.empty()) std::memcpy(&tail, bytes.data(), bytes.size());
  return mix(h ^ tail);
}

}  // namespace

NodeId128 NodeId128::of(const ipld::Cid& cid) {
  ByteView digest = cid.digest();
  NodeId128 id;
  // An identity "digest" is chosen freely, so it proves nothing.
  if (digest.size() >= 32 && cid.hash_code() != static_cast<uint64_t>(ipld::HashCode::kIdentity)) {
    id = {load64(digest.data()), load64(digest.data() + 8)};
  } else {
    Bytes whole = ipld::sha2_256(cid.bytes());
    id = {load64(whole.data()), load64(whole.data() + 8)};
  }
  id.low += cid.codec() * 0x9e3779b97f4a7c15ull;
  if (id.high == 0 && id.low == 0) id.low = 1;  // {0, 0} marks an empty slot
  return id;
}

IdSet::IdSet(uint64_t salt, size_t max_bytes) : salt_(salt), max_bytes_(max_bytes), slots_(kFirstSlots) {}

size_t IdSet::find(const NodeId128& id) const {
  size_t mask = slots_.size() - 1;
  size_t at = mix(id.high ^ salt_) & mask;
  while (slots_[at] != id && slots_[at] != NodeId128{}) at = (at + 1) & mask;
  return at;
}

bool IdSet::contains(const NodeId128& id) const { return slots_[find(id)] == id; }

Result<bool> IdSet::insert(const NodeId128& id) {
  size_t at = find(id);
  if (slots_[at] == id) return false;
  if ((size_ + 1) * 4 > slots_.size() * 3) {
    TRY(grow());
    at = find(id);
  }
  slots_[at] = id;
  ++size_;
  return true;
}

Result<> IdSet::grow() {
  if (bytes() * 2 > max_bytes_) {
    return fail(ErrorKind::kResourceExhausted,
                fmt::format("walking the DAG needs more than {} MiB for the {} nodes seen so far (gc_memory_bytes)",
                            max_bytes_ >> 20, size_));
  }
  std::vector<NodeId128> old(slots_.size() * 2);
  old.swap(slots_);
  for (const auto& id : old) {
    if (id != NodeId128{}) slots_[find(id)] = id;
  }
  return {};
}

BlockMarks::BlockMarks(uint64_t seed, uint64_t blocks, size_t max_bytes) : seed_(seed) {
  uint64_t words = std::bit_ceil(std::max<uint64_t>(blocks / 4, 1024));  // 16 bits a block
  while (words * sizeof(uint64_t) > max_bytes && words > 1024) words /= 2;
  bits_.resize(words);
}

template <class F>
bool BlockMarks::each_bit(ByteView multihash, F f) const {
  // Double hashing (Kirsch and Mitzenmacher 2006) with eight probes.
  uint64_t a = hash_bytes64(seed_, multihash), b = mix(a ^ 0x5851f42d4c957f2dull) | 1;
  uint64_t mask = bits_.size() * 64 - 1;
  for (int i = 0; i < 8; ++i, a += b) {
    if (!f(a & mask)) return false;
  }
  return true;
}

void BlockMarks::add(ByteView multihash) {
  each_bit(multihash, [this](uint64_t bit) {
    bits_[bit / 64] |= uint64_t{1} << (bit % 64);
    return true;
  });
}

bool BlockMarks::contains(ByteView multihash) const {
  return each_bit(multihash, [this](uint64_t bit) { return (bits_[bit / 64] >> (bit % 64) & 1) != 0; });
}

}  // namespace ipfsc::ipfs
