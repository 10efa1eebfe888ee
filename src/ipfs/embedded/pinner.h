// pin(): a quick way for what is small and here, shared with others; a long one that walks, fetches and flushes.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "ipfs/embedded/core.h"
#include "ipfs/embedded/dag_walk.h"

namespace ipfsc::ipfs {

Task<> pin_dag(Core& core, PinRequest request);

/// One block from the sources that reach something, in the order cluster, then public; verified. The error says what
/// each source answered.
Task<Bytes> fetch_block(Core& core, ipld::Cid cid, const FetchHints& hints, std::string& current);

/// The long way of one pin(): several workers share the walk, the missing blocks and the progress.
class LongPin {
 public:
  LongPin(Core& core, const PinRequest& request);
  Task<> run();
  const PinProgress& progress() const { return progress_; }

 private:
  Task<> worker();
  Task<> fetch_next();
  Task<> step();
  Result<> walk_and_write(std::vector<ipld::Block>& arrived, std::vector<ipld::Cid>& missing);  // on the pool
  Task<> make_durable();
  bool all_done() const;
  void report();

  Core& core_;
  const PinRequest& request_;
  FetchHints hints_;
  DagWalk walk_;                     // used by step() only, one at a time
  std::optional<EpochLease> lease_;  // from the first fetch on
  std::deque<ipld::Cid> missing_;
  std::unordered_set<ipld::Cid> wanted_;  // missing, being fetched or arrived: a leaf may be met in many places
  std::vector<ipld::Block> arrived_;      // fetched and verified, not written yet
  size_t fetching_ = 0;
  bool stepping_ = false;
  uint64_t written_bytes_ = 0;
  bool unlogged_ = false;  // fetched blocks that a flush must make durable
  Notifier changed_;
  PinProgress progress_;
  SteadyTime reported_{};
};

}  // namespace ipfsc::ipfs
