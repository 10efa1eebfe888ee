// Reading files and directories out of an IpfsNode's own blocks (nothing is fetched).
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/runtime.h"
#include "ipfs/hamt.h"
#include "ipfs/ipfs_node.h"
#include "ipld/dag_pb.h"
#include "ipld/unixfs.h"

namespace ipfsc::ipfs {

inline constexpr size_t kMaxFileDepth = 64;  ///< levels of a file's DAG that are read

enum class ContentKind : uint8_t {
  kFile,       ///< raw blocks too
  kDirectory,  ///< plain or sharded
  kSymlink,
  kNode,  ///< something else: dag-cbor, dag-pb without UnixFS; only its block can be read
};

/// A node that was opened: its own block and what it says about itself.
struct Content {
  ipld::Cid cid;
  ContentKind kind = ContentKind::kNode;
  uint64_t size_bytes = 0;  ///< of a file's content; of other kinds, the block
  std::string target;       ///< of a symlink
  std::optional<uint32_t> mode;
  std::optional<ipld::UnixFsTime> mtime;
  Bytes block;
};

/// Errors of get_block(); kInvalidArgument naming the CID when it says UnixFS and is malformed.
Task<Content> open_content(IpfsNode& node, ipld::Cid cid);

/// Content bytes of a file, from an offset, in pieces of at most one block. The next few blocks are read at once.
/// I/O thread only; the node must outlive it.
class FileReader {
 public:
  struct Options {
    uint64_t offset = 0;           ///< beyond the end: nothing is read
    uint64_t length = UINT64_MAX;  ///< cut at the file's end
    size_t read_ahead = 4;         ///< blocks in memory
  };
  FileReader(Runtime& runtime, IpfsNode& node, Content file) : FileReader(runtime, node, std::move(file), Options{}) {}
  FileReader(Runtime& runtime, IpfsNode& node, Content file, Options options);

  /// Empty at the end. kNotFound naming the missing block; kInvalidArgument naming the node whose sizes are wrong.
  Task<Bytes> next();

 private:
  struct Part {
    ipld::Cid cid;
    uint64_t start = 0, size = 0;  // in the file, as its parent says
    size_t depth = 0;
    std::optional<Bytes> block;
  };
  Task<> load();
  Result<Bytes> open_part(Part part);
  Bytes cut(uint64_t start, Bytes bytes) const;
  bool wanted(uint64_t start, uint64_t size) const { return start < end_ && start + size > begin_; }

  Runtime& runtime_;
  IpfsNode& node_;
  size_t read_ahead_;
  uint64_t begin_, end_;
  std::deque<Part> parts_;  // still to read, in order
};

struct DirectoryEntry {
  std::string name;
  ipld::Cid cid;
  uint64_t tsize = 0;  ///< bytes of the whole DAG, as the directory says
  bool operator==(const DirectoryEntry&) const = default;
};

/// Entries of a directory: by name when it is plain, in the order of the shards when it is sharded.
/// I/O thread only; the node must outlive it.
class DirectoryReader {
 public:
  DirectoryReader(IpfsNode& node, Content directory);
  /// Appends entries to `out`, about `max` (at most one block's links more), and returns how many; 0 = the end.
  Task<size_t> next(std::vector<DirectoryEntry>& out, size_t max);

 private:
  struct Shard {
    ipld::Cid cid;
    size_t depth;
  };
  Result<> add_block(const ipld::Cid& cid, const Bytes& block, size_t depth, std::vector<DirectoryEntry>& out);

  IpfsNode& node_;
  std::optional<Content> first_;
  std::vector<Shard> shards_;  // still to read, a stack
};

}  // namespace ipfsc::ipfs
