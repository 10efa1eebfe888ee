// What the tracker answers: statuses, listings, counters, recover, the journal.
#include "base/log.h"
#include "tracker/pin_tracker.h"

namespace ipfsc::tracker {
namespace {

using enum model::TrackerStatus;

constexpr size_t kMaxPage = 8192;
constexpr model::StatusSet kRecoverable = kPinError | kUnpinError | model::StatusSet(kUnexpectedlyUnpinned);

class ListCursor final : public StatusCursor {
 public:
  ListCursor(TrackerImpl& tracker, std::unique_ptr<StatusReader> reader)
      : tracker_(tracker), reader_(std::move(reader)) {}

  Task<size_t> next(std::vector<model::PinInfo>& out, size_t max) override {
    std::vector<Entry> entries;
    RunningMap running;
    while (entries.empty() && !reader_->done()) {
      running = tracker_.running();
      CO_TRY(co_await run_blocking(tracker_.runtime(),
                                   [&] { return reader_->next(entries, std::min(max, kMaxPage), running); }));
    }
    size_t n = entries.size();
    for (auto& info : tracker_.show(std::move(entries), running)) out.push_back(std::move(info));
    co_return n;
  }
  bool done() const override { return reader_->done(); }
  std::string token() const override { return reader_->token(); }

 private:
  TrackerImpl& tracker_;
  std::unique_ptr<StatusReader> reader_;
};

class RecoverCursor final : public StatusCursor {
 public:
  RecoverCursor(TrackerImpl& tracker, std::unique_ptr<StatusReader> reader)
      : tracker_(tracker), reader_(std::move(reader)) {}

  Task<size_t> next(std::vector<model::PinInfo>& out, size_t max) override {
    std::vector<Entry> entries;
    while (entries.empty() && !reader_->done()) {
      RunningMap running = tracker_.running();
      size_t page = std::min(max, tracker_.options().max_batch);
      CO_TRY(co_await run_blocking(tracker_.runtime(), [&] { return reader_->next(entries, page, running); }));
    }
    std::vector<Mutation> mutations;
    std::vector<ipld::Cid> cids;
    for (auto& entry : entries) {
      cids.push_back(entry.cid);
      mutations.push_back({.cid = std::move(entry.cid), .event = Recover{}});
    }
    if (cids.empty()) co_return size_t{0};
    size_t n = cids.size();
    CO_TRY(co_await tracker_.submit(std::move(mutations)));
    CO_TRY_ASSIGN(auto infos, co_await tracker_.status_of(std::move(cids)));
    for (auto& info : infos) out.push_back(std::move(info));
    co_return n;
  }
  bool done() const override { return reader_->done(); }
  std::string token() const override { return reader_->token(); }

