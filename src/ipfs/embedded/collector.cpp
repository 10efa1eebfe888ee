#include "ipfs/embedded/collector.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace ipfsc::ipfs {
namespace {

const LogComponent log("ipfs");

constexpr size_t kPinsAtOnce = 1024;
/// Live blobs that are rewritten before their old files go; never more than a part of the free space.
constexpr uint64_t kSliceBytes = 1ull << 30;

}  // namespace

Task<GcResult> Collector::run(const std::function<void(const GcItem&)>& on_item) {
  if (running_) co_return fail(ErrorKind::kFailedPrecondition, "a garbage collection is running already");
  running_ = true;
  AtExit ended([this] {
    core_.store->end_collection();
    running_ = false;
  });
  auto& store = *core_.store;
  CO_TRY_ASSIGN(uint64_t disk_before, co_await run_blocking(core_.runtime, [&] { return store.disk_bytes(); }));
  uint64_t run = store.run();
  uint64_t epoch = store.begin_collection();
  if (!core_.writer_epochs.empty()) epoch = std::min(epoch, *core_.writer_epochs.begin());

  GcResult result;
  {
    BlockMarks marks(core_.runtime.random(), store.approximate_blocks(), core_.options.gc_memory_bytes / 4);
    CO_TRY(co_await mark(marks));
    CO_TRY(co_await sweep(marks, epoch, run, on_item, result));
  }
  store.end_collection();
  if (result.removed_blocks > 0) {
    auto freed = co_await free_disk();
    if (core_.stopped) co_return stopped_error();
    CO_TRY(freed);
  }
  CO_TRY_ASSIGN(uint64_t disk_after, co_await run_blocking(core_.runtime, [&] { return store.disk_bytes(); }));
  result.freed_disk_bytes = disk_before > disk_after ? disk_before - disk_after : 0;
  log.info("garbage collection: {} blocks of {} bytes removed, {} kept, {} bytes freed on disk", result.removed_blocks,
           result.removed_bytes, result.kept_blocks, result.freed_disk_bytes);
  co_return result;
}

Task<> Collector::mark(BlockMarks& marks) {
  auto& store = *core_.store;
  DagWalk walk(store, core_.runtime.random(), core_.options.gc_memory_bytes, marks);
  // Their DAGs need not be complete. This is read after begin_collection(), on the thread that pins begin on.
  for (const auto& [cid, count] : core_.running_pins) CO_TRY(walk.add_root(cid, true));
  CO_TRY(co_await mark_below(walk, /*may_miss=*/true));
  Bytes after;
  while (true) {
    CO_TRY_ASSIGN(auto pins,
                  co_await run_blocking(core_.runtime, [&] { return store.pins_after(after, kPinsAtOnce); }));
    if (pins.empty()) co_return Result<>{};
    after = pins.back().cid.bytes();
    for (const auto& pin : pins) CO_TRY(walk.add_root(pin.cid, pin.kind == PinKind::kRecursive));
    CO_TRY(co_await mark_below(walk, /*may_miss=*/false));
  }
}

Task<> Collector::mark_below(DagWalk& walk, bool may_miss) {
  while (!walk.done()) {
    std::vector<ipld::Cid> missing;
    auto result = co_await run_blocking(
        core_.runtime, [&] { return walk.run({.blocks = core_.options.walk_blocks_at_once}, missing); });
    if (!result) co_return fail(result.error().with_context("garbage collection stopped, nothing is removed"));
    if (missing.empty() || may_miss) continue;
    co_return fail(ErrorKind::kDataLoss,
                   fmt::format("garbage collection stopped, nothing is removed: block {} of a pinned DAG is missing",
                               missing.front().to_string()));
  }
  co_return Result<>{};
}

Task<> Collector::sweep(const BlockMarks& marks, uint64_t before_epoch, uint64_t run,
                        const std::function<void(const GcItem&)>& on_item, GcResult& result) {
  auto& store = *core_.store;
  Bytes after;
  for (bool end = false; !end;) {
    std::vector<BlockStore::IndexRow> garbage;
    std::vector<bool> removed;
    auto job = [&]() -> Result<> {
      TRY_ASSIGN(auto rows, store.index_after(after, core_.options.sweep_rows_at_once));
      end = rows.empty();
      if (end) return {};
      after = rows.back().multihash;
      for (auto& row : rows) {
        if (row.entry.epoch >= before_epoch || marks.contains(row.multihash)) {
          ++result.kept_blocks;
        } else {
          garbage.push_back(std::move(row));
        }
      }
      TRY_ASSIGN(removed, store.erase_older(garbage, before_epoch, run));
      return {};
    };
    CO_TRY(co_await core_.flushes.make_room());
    CO_TRY(co_await run_blocking(core_.runtime, job));
    for (size_t i = 0; i < garbage.size(); ++i) {
      if (!removed[i]) {
        ++result.kept_blocks;
        continue;
      }
      ++result.removed_blocks;
      result.removed_bytes += garbage[i].entry.size_bytes;
      if (!on_item) continue;
      auto hash = ipld::Multihash::parse(garbage[i].multihash);
      if (hash) on_item({.cid = ipld::Cid::v1(ipld::kRaw, *hash)});
    }
  }
  co_return Result<>{};
}

Task<> Collector::free_disk() {
  auto& store = *core_.store;
  CO_TRY(co_await core_.flushes.flush());  // a compaction would do it, next to ours
  CO_TRY(co_await run_blocking(core_.runtime, [&] { return store.compact_keys(); }));
  uint64_t last_file = 0;
  for (bool more = true; more;) {
    auto job = [&]() -> Result<> {
      TRY_ASSIGN(uint64_t free, store.disk_free_bytes());
      TRY_ASSIGN(more, store.collect_blobs_slice(std::min(kSliceBytes, free / 4), last_file));
      return {};
    };
    CO_TRY(co_await run_blocking(core_.runtime, job));
  }
  co_return Result<>{};
}

}  // namespace ipfsc::ipfs
