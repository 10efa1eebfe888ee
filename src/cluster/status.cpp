// Status: what each peer that should hold a pin says about it. One peer so far: this one.
#include <algorithm>

#include "cluster/cluster.h"

namespace ipfsc::cluster {
namespace {

/// Makes the tracker's per-peer items into items for the API.
class TrackedCursor final : public StatusCursor {
 public:
  explicit TrackedCursor(Result<std::unique_ptr<tracker::StatusCursor>> cursor) : cursor_(std::move(cursor)) {}

  Task<size_t> next(std::vector<model::GlobalPinInfo>& out, size_t max) override {
    if (!cursor_) co_return std::unexpected(cursor_.error());
    // A page may come back empty before the end when a filter passes over many.
    while (!(*cursor_)->done()) {
      page_.clear();
      CO_TRY_ASSIGN(size_t count, co_await (*cursor_)->next(page_, max));
      for (auto& info : page_) out.push_back(model::GlobalPinInfo::of(std::move(info)));
      if (count > 0) co_return count;
    }
    co_return 0;
  }
  std::string next_cursor() const override { return cursor_ ? (*cursor_)->token() : std::string(); }

 private:
  Result<std::unique_ptr<tracker::StatusCursor>> cursor_;
  std::vector<model::PinInfo> page_;
};

/// The listed CIDs, in order, in pages.
class ListedCursor final : public StatusCursor {
 public:
  ListedCursor(tracker::PinTracker& tracker, std::vector<ipld::Cid> cids, model::StatusSet filter)
      : tracker_(tracker), cids_(std::move(cids)), filter_(filter) {}

  Task<size_t> next(std::vector<model::GlobalPinInfo>& out, size_t max) override {
    size_t before = out.size();
    while (at_ < cids_.size() && out.size() == before) {
      auto end = std::min(cids_.size(), at_ + max);
      std::vector<ipld::Cid> page(cids_.begin() + static_cast<ptrdiff_t>(at_),
                                  cids_.begin() + static_cast<ptrdiff_t>(end));
      at_ = end;
      CO_TRY_ASSIGN(auto infos, co_await tracker_.status_of(std::move(page)));
      for (auto& info : infos) {
        if (filter_.has(info.at.status)) out.push_back(model::GlobalPinInfo::of(std::move(info)));
      }
    }
    co_return out.size() - before;
  }
  std::string next_cursor() const override { return {}; }

 private:
  tracker::PinTracker& tracker_;
  std::vector<ipld::Cid> cids_;
  model::StatusSet filter_;
  size_t at_ = 0;
};

}  // namespace

Task<model::GlobalPinInfo> Cluster::status(ipld::Cid cid, bool) {
  CO_TRY_ASSIGN(auto info, co_await tracker_.status(std::move(cid)));
  co_return model::GlobalPinInfo::of(std::move(info));
}

std::unique_ptr<StatusCursor> Cluster::statuses(StatusQuery query) {
  if (!query.cids.empty()) return std::make_unique<ListedCursor>(tracker_, std::move(query.cids), query.filter);
  return std::make_unique<TrackedCursor>(tracker_.list({.filter = query.filter, .cursor = std::move(query.cursor)}));
}

Task<model::GlobalPinInfo> Cluster::recover(ipld::Cid cid, bool local) {
  CO_TRY_ASSIGN(auto before, co_await tracker_.status(cid));
  if (local && before.at.status == model::TrackerStatus::kUnpinned) {
    co_return fail(ErrorKind::kNotFound, "pin is not part of the pinset");
  }
  CO_TRY_ASSIGN(auto info, co_await tracker_.recover(std::move(cid)));
  co_return model::GlobalPinInfo::of(std::move(info));
}

std::unique_ptr<StatusCursor> Cluster::recover_all(bool) {
  return std::make_unique<TrackedCursor>(tracker_.recover_all());
}

Task<model::GlobalPinInfo> Cluster::sync(ipld::Cid cid, bool) {
  CO_TRY_ASSIGN(auto info, co_await tracker_.sync(std::move(cid)));
  co_return model::GlobalPinInfo::of(std::move(info));
}

Task<tracker::SyncReport> Cluster::sync_all(std::function<Task<>(model::GlobalPinInfo)> each) {
  co_return co_await tracker_.sync_all([&each](tracker::SyncFinding finding) -> Task<> {
    return each(model::GlobalPinInfo::of(std::move(finding.info)));
  });
}

Result<std::unique_ptr<state::PinCursor>> Cluster::allocations(state::ListQuery query) const {
  return state_.list(std::move(query));
}

}  // namespace ipfsc::cluster
