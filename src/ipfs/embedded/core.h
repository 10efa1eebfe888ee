// What the parts of the embedded node share. I/O thread only.
#pragma once

#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/deadline.h"
#include "base/task_group.h"
#include "ipfs/block_source.h"
#include "ipfs/embedded/at_exit.h"
#include "ipfs/embedded/block_store.h"
#include "ipfs/embedded/group_commit.h"
#include "ipfs/embedded/space_guard.h"
#include "ipfs/options.h"

namespace ipfsc::ipfs {

struct Core {
  Core(Runtime& runtime_in, EmbeddedOptions options_in, std::unique_ptr<BlockStore> store_in,
       std::vector<std::shared_ptr<BlockSource>> sources_in)
      : runtime(runtime_in),
        options(std::move(options_in)),
        store(std::move(store_in)),
        sources(std::move(sources_in)),
        commit_tasks(runtime),
        flushes(runtime, commit_tasks, *store, options.write_buffer_bytes),
        commits(runtime, commit_tasks, *store, flushes, {.max_items = options.commit_batch}),
        space(options.reserve_bytes),
        space_changed(runtime),
        stopping(runtime),
        calls_changed(runtime) {}

  Runtime& runtime;
  const EmbeddedOptions options;
  std::unique_ptr<BlockStore> store;  // null after stop()
  std::vector<std::shared_ptr<BlockSource>> sources;
  TaskGroup commit_tasks;  // writes that their callers wait for
  GroupFlush flushes;
  GroupCommit commits;
  SpaceGuard space;
  Notifier space_changed;  // the guard wants a measurement

  /// Epochs in which the writers (and fetching pins) that are alive began: a collection keeps what is not older.
  std::multiset<uint64_t> writer_epochs;
  /// Roots of pins that run: a collection that begins keeps what is below them.
  std::unordered_map<ipld::Cid, size_t> running_pins;
  size_t small_adds_bytes = 0;  // kept in memory by writers
  uint64_t bytes_since_check = 0;

  /// True once stop() began: calls end with kCancelled.
  bool stopped = false;
  Notifier stopping;
  size_t calls = 0;  // inside the node now: stop() waits for them
  Notifier calls_changed;

  void wrote(uint64_t bytes) {
    bytes_since_check += bytes;
    bool before = space.refusing();
    space.wrote(bytes);
    if (space.refusing() != before) space_changed.notify_all();
  }
};

/// A call that uses the store. `if (auto call = Call(core); !call) co_return stopped_error();`
class Call {
 public:
  explicit Call(Core& core) : core_(core), entered_(!core.stopped) {
    if (entered_) ++core_.calls;
  }
  ~Call() {
    if (entered_ && --core_.calls == 0) core_.calls_changed.notify_all();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  explicit operator bool() const { return entered_; }

 private:
  Core& core_;
  bool entered_;
};

inline std::unexpected<Error> stopped_error() { return fail(ErrorKind::kCancelled, "the IPFS node is stopping"); }

/// `task`, cancelled when the node stops.
template <class T>
Task<T> until_stop(Core& core, Task<T> task) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto first = co_await (std::move(task) || core.stopping.wait());
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return stopped_error();
}

inline std::unexpected<Error> reopened_error() {
  return fail(ErrorKind::kUnavailable, "the block store was reopened after a write error: try again");
}

/// Begins an epoch and keeps everything written in it or later from collections, while it lives.
class EpochLease {
 public:
  explicit EpochLease(Core& core) : core_(core), it_(core.writer_epochs.insert(core.store->next_epoch())) {}
  ~EpochLease() { core_.writer_epochs.erase(it_); }
  EpochLease(const EpochLease&) = delete;
  EpochLease& operator=(const EpochLease&) = delete;
  uint64_t epoch() const { return *it_; }

 private:
  Core& core_;
  std::multiset<uint64_t>::iterator it_;
};

}  // namespace ipfsc::ipfs
