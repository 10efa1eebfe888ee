// DagWalk: visits the blocks below some roots, in slices that fit the worker pool.
#pragma once

#include <vector>

#include "ipfs/embedded/block_store.h"
#include "ipfs/embedded/marks.h"

namespace ipfsc::ipfs {

/// Goes on and on from what it remembers; used by one thread at a time, on the pool.
///
/// Only nodes that may have links are read; of raw leaves, and of dag-pb nodes that hold data only, the index row is
/// enough. Each node with links is walked once, also when many parents share it. Memory: 16 to 48 bytes for each such
/// node (bounded by `max_bytes`), plus the CIDs of those that wait, each at most once.
class DagWalk {
 public:
  /// For a pin: every block below the root must be here; what isn't is reported. The blocks are kept from a collection
  /// that runs.
  DagWalk(BlockStore& store, uint64_t salt, size_t max_bytes) : store_(store), seen_(salt, max_bytes) {}
  /// For a collection: every CID that is met, present or not, is added to `marks`, which must outlive this.
  DagWalk(BlockStore& store, uint64_t salt, size_t max_bytes, BlockMarks& marks)
      : store_(store), seen_(salt, max_bytes), marks_(&marks) {}

  /// Not recursive: only the block itself.
  Result<> add_root(const ipld::Cid& cid, bool recursive);
  /// Continues below a block that was missing and is now at hand. `data` must be verified. Not for direct pins.
  Result<> add_fetched(const ipld::Cid& cid, ByteView data, std::vector<ipld::Cid>& missing);

  struct Budget {
    size_t blocks = 4096;    ///< looked at
    size_t bytes = 8 << 20;  ///< read
    size_t missing = 256;    ///< reported; one node's links may exceed it
  };
  /// Walks until the end or the budget. Appends the CIDs of missing blocks, each once in a call. An error of a block
  /// (damaged, malformed, a codec that cannot be walked) names its CID.
  Result<> run(const Budget& budget, std::vector<ipld::Cid>& missing);
  bool done() const { return waiting_.empty(); }

  uint64_t blocks() const { return blocks_; }  ///< found here or fetched
  uint64_t bytes_read() const { return bytes_; }
  /// Of the blocks that were found: the store must have flushed it before they are durable.
  uint64_t generation() const { return generation_; }

 private:
  struct Waiting {
    ipld::Cid cid;
    bool recursive;
  };
  Result<> visit(const Waiting& item, std::vector<ipld::Cid>& missing);
  Result<> follow(const ipld::Cid& cid, ByteView data, std::vector<ipld::Cid>& missing);
  Result<bool> present(const ipld::Cid& cid, bool& plain_leaf);
  Result<> add_waiting(ipld::Cid cid, bool recursive);

  BlockStore& store_;
  IdSet seen_;
  BlockMarks* marks_ = nullptr;
  std::vector<Waiting> waiting_;  // a stack: depth first, in the order of the links
  uint64_t blocks_ = 0, bytes_ = 0, generation_ = 0;
};

/// The block's bytes when the CID itself carries them (identity hash).
std::optional<ByteView> inline_block(const ipld::Cid& cid);

}  // namespace ipfsc::ipfs
