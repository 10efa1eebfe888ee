// Paths through content: /ipfs/<cid>/a/b.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ipfs/ipfs_node.h"

namespace ipfsc::ipfs {

inline constexpr size_t kMaxPathBytes = 64 << 10;
inline constexpr size_t kMaxPathSegments = 1024;

struct IpfsPath {
  ipld::Cid root;
  std::vector<std::string> segments;  ///< as they are, not percent-decoded; empty ones and "." are left out
};

/// "/ipfs/<cid>[/name…]", "ipfs://<cid>…" or "<cid>[/name…]". kInvalidArgument saying what is wrong; kUnimplemented for
/// /ipns. ".." is refused.
Result<IpfsPath> parse_path(std::string_view path);

struct ResolvedPath {
  ipld::Cid cid;
  std::vector<ipld::Cid> parents;  ///< nodes on the way, the root first; without `cid`
  std::vector<ipld::Cid> read;     ///< every block that was read: `parents` and, behind its directory, each shard
};

/// Follows the segments: names of UnixFS directories (plain and HAMT), link names of other dag-pb nodes, keys and
/// indexes of dag-cbor. Only this node's blocks are read. kNotFound naming the segment or the missing block;
/// kInvalidArgument when the path ends inside a node instead of at one.
Task<ResolvedPath> resolve_path(IpfsNode& node, IpfsPath path);
Task<ResolvedPath> resolve_path(IpfsNode& node, std::string path);

}  // namespace ipfsc::ipfs
