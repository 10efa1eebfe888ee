// GroupCommit: many small adds, pins and unpins at once become one synced write; GroupFlush: many large adds one flush.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/notifier.h"
#include "base/runtime.h"
#include "base/task_group.h"
#include "ipfs/embedded/block_store.h"

namespace ipfsc::ipfs {

/// What one caller wants to be durable.
struct CommitItem {
  std::vector<ipld::Block> blocks;  ///< of a small add
  uint64_t begin_epoch = 0;         ///< of its writer
  std::optional<PinChange> pin;
  /// The pin is written only if a short walk finds its DAG complete and durable.
  bool check_complete = false;

  // Set when commit() returns.
  bool incomplete = false;  ///< not written: a long walk, a fetch or a flush is needed
  uint64_t walked_blocks = 0;
  Result<> result;
};

struct GroupCommitOptions {
  size_t max_items = 1024;        ///< that share a write
  size_t max_bytes = 8 << 20;     ///< of their blocks
  size_t quick_walk_blocks = 64;  ///< of check_complete
  size_t quick_walk_bytes = 1 << 20;
};

/// I/O thread only. The only one that flushes the store.
class GroupFlush {
 public:
  GroupFlush(Runtime& runtime, TaskGroup& tasks, BlockStore& store, uint64_t write_buffer_bytes);
  /// Everything written before the call is durable when it returns; callers that come while a flush runs share the
  /// next.
  Task<> flush();
  /// The same, when only this generation matters: at once when it is durable already.
  Task<> flush_generation(uint64_t generation);
  /// Before a write: starts a flush when the write buffer is full, waits when it is and one runs. Errors of such a
  /// flush are the store's: they meet the next write.
  Task<> make_room();

 private:
  Task<> run();  // running_ is set

  Runtime& runtime_;
  TaskGroup& tasks_;
  BlockStore& store_;
  uint64_t write_buffer_bytes_;
  Notifier done_;
  bool running_ = false;
  uint64_t started_ = 0, succeeded_ = 0, failed_ = 0;  // numbers of flushes: the last that did
  Result<> last_error_;
};

/// I/O thread only. While one group is being written the next one gathers.
class GroupCommit {
 public:
  GroupCommit(Runtime& runtime, TaskGroup& tasks, BlockStore& store, GroupFlush& flushes, GroupCommitOptions options);

  /// Returns the item's result. A caller that is cancelled leaves its item behind: it is written or not.
  Task<> commit(std::shared_ptr<CommitItem> item);

 private:
  struct Group {
    explicit Group(Runtime& runtime) : done(runtime) {}
    std::vector<std::shared_ptr<CommitItem>> items;
    size_t bytes = 0;
    bool finished = false;
    Notifier done;
  };
  Task<> run();
  void write(Group& group);           // on the pool
  void quick_walk(CommitItem& item);  // on the pool

  Runtime& runtime_;
  TaskGroup& tasks_;
  BlockStore& store_;
  GroupFlush& flushes_;
  GroupCommitOptions options_;
  std::vector<std::shared_ptr<Group>> waiting_;  // the last one is open
  bool running_ = false;
};

}  // namespace ipfsc::ipfs