 private:
  TrackerImpl& tracker_;
  std::unique_ptr<StatusReader> reader_;
};

}  // namespace

uint64_t StatusCounts::in(model::StatusSet set) const {
  uint64_t sum = 0;
  for (size_t bit = 1; bit < model::kStatusBits; ++bit) {
    if (set.has(static_cast<model::TrackerStatus>(1u << bit))) sum += by_bit[bit];
  }
  return sum;
}

// --- status

ShowContext TrackerImpl::show_context() const {
  SteadyTime now = runtime_.now();
  auto& gate = dispatcher_.gate();
  return {.now = runtime_.wall_now(),
          .paused_pins = gate.pins_reason(now),
          .paused_unpins = gate.unpins_reason(),
          .priority_pin_max_retries = options_.priority_pin_max_retries};
}

std::vector<model::PinInfo> TrackerImpl::show(std::vector<Entry> entries, const RunningMap& running) const {
  ShowContext context = show_context();
  std::vector<model::PinInfo> out;
  out.reserve(entries.size());
  for (auto& entry : entries) {
    Wish wish = entry.pin ? wish_of(entry.pin->pin, options_.self) : Wish{};
    auto it = running.empty() ? running.end() : running.find(entry.cid);
    auto at = describe(wish, entry.row ? &*entry.row : nullptr, it == running.end() ? nullptr : &it->second, context);
    at.on = facts_;
    out.push_back({.pin = entry.pin ? model::PinSummary::of(std::move(entry.pin->pin))
                                    : model::PinSummary::missing(std::move(entry.cid)),
                   .at = std::move(at)});
  }
  return out;
}

model::PinInfo TrackerImpl::show_error(const ipld::Cid& cid, const Error& error) const {
  model::PinInfo info{.pin = model::PinSummary::missing(cid), .at = {}};
  info.at.on = facts_;
  info.at.status = kClusterError;
  info.at.timestamp = runtime_.wall_now();
  info.at.error = error.message;
  return info;
}

Task<std::vector<model::PinInfo>> TrackerImpl::status_of(std::vector<ipld::Cid> cids) {
  auto entries = co_await reads_.read(cids, *table_);
  if (!entries) {
    std::vector<model::PinInfo> out;
    for (const auto& cid : cids) out.push_back(show_error(cid, entries.error()));
    co_return out;
  }
  RunningMap running;
  for (const auto& cid : cids) {
    if (auto one = dispatcher_.running(cid)) running.emplace(cid, *std::move(one));
  }
  co_return show(*std::move(entries), running);
}

Task<model::PinInfo> TrackerImpl::status(ipld::Cid cid) {
  std::vector<ipld::Cid> cids(1, std::move(cid));
  CO_TRY_ASSIGN(auto infos, co_await status_of(std::move(cids)));
  co_return std::move(infos.front());
}

Result<std::unique_ptr<StatusCursor>> TrackerImpl::list(StatusQuery query) {
  TRY_ASSIGN(auto reader, StatusReader::open(*table_, query.filter, query.cursor));
  return std::make_unique<ListCursor>(*this, std::move(reader));
}

StatusCounts TrackerImpl::counts() const {
  StatusCounts counts = table_->counts();
  auto state = state_.counters();
  uint64_t here = counts.in(kPinned | kPinQueued | model::StatusSet(kPinError) | kUnexpectedlyUnpinned);
  uint64_t meta = state.by_type[static_cast<size_t>(model::PinType::kMeta)];
  counts.of(kSharded) = meta;
  counts.of(kRemote) = state.pins > here + meta ? state.pins - here - meta : 0;
  dispatcher_.correct(counts);
  return counts;
}

Activity TrackerImpl::activity() const {
  SteadyTime now = runtime_.now();
  auto& gate = dispatcher_.gate();
  Activity out{.limit = dispatcher_.limit(),
               .running = dispatcher_.running(),
               .slow = dispatcher_.slow(),
               .ready = dispatcher_.ready(),
               .paused = gate.pins_reason(now),
               .position = written_,
               .pin_adds = dispatcher_.pin_adds(),
               .pin_add_errors = dispatcher_.pin_add_errors()};
  auto until = gate.unpins_allowed() ? gate.full_until(now) : gate.probe_at();
  if (until) out.paused_until = runtime_.wall_now() + (*until - now);
  return out;
}

Duration TrackerImpl::oldest_pending() const {
  auto since = dispatcher_.oldest();
  return since ? std::max(runtime_.wall_now() - *since, Duration::zero()) : Duration::zero();
}

// --- on demand

Task<model::PinInfo> TrackerImpl::recover(ipld::Cid cid) {
  auto row = co_await run_blocking(runtime_, [&] { return table_->get(cid); });
  if (row && *row && (*row)->phase == Phase::kSettled) CO_TRY(co_await verify_one(*this, cid));
  std::vector<Mutation> mutations(1, {.cid = cid, .event = Recover{}});
  CO_TRY(co_await submit(std::move(mutations)));
  co_return co_await status(std::move(cid));
}

std::unique_ptr<StatusCursor> TrackerImpl::recover_all() {
  auto reader = StatusReader::open(*table_, kRecoverable, "");
  return std::make_unique<RecoverCursor>(*this, *std::move(reader));
}

Task<model::PinInfo> TrackerImpl::sync(ipld::Cid cid) {
  CO_TRY(co_await verify_one(*this, cid));
  co_return co_await status(std::move(cid));
}

Task<SyncReport> TrackerImpl::sync_all(std::function<Task<>(SyncFinding)> on_finding) {
  if (syncing_) co_return fail(ErrorKind::kFailedPrecondition, "a comparison with the IPFS node's pins runs already");
  syncing_ = true;
  std::shared_ptr<void> reset(nullptr, [this](void*) { syncing_ = false; });
  co_return co_await compare_all(*this, on_finding);
}

Task<std::vector<Holding>> TrackerImpl::journal(ipld::Cid cid, size_t max) {
  co_return co_await run_blocking(runtime_, [&] { return table_->journal(cid, max); });
}

Task<PastHoldings> TrackerImpl::held_at(std::vector<ipld::Cid> cids, WallTime time) {
  PastHoldings out{.since = table_->journal_since()};
  if (options_.retention > Duration::zero()) out.since = std::max(out.since, runtime_.wall_now() - options_.retention);
  CO_TRY_ASSIGN(out.then, co_await run_blocking(runtime_, [&] { return table_->held_at(cids, time); }));
  co_return out;
}

Task<> TrackerImpl::wait_for(LogIndex index, SteadyTime deadline) {
  while (written_.index < index) {
    // Entries that change nothing are not in the feed.
    state::FeedPosition from = written_;
    auto next = co_await run_blocking(runtime_, [&] { return state_.changes_after(from, 1); });
    if (next && state_.applied_index() >= index && (next->empty() || next->front().position.index > index)) break;
    if (tasks_.cancelled()) co_return fail(ErrorKind::kCancelled, "the pin tracker stops");
    if (written_ != from) continue;
    CO_TRY(co_await progress_.wait_until(deadline));
  }
  co_return Result<>();
}

void TrackerImpl::set_ipfs_identity(std::string ipfs_peer_id, std::vector<ipld::Multiaddr> addresses) {
  facts_ = model::make_peer_facts(options_.self, options_.peername, std::move(ipfs_peer_id), std::move(addresses));
}

}  // namespace ipfsc::tracker
