#include "tracker/dispatcher.h"

#include "base/check.h"
#include "base/run_task.h"

namespace ipfsc::tracker {
namespace {
constexpr size_t index(auto queue) { return static_cast<size_t>(queue); }
}  // namespace

Dispatcher::Dispatcher(Runtime& runtime, ipfs::IpfsNode& node, const TrackerOptions& options,
                       std::function<void(ipld::Cid, Attempted)> on_ended)
    : runtime_(runtime),
      node_(node),
      options_(options),
      on_ended_(std::move(on_ended)),
      limit_(options.concurrency),
      gate_(options.concurrency),
      idle_(runtime) {}

// --- what is ready

Dispatcher::Queue Dispatcher::queue_of(const Job& job) {
  if (job.target == Want::kNothing) return Queue::kUnpin;
  return job.first ? Queue::kFirst : Queue::kOther;
}

void Dispatcher::make_ready(Item& item, Job job) {
  item.job = std::move(job);
  item.queue = queue_of(item.job);
  queues_[index(item.queue)].push_back(item.job.cid);
  ++waiting_[index(item.queue)];
  ++ready_;
}

void Dispatcher::remove_ready(const ipld::Cid& cid) {
  auto it = items_.find(cid);
  --waiting_[index(it->second.queue)];
  --ready_;
  items_.erase(it);
}

bool Dispatcher::update(const Outcome& outcome, WallTime now) {
  auto it = items_.find(outcome.cid);
  if (it == items_.end()) {
    if (!outcome.job) return true;
    if (room() == 0) return false;
    make_ready(items_[outcome.cid], *outcome.job);
    return true;
  }
  Item& item = it->second;
  if (item.stage != Stage::kReady) {
    // Its result comes to the table, which then decides anew. (kRecording: it is on its way there.)
    item.job.table_status = outcome.status;
    if (outcome.job) item.job.queued_since = outcome.job->queued_since;
    item.superseded = outcome.want != item.job.target || outcome.next == Next::kNothing;
    bool other_end = outcome.next != Next::kNothing && outcome.want != item.job.target;
    if (item.stage == Stage::kRunning && other_end) item.signal->emit(boost::asio::cancellation_type::terminal);
    return true;
  }
  if (outcome.job) {
    if (queue_of(*outcome.job) == item.queue) {
      item.job = *outcome.job;  // keeps its place
    } else {
      --waiting_[index(item.queue)];
      --ready_;
      make_ready(item, *outcome.job);
    }
  } else if (outcome.next == Next::kNothing || outcome.next_try > now) {
    remove_ready(outcome.cid);
  }
  return true;
}

void Dispatcher::offer(Job job) {
  auto [it, added] = items_.try_emplace(job.cid);
  if (added) make_ready(it->second, std::move(job));
}

void Dispatcher::recorded(const ipld::Cid& cid) {
  auto it = items_.find(cid);
  CHECK(it != items_.end() && it->second.stage == Stage::kRecording);
  deactivate(it->second);
  items_.erase(it);
}

void Dispatcher::deactivate(Item& item) {
  active_.back()->place = item.place;
  active_[item.place] = active_.back();
  active_.pop_back();
}

// --- choosing

bool Dispatcher::allowed(Queue queue, SteadyTime now) const {
  if (waiting_[index(queue)] == 0) return false;
  if (queue == Queue::kUnpin) return gate_.unpins_allowed();
  // What failed before may hang; it leaves places for what comes new.
  if (queue == Queue::kOther && other_running_ >= std::max(1u, limit_.limit() * 3 / 4)) return false;
  return gate_.pins_allowed(now);
}

Dispatcher::Item* Dispatcher::pop(Queue queue) {
  auto& cids = queues_[index(queue)];
  while (!cids.empty()) {
    auto it = items_.find(cids.front());
    cids.pop_front();
    if (it != items_.end() && it->second.stage == Stage::kReady && it->second.queue == queue) return &it->second;
  }
  return nullptr;
}

Dispatcher::Item* Dispatcher::pick() {
  if (running_ - slow_ >= limit_.limit() || recording() >= 2 * options_.max_batch) return nullptr;
  using enum Queue;
  // New pins first, but the others are not starved: one place in four is an unpin's, one in eight another's.
  static constexpr std::array<Queue, 3> kNewFirst = {kFirst, kUnpin, kOther};
  static constexpr std::array<Queue, 3> kUnpinFirst = {kUnpin, kFirst, kOther};
  static constexpr std::array<Queue, 3> kOtherFirst = {kOther, kFirst, kUnpin};
  uint64_t turn = picks_++ % 8;
  const auto& order = turn == 7 ? kOtherFirst : turn % 4 == 1 ? kUnpinFirst : kNewFirst;
  SteadyTime now = runtime_.now();
  for (Queue queue : order) {
    if (!allowed(queue, now)) continue;
    if (Item* item = pop(queue)) return item;
  }
  return nullptr;
}

void Dispatcher::dispatch() {
  if (dispatching_ || cancelled_) return;
  dispatching_ = true;
  while (ready_ > 0) {
    Item* item = pick();
    if (!item) break;
    start(*item);
  }
  dispatching_ = false;
}

// --- running

void Dispatcher::start(Item& item) {
  --waiting_[index(item.queue)];
  --ready_;
  ++running_;
  if (item.queue == Queue::kOther) ++other_running_;
  item.stage = Stage::kRunning;
  item.place = active_.size();
  active_.push_back(&item);
  item.started = runtime_.now();
  item.started_wall = runtime_.wall_now();
  item.signal = std::make_unique<boost::asio::cancellation_signal>();
  spawn_into(
      runtime_.executor(), attempt(&item), [this, &item](Result<> result) { ended(item, std::move(result)); },
      item.signal->slot());
}

Task<> Dispatcher::attempt(Item* item) {
  const Job& job = item->job;
  if (job.target == Want::kNothing) co_return co_await node_.unpin(job.cid);
  if (job.target == Want::kDirect) {
    // A node does not turn a recursive pin into a direct one.
    CO_TRY_ASSIGN(ipfs::PinKind kind, co_await node_.pinned(job.cid, false));
    if (kind == ipfs::PinKind::kDirect) co_return Result<>();
    if (kind == ipfs::PinKind::kRecursive) CO_TRY(co_await node_.unpin(job.cid));
  }
  co_return co_await pin(item);
}

Task<> Dispatcher::pin(Item* item) {
  ipfs::PinRequest request{.cid = item->job.cid,
                           .recursive = item->job.target == Want::kRecursive,
                           .name = item->job.name,
                           .update_from = item->job.update_from,
                           .origins = item->job.origins};
  request.on_progress = [item](const ipfs::PinProgress& progress) { item->progress = progress; };
  ++pin_adds_;
  auto pinned = co_await node_.pin(std::move(request));
  if (!pinned && pinned.error().kind != ErrorKind::kCancelled) ++pin_add_errors_;
  co_return pinned;
}

void Dispatcher::learn(const Item& item, const Result<>& result) {
  SteadyTime now = runtime_.now();
  if (result) {
    gate_.on_success();
    bool saturated = ready_ > 0 && running_ - slow_ >= limit_.limit();
    if (!item.slow) limit_.on_success(now, saturated);
  } else {
    Failure failure = classify(result.error());
    gate_.on_failure(failure, now);
    limit_.on_failure(failure, now);
  }
}

void Dispatcher::ended(Item& item, Result<> result) {
  if (!result && result.error().kind == ErrorKind::kCancelled && item.timed_out) {
    std::string text = "no progress for " + format_go_duration(timeout_of(item));
    if (!item.progress.current.empty()) text += ": " + item.progress.current;
    result = fail(ErrorKind::kDeadlineExceeded, std::move(text));
  }
  learn(item, result);
  --running_;
  if (item.slow) {
    --slow_;
  } else if (item.queue == Queue::kOther) {
    --other_running_;
  }
  item.stage = Stage::kRecording;
  Attempted attempted{.target = item.job.target, .bytes = item.progress.bytes};
  if (!result) attempted.error = std::move(result.error());
  on_ended_(item.job.cid, std::move(attempted));
  dispatch();
  if (running_ == 0) idle_.notify_all();
}

Duration Dispatcher::timeout_of(const Item& item) const {
  return item.job.target == Want::kNothing ? options_.unpin_timeout : options_.pin_timeout;
}

void Dispatcher::watch() {
  SteadyTime now = runtime_.now();
  dispatching_ = true;  // nothing is started while active_ is walked
  for (Item* each : active_) {
    Item& item = *each;
    if (item.stage != Stage::kRunning) continue;
    Duration limit = timeout_of(item);
    if (limit > Duration::zero() && !item.timed_out && now - item.last_progress() >= limit) {
      item.timed_out = true;
      item.signal->emit(boost::asio::cancellation_type::terminal);
    }
    if (!item.slow && now - item.started >= options_.concurrency.slow_after && slow_ < options_.concurrency.most_slow) {
      item.slow = true;
      ++slow_;
      if (item.queue == Queue::kOther) --other_running_;
    }
  }
  dispatching_ = false;
  dispatch();
}

// --- what is seen of it

Running Dispatcher::describe(const Item& item) const {
  return {.target = item.job.target,
          .since = item.started_wall,
          .bytes = item.progress.bytes,
          .idle = runtime_.now() - item.last_progress(),
          .current = item.progress.current};
}

std::optional<Running> Dispatcher::running(const ipld::Cid& cid) const {
  auto it = items_.find(cid);
  if (it == items_.end() || it->second.stage == Stage::kReady) return std::nullopt;
  return describe(it->second);
}

std::unordered_map<ipld::Cid, Running> Dispatcher::snapshot() const {
  std::unordered_map<ipld::Cid, Running> out;
  out.reserve(active_.size());
  for (const Item* item : active_) out.emplace(item->job.cid, describe(*item));
  return out;
}

std::optional<WallTime> Dispatcher::oldest() const {
  std::optional<WallTime> out;
  for (const auto& [cid, item] : items_) {
    auto since = item.job.queued_since;
    if (!since && item.stage != Stage::kReady) since = item.started_wall;
    if (since && (!out || *since < *out)) out = since;
  }
  return out;
}

void Dispatcher::correct(StatusCounts& counts) const {
  for (const Item* item : active_) {
    if (item->superseded) continue;
    auto& from = counts.of(item->job.table_status);
    if (from == 0) continue;
    --from;
    ++counts.of(running_status(item->job.target));
  }
}

void Dispatcher::cancel_all() {
  cancelled_ = true;
  for (Item* item : active_) {
    if (item->stage == Stage::kRunning) item->signal->emit(boost::asio::cancellation_type::terminal);
  }
}

boost::asio::awaitable<void> Dispatcher::wait_idle() {
  while (running_ > 0) (void)co_await idle_.wait();
}

}  // namespace ipfsc::tracker
