// Status: what each peer that should hold a pin says about it.
#include <algorithm>

#include "base/gather.h"
#include "cluster/cluster.h"
#include "cluster/merged_status.h"
#include "monitor/ping.h"

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
  using Ask = std::function<Task<model::GlobalPinInfo>(ipld::Cid)>;
  ListedCursor(Runtime& runtime, Ask ask, std::vector<ipld::Cid> cids, model::StatusSet filter)
      : runtime_(runtime), ask_(std::move(ask)), cids_(std::move(cids)), filter_(filter) {}

  Task<size_t> next(std::vector<model::GlobalPinInfo>& out, size_t max) override {
    size_t before = out.size();
    while (at_ < cids_.size() && out.size() == before) {
      std::vector<Task<model::GlobalPinInfo>> asks;
      for (auto end = std::min({cids_.size(), at_ + max, at_ + kAtOnce}); at_ < end; ++at_)
        asks.push_back(ask_(cids_[at_]));
      for (auto& info : co_await gather(runtime_, std::move(asks))) {
        CO_TRY(info);
        if (info->matches(filter_)) out.push_back(*std::move(info));
      }
    }
    co_return out.size() - before;
  }
  std::string next_cursor() const override { return {}; }

 private:
  static constexpr size_t kAtOnce = 32;

  Runtime& runtime_;
  Ask ask_;
  std::vector<ipld::Cid> cids_;
  model::StatusSet filter_;
  size_t at_ = 0;
};

/// What the peer would say of itself: its name, and its IPFS node as its last ping has it.
std::shared_ptr<const model::PeerFacts> facts_of(const ipld::PeerId& peer, const PeerCalls& calls,
                                                 const std::vector<model::Metric>& pings) {
  auto facts = calls.facts(peer);
  auto last = std::ranges::find(pings, peer, &model::Metric::peer);
  if (last == pings.end()) return facts;
  auto ping = monitor::ping_from_value(last->value);
  if (!ping) return facts;
  return model::make_peer_facts(peer, facts->peername, std::move(ping->ipfs_id), std::move(ping->ipfs_addresses));
}

}  // namespace

Task<model::PinInfo> Cluster::ask_peer(ipld::PeerId peer, PinCall call, ipld::Cid cid) {
  if (peer == options_.self) {
    co_return call == PinCall::kRecover ? co_await tracker_.recover(std::move(cid))
    : call == PinCall::kSync            ? co_await tracker_.sync(std::move(cid))
                                        : co_await tracker_.status(std::move(cid));
  }
  auto info = co_await calls_.pin(peer, call, cid);
  if (info || info.error().kind == ErrorKind::kCancelled) co_return info;
  co_return model::PinInfo{.pin = model::PinSummary::missing(std::move(cid)), .at = calls_.silent(peer, info.error())};
}

/// The peers that are to hold the pin are asked at once; of the others the log says that they are not to.
Task<model::GlobalPinInfo> Cluster::ask_about(PinCall call, ipld::Cid cid, bool local) {
  CO_TRY_ASSIGN(auto here, co_await ask_peer(options_.self, call, cid));
  auto others = calls_.others();
  if (local || options_.follower_mode || others.empty()) co_return model::GlobalPinInfo::of(std::move(here));
  CO_TRY_ASSIGN(auto stored, state_.get(cid));
  bool some_only = stored && !stored->pin.allocations.empty();
  std::vector<Task<model::PinInfo>> asks;
  std::vector<ipld::PeerId> not_asked;
  for (const auto& peer : others) {
    if (some_only && !stored->pin.allocated_to(peer)) {
      not_asked.push_back(peer);
    } else {
      asks.push_back(ask_peer(peer, call, cid));
    }
  }
  auto all = model::GlobalPinInfo::of(std::move(here));
  for (auto& info : co_await gather(runtime_, std::move(asks))) {
    CO_TRY(info);
    all.add(std::move(info->at));
  }
  auto pings = not_asked.empty() ? std::vector<model::Metric>() : metrics("ping");
  for (const auto& peer : not_asked) {
    all.add({.on = facts_of(peer, calls_, pings),
             .status = model::TrackerStatus::kRemote,
             .timestamp = stored->pin.timestamp});
  }
  co_return all;
}

Task<model::GlobalPinInfo> Cluster::status(ipld::Cid cid, bool local) {
  return ask_about(PinCall::kStatus, std::move(cid), local);
}

std::unique_ptr<StatusCursor> Cluster::statuses(StatusQuery query) {
  bool local = query.local || options_.follower_mode;
  if (!query.cids.empty()) {
    auto ask = [this, local](ipld::Cid cid) { return status(std::move(cid), local); };
    return std::make_unique<ListedCursor>(runtime_, std::move(ask), std::move(query.cids), query.filter);
  }
  return list(query.filter, std::move(query.cursor), local, false);
}

std::unique_ptr<StatusCursor> Cluster::list(model::StatusSet filter, std::string cursor, bool local, bool recover) {
  if (!local && !calls_.others().empty()) {
    auto merged = merge_statuses(runtime_, calls_, tracker_, state_, options_,
                                 {.filter = filter, .cursor = std::move(cursor), .recover = recover});
    if (merged) return *std::move(merged);
    return std::make_unique<TrackedCursor>(fail(merged.error()));
  }
  if (recover) return std::make_unique<TrackedCursor>(tracker_.recover_all());
  return std::make_unique<TrackedCursor>(tracker_.list({.filter = filter, .cursor = std::move(cursor)}));
}

Task<model::GlobalPinInfo> Cluster::recover(ipld::Cid cid, bool local) {
  if (local) {
    CO_TRY_ASSIGN(auto before, co_await tracker_.status(cid));
    if (before.at.status == model::TrackerStatus::kUnpinned) {
      co_return fail(ErrorKind::kNotFound, "pin is not part of the pinset");
    }
  }
  co_return co_await ask_about(PinCall::kRecover, std::move(cid), local);
}

std::unique_ptr<StatusCursor> Cluster::recover_all(bool local) {
  return list({}, {}, local || options_.follower_mode, true);
}

Task<model::GlobalPinInfo> Cluster::sync(ipld::Cid cid, bool local) {
  return ask_about(PinCall::kSync, std::move(cid), local);
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
