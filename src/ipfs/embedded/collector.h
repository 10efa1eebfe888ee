// Collector: concurrent mark and sweep over the block store.
//
// Why no live block is removed, whatever runs beside it:
// * begin_collection() begins an epoch, as each writer did; the sweep removes only blocks whose epoch is older than the
//   oldest writer that was alive then (or than the collection's own). So what is written from now on stays, and so does
//   what an add that began before has written or found there already: a writer renews the epoch of an older block under
//   the stripe lock that the sweeper holds for its check-and-delete.
// * The roots are all pin records and all pins that run, read after that. A pin that begins later, or comes to a block
//   that the mark could not reach yet, renews the block's epoch when it looks at it.
// * The mark is a Bloom filter (a wrong "alive" costs space until the next collection); which nodes were walked is an
//   exact set. A node that cannot be read stops the collection before anything is removed.
// After the sweep the key files are compacted, and the blob files that hold much garbage are rewritten in slices that
// fit the free space.
#pragma once

#include <functional>
#include <memory>

#include "ipfs/embedded/core.h"
#include "ipfs/embedded/dag_walk.h"

namespace ipfsc::ipfs {

/// I/O thread only.
class Collector {
 public:
  explicit Collector(Core& core) : core_(core) {}
  /// kFailedPrecondition while one runs; kDataLoss naming the CID when a pinned node cannot be read (nothing is removed
  /// then).
  Task<GcResult> run(const std::function<void(const GcItem&)>& on_item);
  bool running() const { return running_; }

 private:
  Task<> mark(BlockMarks& marks);
  Task<> mark_below(DagWalk& walk, bool may_miss);
  Task<> sweep(const BlockMarks& marks, uint64_t before_epoch, uint64_t run,
               const std::function<void(const GcItem&)>& on_item, GcResult& result);
  Task<> free_disk();

  Core& core_;
  bool running_ = false;
};

}  // namespace ipfsc::ipfs
