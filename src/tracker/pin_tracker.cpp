#include "tracker/pin_tracker.h"

#include "base/check.h"
#include "base/deadline.h"
#include "base/log.h"
#include "tracker/row_codec.h"

namespace ipfsc::tracker {
namespace {

LogComponent log("pintracker");

constexpr Backoff kTableRetry{std::chrono::seconds(1), std::chrono::seconds(30)};
/// An entry of the index by time that lies further ahead than any delay was written by a clock that was wrong.
constexpr Duration kStateRetry = std::chrono::milliseconds(100);
constexpr Duration kClockSlack = std::chrono::minutes(1);

bool is_cancelled(const Error& error) { return error.kind == ErrorKind::kCancelled; }

TrackerOptions checked(TrackerOptions options) {
  options.max_batch = std::max<size_t>(options.max_batch, 1);
  options.max_ready = std::max<size_t>(options.max_ready, 16);
  options.sync_page = std::max<size_t>(options.sync_page, 1);
  return options;
}

}  // namespace

Result<std::unique_ptr<PinTracker>> PinTracker::open(Runtime& runtime, state::State& state, ipfs::IpfsNode& node,
                                                     FeedFactory feed, TrackerOptions options) {
  TRY_ASSIGN(auto table, Table::open(options, state, runtime.wall_now()));
  return std::make_unique<TrackerImpl>(runtime, state, node, std::move(feed), std::move(options), std::move(table));
}

TrackerImpl::TrackerImpl(Runtime& runtime, state::State& state, ipfs::IpfsNode& node, FeedFactory feed,
                         TrackerOptions options, std::unique_ptr<Table> table)
    : runtime_(runtime),
      state_(state),
      node_(node),
      feed_(std::move(feed)),
      options_(checked(std::move(options))),
      table_(std::move(table)),
      dispatcher_(
          runtime, node, options_,
          [this](ipld::Cid cid, Attempted attempted) { push({.cid = std::move(cid), .event = std::move(attempted)}); }),
      facts_(model::make_peer_facts(options_.self, options_.peername)),
      work_(runtime),
      progress_(runtime),
      started_(runtime),
      suspicion_(runtime),
      tasks_(runtime),
      reads_(runtime, tasks_) {
  written_ = fed_ = table_->position().value_or(state::FeedPosition{});
  clock_offset_ = clock_offset();
  tasks_.spawn("pintracker: writing", write_loop());
  tasks_.spawn("pintracker: feed", feed_loop());
  tasks_.spawn("pintracker: watching", watch_loop());
  tasks_.spawn("pintracker: probing", probe_loop());
  if (options_.sync_interval > Duration::zero()) tasks_.spawn("pintracker: sync", sync_loop());
  if (options_.retention > Duration::zero()) tasks_.spawn("pintracker: journal", trim_loop());
}

TrackerImpl::~TrackerImpl() { CHECK(stopped_); }

Task<> TrackerImpl::stop() {
  if (stopped_) co_return Result<>();
  tasks_.cancel();
  dispatcher_.cancel_all();
  progress_.notify_all();  // who waits for a result gets none
  co_await tasks_.join();
  co_await dispatcher_.wait_idle();
  auto written = co_await write_rest();
  stopped_ = true;
  table_->close();
  co_return written;
}

/// What ended well is recorded; what was cancelled stays queued in the table.
Task<> TrackerImpl::write_rest() {
  std::erase_if(pending_, [](const Pending& pending) {
    const auto* attempted = std::get_if<Attempted>(&pending.mutation.event);
    return !pending.has_mutation || !attempted || (attempted->error && is_cancelled(*attempted->error));
  });
  if (state_.feed_end() < fed_) pending_.clear();  // as in wait_for_work(): they will be repeated
  while (!pending_.empty()) {
    Round round = take_round();
    round.refill = round.due = false;
    auto done = co_await run_blocking(runtime_, [&] { return run_round(round); });
    if (!done) {
      log.warn("results of attempts are not recorded and will be repeated: {}", done.error().message);
      co_return done;
    }
  }
  co_return Result<>();
}

// --- writing

void TrackerImpl::push(Mutation mutation, std::optional<state::FeedPosition> position) {
  pending_.push_back({.mutation = std::move(mutation), .has_mutation = true, .position = position});
  work_.notify_all();
}

void TrackerImpl::push_position(const state::FeedPosition& position) {
  pending_.push_back({.position = position});
  work_.notify_all();
}

Task<std::vector<Outcome>> TrackerImpl::submit(std::vector<Mutation> mutations) {
  auto ticket = std::make_shared<Ticket>();
  ticket->expected = mutations.size();
  for (auto& mutation : mutations) {
    pending_.push_back({.mutation = std::move(mutation), .has_mutation = true, .ticket = ticket});
  }
  work_.notify_all();
  while (ticket->outcomes.size() < ticket->expected) {
    if (tasks_.cancelled()) co_return fail(ErrorKind::kCancelled, "the pin tracker stops");
    CO_TRY(co_await progress_.wait());
  }
  co_return std::move(ticket->outcomes);
}

bool TrackerImpl::refill_wanted() const { return refill_ && dispatcher_.ready() < options_.max_ready / 4; }

bool TrackerImpl::due_wanted() const {
  return runtime_.wall_now() >= due_at_ && dispatcher_.ready() < options_.max_ready / 2;
}

Duration TrackerImpl::clock_offset() const {
  return runtime_.wall_now().time_since_epoch() - runtime_.now().time_since_epoch();
}

/// A clock that was set back would let everything wait until it is where it was.
void TrackerImpl::check_clock() {
  Duration offset = clock_offset();
  if (offset < clock_offset_ - kClockSlack) look_at_all_due();
  clock_offset_ = offset;
}

void TrackerImpl::look_at_all_due() {
  due_at_ = {};
  due_cursor_.clear();
}

Task<> TrackerImpl::wait_for_work() {
  check_clock();
  while (pending_.empty() && !refill_wanted() && !due_wanted()) {
    if (due_at_ == WallTime::max()) {
      CO_TRY(co_await work_.wait());
      continue;
    }
    // When it is due already, the dispatcher is full: its news come by work_, but look again in any case.
    Duration until_due = due_at_ - runtime_.wall_now();
    auto wait = std::clamp<Duration>(until_due, std::chrono::milliseconds(100), std::chrono::minutes(1));
    auto woken = co_await work_.wait_until(runtime_.now() + wait);
    if (!woken && is_cancelled(woken.error())) co_return woken;
    check_clock();
  }
  // A state that was opened anew after an error is behind what was fed for a while: it says what was wanted then, and
  // the feed does not say again what has changed since.
  while (state_.feed_end() < fed_) CO_TRY(co_await runtime_.sleep_for(kStateRetry));
  co_return Result<>();
}

Task<> TrackerImpl::write_loop() {
  unsigned failures = 0;
  for (;;) {
    CO_TRY(co_await wait_for_work());
    if (tasks_.cancelled()) co_return fail(ErrorKind::kCancelled, "stopped");
    Round round = take_round();
    auto done = co_await run_blocking(runtime_, [&] { return run_round(round); });
    if (done) {
      failures = 0;
      finish_round(round);
      // Work gathers meanwhile: its syncs would hold up those that somebody waits for.
      if (pending_.size() < options_.max_batch) CO_TRY(co_await runtime_.sleep_for(options_.batch_pause));
      continue;
    }
    put_back(round);
    CO_TRY(co_await recover_table(done.error(), ++failures));
  }
}

TrackerImpl::Round TrackerImpl::take_round() {
  Round round;
  auto end = pending_.begin() + static_cast<ptrdiff_t>(std::min(pending_.size(), options_.max_batch));
  round.taken.assign(std::make_move_iterator(pending_.begin()), std::make_move_iterator(end));
  pending_.erase(pending_.begin(), end);
  round.mutations.reserve(round.taken.size());
  for (auto& pending : round.taken) {
    if (pending.has_mutation) round.mutations.push_back(std::move(pending.mutation));
    if (pending.position) round.position = pending.position;
  }
  round.moment = {.now = runtime_.wall_now(), .random = runtime_.random()};
  round.refill = refill_wanted();
  round.due = due_wanted();
  round.refill_after = refill_after_;
  round.due_cursor = due_cursor_;
  round.max_jobs = std::min(options_.max_batch, dispatcher_.room() / 2);
  return round;
}

void TrackerImpl::put_back(Round& round) {
  size_t m = 0;
  for (auto& pending : round.taken) {
    if (pending.has_mutation) pending.mutation = std::move(round.mutations[m++]);
  }
  pending_.insert(pending_.begin(), std::make_move_iterator(round.taken.begin()),
                  std::make_move_iterator(round.taken.end()));
}

Result<> TrackerImpl::run_round(Round& round) const {
  TRY_ASSIGN(round.applied, table_->apply(round.mutations, round.position, round.moment));
  if (round.refill) {
    TRY_ASSIGN(round.queued, table_->queued_jobs(round.refill_after, round.max_jobs));
  }
  if (round.due) {
    WallTime horizon = round.moment.now + longest_delay(options_.retry) + kClockSlack;
    TRY_ASSIGN(round.due_jobs, table_->due_jobs(round.due_cursor, round.moment.now, horizon, round.max_jobs));
  }
  return {};
}

void TrackerImpl::finish_mutations(Round& round) {
  WallTime now = round.moment.now;
  size_t m = 0;
  for (auto& pending : round.taken) {
    if (!pending.has_mutation) continue;
    const Outcome& outcome = round.applied.outcomes[round.applied.outcome_of[m]];
    if (std::holds_alternative<Attempted>(round.mutations[m].event)) dispatcher_.recorded(outcome.cid);
    if (pending.ticket) pending.ticket->outcomes.push_back(outcome);
    ++m;
  }
  for (const Outcome& outcome : round.applied.outcomes) {
    if (!dispatcher_.update(outcome, now)) {
      if (refill_) refill_again_ |= !refill_after_.empty();
      refill_ = true;
    }
    if (outcome.next != Next::kWait) continue;
    if (!round.due) due_at_ = std::min(due_at_, outcome.next_try);
    // Of a clock that was set back a little.
    round.due_behind |= due_key(outcome.next_try, outcome.cid) <= due_cursor_;
  }
  if (round.position) written_ = *round.position;
}

void TrackerImpl::finish_reads(Round& round) {
  if (round.refill) {
    refill_after_ = std::move(round.queued.cursor);
    for (auto& job : round.queued.jobs) dispatcher_.offer(std::move(job));
    if (refill_after_.empty()) refill_ = std::exchange(refill_again_, false);
  }
  if (round.due) {
    due_cursor_ = std::move(round.due_jobs.cursor);
    due_at_ = round.due_jobs.more ? round.moment.now : round.due_jobs.next.value_or(WallTime::max());
    for (auto& job : round.due_jobs.jobs) dispatcher_.offer(std::move(job));
  }
  if (round.due_behind) look_at_all_due();
}

void TrackerImpl::finish_round(Round& round) {
  finish_mutations(round);
  finish_reads(round);
  dispatch();
  progress_.notify_all();
}

Task<> TrackerImpl::recover_table(const Error& error, unsigned failures) {
  log.warn("the tracker's table cannot be written, trying again: {}", error.message);
  CO_TRY(co_await runtime_.sleep_for(grow(kTableRetry, failures)));
  auto reopened = co_await run_blocking(runtime_, [&] { return table_->reopen(); });
  if (!reopened) log.warn("the tracker's table cannot be opened: {}", reopened.error().message);
  co_return Result<>();
}

}  // namespace ipfsc::tracker
