// What the tracker does by itself: follow the feed, watch attempts, compare with the node, trim the journal.
#include "base/deadline.h"
#include "base/log.h"
#include "tracker/pin_tracker.h"

namespace ipfsc::tracker {
namespace {

LogComponent log("pintracker");

constexpr Duration kWatchInterval = std::chrono::milliseconds(250);
constexpr Duration kProbeTimeout = std::chrono::seconds(10);
constexpr Duration kTrimInterval = std::chrono::hours(1);
constexpr size_t kTrimBatch = 4096;
constexpr Backoff kFeedRetry{std::chrono::milliseconds(200), std::chrono::seconds(10)};

}  // namespace

// --- the feed

Task<> TrackerImpl::feed_loop() {
  bool lost = !table_->position().has_value();
  for (unsigned failures = 0;;) {
    Result<> ended = lost ? co_await rebuild() : co_await follow(failures);
    if (ended) {
      lost = false;
      continue;
    }
    if (ended.error().kind == ErrorKind::kCancelled) co_return ended;
    if (ended.error().kind == ErrorKind::kOutOfRange && !lost) {
      log.info("the feed of changes cannot go on behind {}: comparing the pinset with the table", fed_.index.value);
      lost = true;
      if (failures++ == 0) continue;
    } else if (failures++ == 0) {
      log.warn("the feed of changes is interrupted, trying again: {}", ended.error().message);
    }
    CO_TRY(co_await runtime_.sleep_for(grow(kFeedRetry, failures)));
  }
}

/// Ends with an error only. `failures` becomes 0 with the first changes.
Task<> TrackerImpl::follow(unsigned& failures) {
  auto stream = feed_(fed_);
  for (;;) {
    CO_TRY(co_await room_for_more());
    CO_TRY_ASSIGN(auto changes, co_await stream->next(options_.max_batch));
    if (changes.empty()) continue;
    failures = 0;
    for (auto& change : changes) {
      using enum state::Change::Kind;
      if (change.kind != kPin && change.kind != kUnpin && change.kind != kMove) continue;
      push({.cid = std::move(change.cid), .event = Changed{.renewed = change.kind == kPin}});
    }
    fed_ = changes.back().position;
    push_position(fed_);
  }
}

Task<> TrackerImpl::room_for_more() {
  while (backlogged()) CO_TRY(co_await progress_.wait());
  co_return Result<>();
}

/// The position is lost (or there never was one): what the state wants here is compared with all rows. What changes
/// meanwhile comes again by the feed.
Task<> TrackerImpl::rebuild() {
  state::FeedPosition position = state_.feed_end();
  CO_TRY_ASSIGN(auto reader, co_await run_blocking(runtime_, [&] {
                  return MergeReader::open(*table_, model::TrackerStatus::kPinned, "");
                }));
  while (!reader->done()) {
    CO_TRY(co_await room_for_more());
    std::vector<Entry> entries;
    CO_TRY(co_await run_blocking(runtime_, [&] { return reader->next(entries, options_.max_batch); }));
    for (auto& entry : entries) {
      Wish wish = entry.pin ? wish_of(entry.pin->pin, options_.self) : Wish{};
      if (!agree(wish, entry.row ? &*entry.row : nullptr)) push({.cid = std::move(entry.cid), .event = Changed{}});
    }
  }
  fed_ = position;
  push_position(position);
  co_return Result<>();
}

// --- watching

bool TrackerImpl::needs_watching() {
  return dispatcher_.running() > 0 || dispatcher_.gate().full_until(runtime_.now());
}

void TrackerImpl::dispatch() {
  dispatcher_.dispatch();
  if (needs_watching()) started_.notify_all();
  if (dispatcher_.gate().probe_at()) suspicion_.notify_all();
}

Task<> TrackerImpl::watch_loop() {
  for (;;) {
    while (!needs_watching()) CO_TRY(co_await started_.wait());
    CO_TRY(co_await runtime_.sleep_for(kWatchInterval));
    dispatcher_.watch();
  }
}

Task<> TrackerImpl::probe_loop() {
  for (;;) {
    auto at = dispatcher_.gate().probe_at();
    if (!at) {
      CO_TRY(co_await suspicion_.wait());
      continue;
    }
    if (*at > runtime_.now()) CO_TRY(co_await runtime_.sleep_until(*at));
    CO_TRY(co_await probe_node());
    dispatch();
  }
}

Task<> TrackerImpl::probe_node() {
  bool was_down = dispatcher_.gate().down();
  auto id =
      co_await with_deadline(runtime_, runtime_.now() + kProbeTimeout, "asking the IPFS node for its id", node_.id());
  if (!id && id.error().kind == ErrorKind::kCancelled) co_return fail(id.error());
  dispatcher_.gate().on_probe(id ? std::nullopt : std::optional(id.error()), runtime_.now());
  if (!id && !was_down) log.warn("no new pins and unpins for now: {}", dispatcher_.gate().unpins_reason());
  if (id && was_down) log.info("the IPFS node answers again");
  co_return Result<>();
}

// --- by the clock

Task<> TrackerImpl::sync_loop() {
  for (;;) {
    CO_TRY(co_await runtime_.sleep_for(options_.sync_interval));
    auto report = co_await sync_all({});
    if (!report) {
      if (report.error().kind == ErrorKind::kCancelled) co_return fail(report.error());
      log.warn("comparing with the IPFS node's pins: {}", report.error().message);
    } else if (report->lost + report->orphans > 0) {
      log.warn("the IPFS node lost {} pins, and has {} that the cluster does not want here", report->lost,
               report->orphans);
    }
  }
}

Task<> TrackerImpl::trim_loop() {
  for (;;) {
    WallTime before = runtime_.wall_now() - options_.retention;
    for (size_t dropped = kTrimBatch; dropped == kTrimBatch;) {
      auto trimmed = co_await run_blocking(runtime_, [&] { return table_->trim_journal(before, kTrimBatch); });
      if (!trimmed) log.warn("trimming the journal: {}", trimmed.error().message);
      dropped = trimmed.value_or(0);
    }
    CO_TRY(co_await runtime_.sleep_for(kTrimInterval));
  }
}

}  // namespace ipfsc::tracker
