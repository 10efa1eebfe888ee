#include "ipfs/embedded/group_commit.h"

#include <algorithm>

#include "ipfs/embedded/at_exit.h"
#include "ipfs/embedded/dag_walk.h"

namespace ipfsc::ipfs {

GroupCommit::GroupCommit(Runtime& runtime, TaskGroup& tasks, BlockStore& store, GroupFlush& flushes,
                         GroupCommitOptions options)
    : runtime_(runtime), tasks_(tasks), store_(store), flushes_(flushes), options_(options) {}

Task<> GroupCommit::commit(std::shared_ptr<CommitItem> item) {
  size_t bytes = 0;
  for (const auto& block : item->blocks) bytes += block.data.size();
  if (waiting_.empty() || waiting_.back()->items.size() >= options_.max_items ||
      waiting_.back()->bytes + bytes > options_.max_bytes) {
    waiting_.push_back(std::make_shared<Group>(runtime_));
  }
  auto group = waiting_.back();
  group->items.push_back(item);
  group->bytes += bytes;
  if (!running_) {
    running_ = true;
    tasks_.spawn("commit to the block store", run());
  }
  while (!group->finished) CO_TRY(co_await group->done.wait());
  co_return item->result;
}

Task<> GroupCommit::run() {
  AtExit stopped([this] { running_ = false; });
  while (!waiting_.empty()) {
    auto group = waiting_.front();
    waiting_.erase(waiting_.begin());
    CO_TRY(co_await flushes_.make_room());
    CO_TRY(co_await run_blocking(runtime_, [&]() -> Result<> {
      write(*group);
      return {};
    }));
    group->finished = true;
    group->done.notify_all();
  }
  co_return Result<>{};
}

void GroupCommit::quick_walk(CommitItem& item) {
  PinChange& change = *item.pin;
  auto there = store_.pin(change.cid);
  if (!there) {
    item.result = fail(std::move(there).error());
    return;
  }
  // What is pinned is complete.
  if (*there && ((*there)->kind == PinKind::kRecursive || (*there)->kind == change.record->kind)) return;
  DagWalk walk(store_, /*salt=*/0, options_.quick_walk_bytes);
  std::vector<ipld::Cid> missing;
  item.result = walk.add_root(change.cid, change.record->kind == PinKind::kRecursive);
  if (item.result) {
    item.result =
        walk.run({.blocks = options_.quick_walk_blocks, .bytes = options_.quick_walk_bytes, .missing = 1}, missing);
  }
  item.incomplete = !missing.empty() || !walk.done() || walk.generation() > store_.flushed_generation();
  item.walked_blocks = walk.blocks();
}

void GroupCommit::write(Group& group) {
  std::vector<const ipld::Block*> blocks;
  std::vector<const PinChange*> pins;
  uint64_t begin_epoch = 0;
  for (auto& item : group.items) {
    if (item->pin && item->check_complete) quick_walk(*item);
    if (!item->result || item->incomplete) continue;
    begin_epoch = std::max(begin_epoch, item->begin_epoch);
    for (const auto& block : item->blocks) blocks.push_back(&block);
    if (item->pin) pins.push_back(&*item->pin);
  }
  if (blocks.empty() && pins.empty()) return;
  auto written = store_.write(blocks, pins, begin_epoch, BlockStore::Durability::kSynced);
  if (written) return;
  for (auto& item : group.items) {
    if (item->result && !item->incomplete) item->result = fail(written.error());
  }
}

// --- GroupFlush

GroupFlush::GroupFlush(Runtime& runtime, TaskGroup& tasks, BlockStore& store, uint64_t write_buffer_bytes)
    : runtime_(runtime), tasks_(tasks), store_(store), write_buffer_bytes_(write_buffer_bytes), done_(runtime) {}

Task<> GroupFlush::run() {
  AtExit done([this] {
    running_ = false;
    done_.notify_all();
  });
  uint64_t number = ++started_;
  auto result = co_await run_blocking(runtime_, [this] { return store_.flush(); });
  if (result) {
    succeeded_ = number;
  } else {
    failed_ = number;
    last_error_ = result;
  }
  co_return result;
}

Task<> GroupFlush::flush() {
  uint64_t wanted = started_ + 1;  // one that starts from now on
  while (succeeded_ < wanted) {
    if (running_) {
      CO_TRY(co_await done_.wait());
      if (failed_ >= wanted && succeeded_ < wanted) co_return last_error_;
      continue;
    }
    running_ = true;
    CO_TRY(co_await run());
  }
  co_return Result<>{};
}

Task<> GroupFlush::flush_generation(uint64_t generation) {
  if (generation <= store_.flushed_generation()) co_return Result<>{};
  co_return co_await flush();
}

Task<> GroupFlush::make_room() {
  while (running_ && store_.unflushed_bytes() >= write_buffer_bytes_) CO_TRY(co_await done_.wait());
  if (running_ || store_.unflushed_bytes() < write_buffer_bytes_) co_return Result<>{};
  running_ = true;
  tasks_.spawn("flush the block store", [](GroupFlush& flushes) -> Task<> {
    (void)co_await flushes.run();
    co_return Result<>{};
  }(*this));
  co_return Result<>{};
}

}  // namespace ipfsc::ipfs
