// Reconciliation: the node's own list of pins against the table, as a merge of two sorted streams.
//
// Both lists are a little old when they are compared, so a difference is only a suspicion: verify_one() asks the node
// about that CID, and the answer counts if the row has not changed meanwhile.
#include "storage/database.h"
#include "tracker/pin_tracker.h"

namespace ipfsc::tracker {
namespace {

Want want_of(ipfs::PinKind kind) {
  switch (kind) {
    case ipfs::PinKind::kDirect:
      return Want::kDirect;
    case ipfs::PinKind::kRecursive:
      return Want::kRecursive;
    case ipfs::PinKind::kNone:
    case ipfs::PinKind::kIndirect:
      break;
  }
  return Want::kNothing;
}

/// The node's pins in the order of CIDs, a page at a time.
class SortedPins {
 public:
  virtual ~SortedPins() = default;
  /// Appends some; nothing = the end.
  virtual Task<> next(std::vector<ipfs::PinnedItem>& out) = 0;
};

class FromNode final : public SortedPins {
 public:
  FromNode(std::unique_ptr<ipfs::PinList> list, size_t page) : list_(std::move(list)), page_(page) {}
  Task<> next(std::vector<ipfs::PinnedItem>& out) override {
    CO_TRY(co_await list_->next(out, page_));
    co_return Result<>();
  }

 private:
  std::unique_ptr<ipfs::PinList> list_;
  const size_t page_;
};

/// Sorts a list of any length on disk: a database that is thrown away afterwards.
class Sorted final : public SortedPins {
 public:
  Sorted(Runtime& runtime, const TrackerOptions& options) : runtime_(runtime), page_(options.sync_page) {
    database_options_.path = options.path + ".sync";
    database_options_.env = options.env;
    database_options_.write_ahead_log = false;
    database_options_.background_jobs = 1;
    storage::FamilyOptions family;
    family.name = "pins";
    family.bloom_bits_per_key = 0;
    family.write_buffer_bytes = 8 << 20;
    database_options_.families = {family};
  }
  ~Sorted() override {
    if (!database_) return;
    database_.reset();
    (void)storage::Database::destroy(database_options_);
  }

  Task<> fill(ipfs::PinList& list) {
    CO_TRY(co_await run_blocking(runtime_, [this]() -> Result<> {
      TRY(storage::Database::destroy(database_options_));
      TRY_ASSIGN(database_, storage::Database::open(database_options_));
      return {};
    }));
    for (std::vector<ipfs::PinnedItem> items;; items.clear()) {
      CO_TRY_ASSIGN(size_t n, co_await list.next(items, page_));
      if (n == 0) break;
      CO_TRY(co_await run_blocking(runtime_, [&] { return add(items); }));
    }
    co_return Result<>();
  }

  Task<> next(std::vector<ipfs::PinnedItem>& out) override {
    CO_TRY(co_await run_blocking(runtime_, [&] { return read(out); }));
    co_return Result<>();
  }

 private:
  /// A CID that is pinned in both ways counts as recursive.
  Result<> add(const std::vector<ipfs::PinnedItem>& items) {
    storage::WriteBatch batch;
    auto family = database_->family("pins");
    for (const auto& item : items) {
      if (item.kind == ipfs::PinKind::kDirect) {
        TRY_ASSIGN(bool known, database_->contains(family, item.cid.bytes()));
        if (known) continue;
      }
      char kind = static_cast<char>(item.kind);
      batch.put(family, item.cid.bytes(), ByteView(&kind, 1));
    }
    return database_->write(batch);
  }

  Result<> read(std::vector<ipfs::PinnedItem>& out) {
    storage::Iterator it(*database_, database_->family("pins"), {.lower = after_, .fill_cache = false});
    size_t n = 0;
    for (it.seek_to_first(); it.valid() && n < page_; it.next(), ++n) {
      TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(it.key()));
      out.push_back({std::move(cid), static_cast<ipfs::PinKind>(it.value().front())});
      after_ = Bytes(it.key()) + '\0';
    }
    return it.status();
  }

  Runtime& runtime_;
  const size_t page_;
  storage::DatabaseOptions database_options_;
  std::unique_ptr<storage::Database> database_;
  Bytes after_;
};

Task<std::unique_ptr<SortedPins>> sorted_pins(TrackerImpl& tracker) {
  auto list = tracker.node().list_pins();
  if (list->sorted()) {
    co_return std::make_unique<FromNode>(std::move(list), tracker.options().sync_page);
  }
  auto sorted = std::make_unique<Sorted>(tracker.runtime(), tracker.options());
  CO_TRY(co_await sorted->fill(*list));
  co_return sorted;
}

/// Whether the row says that the node should answer something else than `held`.
bool suspicious(const Row* row, Want held) {
  if (!row) return held != Want::kNothing;
  return row->phase == Phase::kSettled ? held != row->want : held == row->want && held != Want::kNothing;
}

class Comparison {
 public:
  Comparison(TrackerImpl& tracker, const std::function<Task<>(SyncFinding)>& on_finding)
      : tracker_(tracker), on_finding_(on_finding) {}

