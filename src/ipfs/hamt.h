// Reading sharded UnixFS directories (HAMT). Source: the UnixFS specification of IPFS, "HAMT directories". Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "ipld/dag_pb.h"
#include "ipld/unixfs.h"

namespace ipfsc::ipfs {

/// The first 64 bits of MurmurHash3 x64 128, seed 0: where a name lies in the trie.
uint64_t murmur3_x64_64(ByteView data);

/// How a trie is built.
struct HamtShape {
  unsigned bits = 8;        ///< of the hash, that one level uses
  size_t prefix_chars = 2;  ///< upper-case hexadecimal slot number in front of a link's name

  /// Of a shard node: kInvalidArgument for another hash function or a fanout that is not a power of two from 8 to 1024.
  static Result<HamtShape> of(const ipld::UnixFs& shard);
  size_t max_depth() const { return 64 / bits; }
  /// The slot's prefix of `hash` at `depth` (0 = the root shard).
  std::string prefix(uint64_t hash, size_t depth) const;
};

/// What a link of a shard is: an entry of that name, or, with an empty name, the shard below.
Result<std::string_view> hamt_entry_name(const HamtShape& shape, const ipld::PbLink& link);

}  // namespace ipfsc::ipfs
