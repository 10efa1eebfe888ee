// UnixFS: what a dag-pb node's data says about a file, directory or symlink. Source: the UnixFS specification of IPFS.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace ipfsc::ipld {

enum class UnixFsType : uint8_t { kRaw = 0, kDirectory = 1, kFile = 2, kMetadata = 3, kSymlink = 4, kHamtShard = 5 };

/// Seconds since 1970 and, when the encoder wrote them, nanoseconds below 10^9.
struct UnixFsTime {
  int64_t seconds = 0;
  std::optional<uint32_t> nanoseconds;
  bool operator==(const UnixFsTime&) const = default;
};

struct UnixFs {
  UnixFsType type = UnixFsType::kFile;
  std::optional<Bytes> data;                  ///< file content; a symlink's target; a HAMT shard's bit field
  std::optional<uint64_t> file_size;          ///< content bytes under this node, its own data included
  std::vector<uint64_t> block_sizes;          ///< content bytes under each link, in the links' order
  std::optional<uint64_t> hash_type, fanout;  ///< HAMT shards
  std::optional<uint32_t> mode;
  std::optional<UnixFsTime> mtime;
  bool operator==(const UnixFs&) const = default;
};

/// Fields by number, block sizes unpacked: the bytes that Kubo writes.
Bytes encode_unixfs(const UnixFs& node);

/// Takes what protobuf allows (any order, packed block sizes, unknown fields skipped, the last of a repeated scalar);
/// kInvalidArgument for truncated bytes, a missing or unknown type, or a wrong wire type.
Result<UnixFs> decode_unixfs(ByteView data);

}  // namespace ipfsc::ipld