  Task<SyncReport> run() {
    CO_TRY_ASSIGN(auto pins, co_await sorted_pins(tracker_));
    for (;;) {
      CO_TRY(co_await fill(*pins));
      bool has_pin = pin_ < pins_.size(), has_row = row_ < rows_.size();
      if (!has_pin && !has_row) co_return report_;
      auto order = !has_pin   ? std::strong_ordering::greater
                   : !has_row ? std::strong_ordering::less
                              : pins_[pin_].cid <=> rows_[row_].cid;
      const ipfs::PinnedItem* pin = order <= 0 ? &pins_[pin_++] : nullptr;
      const RowAt* row = order >= 0 ? &rows_[row_++] : nullptr;
      report_.node_pins += pin != nullptr;
      report_.rows += row != nullptr;
      Want held = pin ? want_of(pin->kind) : Want::kNothing;
      if (suspicious(row ? &row->row : nullptr, held)) CO_TRY(co_await check(pin ? pin->cid : row->cid));
    }
  }

 private:
  Task<> fill(SortedPins& pins) {
    if (pin_ == pins_.size() && !pins_end_) {
      pins_.clear();
      pin_ = 0;
      CO_TRY(co_await pins.next(pins_));
      pins_end_ = pins_.empty();
    }
    if (row_ == rows_.size() && !rows_end_) {
      ipld::Cid after = rows_.empty() ? ipld::Cid() : rows_.back().cid;
      size_t page = tracker_.options().sync_page;
      auto read = [&] { return tracker_.table().rows_after(after, page); };
      CO_TRY_ASSIGN(rows_, co_await run_blocking(tracker_.runtime(), read));
      row_ = 0;
      rows_end_ = rows_.empty();
    }
    co_return Result<>();
  }

  Task<> check(ipld::Cid cid) {
    CO_TRY_ASSIGN(Outcome outcome, co_await verify_one(tracker_, cid));
    SyncFinding finding{.cid = cid, .removed = outcome.orphan_removed};
    switch (outcome.finding) {
      case Finding::kNone:
        co_return Result<>();
      case Finding::kLost:
        ++report_.lost;
        finding.kind = SyncFinding::kLost;
        break;
      case Finding::kGained:
        ++report_.gained;
        finding.kind = SyncFinding::kGained;
        break;
      case Finding::kOrphan:
        ++report_.orphans;
        report_.orphans_removed += outcome.orphan_removed;
        finding.kind = SyncFinding::kOrphan;
        break;
    }
    if (!on_finding_) co_return Result<>();
    CO_TRY_ASSIGN(finding.info, co_await tracker_.status(cid));
    co_return co_await on_finding_(std::move(finding));
  }

  TrackerImpl& tracker_;
  const std::function<Task<>(SyncFinding)>& on_finding_;
  SyncReport report_;
  std::vector<ipfs::PinnedItem> pins_;
  std::vector<RowAt> rows_;
  size_t pin_ = 0, row_ = 0;
  bool pins_end_ = false, rows_end_ = false;
};

}  // namespace

Task<Outcome> verify_one(TrackerImpl& tracker, const ipld::Cid& cid) {
  std::vector<ipld::Cid> cids(1, cid);
  auto read = [&] { return read_entries(cids, tracker.table()); };
  CO_TRY_ASSIGN(auto entries, co_await run_blocking(tracker.runtime(), read));
  Entry& entry = entries.front();
  Want wanted = entry.pin ? wish_of(entry.pin->pin, tracker.options().self).want : Want::kNothing;
  std::vector<Mutation> mutations;
  if (!entry.row && wanted != Want::kNothing) {
    mutations.push_back({.cid = cid, .event = Changed{}});  // the feed has not come so far
  } else {
    bool recursive = (entry.row ? entry.row->want : wanted) != Want::kDirect;
    CO_TRY_ASSIGN(auto kind, co_await tracker.node().pinned(cid, recursive));
    Observed observed{.held = want_of(kind), .remove_orphan = tracker.options().remove_orphans};
    mutations.push_back({.cid = cid, .event = observed, .expected = std::move(entry.row)});
  }
  CO_TRY_ASSIGN(auto outcomes, co_await tracker.submit(std::move(mutations)));
  co_return std::move(outcomes.front());
}

Task<SyncReport> compare_all(TrackerImpl& tracker, const std::function<Task<>(SyncFinding)>& on_finding) {
  Comparison comparison(tracker, on_finding);
  co_return co_await comparison.run();
}

}  // namespace ipfsc::tracker
