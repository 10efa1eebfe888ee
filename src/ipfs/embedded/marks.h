// What a walk over DAGs remembers. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "ipld/cid.h"

namespace ipfsc::ipfs {

/// 16 bytes that stand for a CID: its digest (or, when that is short, the hash of the whole CID), mixed with the codec.
/// Two CIDs share one only if somebody finds a collision of a cryptographic hash cut to 128 bits.
struct NodeId128 {
  uint64_t high = 0, low = 0;
  static NodeId128 of(const ipld::Cid& cid);
  bool operator==(const NodeId128&) const = default;
};

/// An exact set of node ids: which nodes were walked. A wrong "seen" would hide a subtree, so it must not be a filter.
class IdSet {
 public:
  /// `salt` (random) keeps crafted ids from piling up in one place.
  IdSet(uint64_t salt, size_t max_bytes);
  /// kResourceExhausted naming the bound when the set would need more than max_bytes.
  Result<bool> insert(const NodeId128& id);  ///< true = it was new
  bool contains(const NodeId128& id) const;
  size_t size() const { return size_; }
  size_t bytes() const { return slots_.size() * sizeof(NodeId128); }

 private:
  size_t find(const NodeId128& id) const;
  Result<> grow();

  uint64_t salt_;
  size_t max_bytes_;
  std::vector<NodeId128> slots_;  // open addressing, a power of two; {0, 0} = empty
  size_t size_ = 0;
};

/// A Bloom filter over multihashes: which blocks are alive. A wrong "yes" keeps garbage until the next collection,
/// which has another seed; a wrong "no" cannot happen.
class BlockMarks {
 public:
  /// 16 bits for each of `blocks` (a wrong "yes" for 1 in 2,000), fewer when that is more than max_bytes.
  BlockMarks(uint64_t seed, uint64_t blocks, size_t max_bytes);
  void add(ByteView multihash);
  bool contains(ByteView multihash) const;
  size_t bytes() const { return bits_.size() * sizeof(uint64_t); }

 private:
  template <class F>
  bool each_bit(ByteView multihash, F f) const;
  uint64_t seed_;
  std::vector<uint64_t> bits_;
};

}  // namespace ipfsc::ipfs
