#include "tracker/status_reads.h"

#include <algorithm>
#include <iterator>

#include "tracker/core.h"
#include "tracker/table.h"

namespace ipfsc::tracker {
namespace {

/// So many CIDs are worth a trip of their own.
constexpr size_t kAlone = 64;

/// Entries whose halves contradict each other were read while something changed: once more.
Result<std::vector<Entry>> read_consistent(const std::vector<ipld::Cid>& cids, const Table& table) {
  TRY_ASSIGN(auto entries, read_entries(cids, table));
  for (auto& entry : entries) {
    Wish wish = entry.pin ? wish_of(entry.pin->pin, table.self()) : Wish{};
    if (!agree(wish, entry.row ? &*entry.row : nullptr)) TRY(reread(entry, table));
  }
  return entries;
}

}  // namespace

Task<std::vector<Entry>> StatusReads::read(const std::vector<ipld::Cid>& cids, const Table& table) {
  if (cids.size() >= kAlone) co_return co_await run_blocking(runtime_, [&] { return read_consistent(cids, table); });
  if (tasks_.cancelled()) co_return fail(ErrorKind::kCancelled, "the pin tracker stops");
  if (!waiting_) waiting_ = std::make_shared<Group>(runtime_);
  auto group = waiting_;
  auto first = static_cast<ptrdiff_t>(group->cids.size());
  group->cids.insert(group->cids.end(), cids.begin(), cids.end());
  if (!running_) {
    running_ = true;
    tasks_.spawn("pintracker: reading statuses", run(table));
  }
  while (!group->finished) CO_TRY(co_await group->done.wait());
  CO_TRY(group->result);
  auto from = group->entries.begin() + first;
  co_return std::vector<Entry>(std::move_iterator(from),
                               std::move_iterator(from + static_cast<ptrdiff_t>(cids.size())));
}

Task<> StatusReads::run(const Table& table) {
  struct End {
    StatusReads& reads;
    std::shared_ptr<Group> group;
    void finish() {
      if (!group) return;
      group->finished = true;
      group->done.notify_all();
    }
    ~End() {
      finish();
      group = std::exchange(reads.waiting_, nullptr);
      finish();
      reads.running_ = false;
    }
  } end{*this, nullptr};
  while (waiting_) {
    end.group = std::exchange(waiting_, nullptr);
    auto entries = co_await run_blocking(runtime_, [&] { return read_consistent(end.group->cids, table); });
    if (entries) {
      end.group->entries = *std::move(entries);
      end.group->result = {};
    } else {
      end.group->result = fail(std::move(entries).error());
    }
    end.finish();
    end.group = nullptr;
  }
  co_return Result<>{};
}

}  // namespace ipfsc::tracker
