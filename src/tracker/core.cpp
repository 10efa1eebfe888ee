#include "tracker/core.h"

#include <fmt/format.h>

namespace ipfsc::tracker {
namespace {

/// A new operation: towards another end, or because the old one is to be repeated from the start.
void begin(Row& row, WallTime now) {
  row.phase = Phase::kQueued;
  row.attempts = 0;
  row.since = now;
  row.next_try = {};
  row.failure = Failure::kOther;
  row.error.clear();
  row.bytes = 0;
}

/// The same operation again, now: the count of attempts stays.
void requeue(Row& row, WallTime now) {
  uint32_t attempts = row.attempts;
  begin(row, now);
  row.attempts = attempts;
}

void settle(Row& row, WallTime now) {
  begin(row, now);
  row.phase = Phase::kSettled;
  row.recent = false;
  if (!row.holding_since) row.holding_since = now;
}

/// An attempt for another end, one that was given up, ended after the node had been asked: the answer may be outdated.
void requeue_if_settled(Row& row, WallTime now) {
  if (row.phase == Phase::kSettled) begin(row, now);
}

std::optional<Holding> end_holding(Row& row, WallTime now, Holding::Ended how) {
  if (!row.holding_since) return std::nullopt;
  Holding ended{.from = *row.holding_since, .to = now, .ended = how};
  row.holding_since.reset();
  return ended;
}

Step attempt_succeeded(std::optional<Row> row, Want target, WallTime now) {
  Step out;
  if (!row) {
    // Cannot be while rows outlive attempts; but a pin that no row knows of must not stay.
    if (target == Want::kNothing) return out;
    row = Row{.want = Want::kNothing, .since = now, .holding_since = now};
  } else if (target == Want::kNothing) {
    out.ended = end_holding(*row, now, Holding::kUnpinned);
    if (row->want == Want::kNothing) {
      row.reset();
    } else {
      requeue_if_settled(*row, now);
    }
  } else if (row->want == target) {
    if (row->phase != Phase::kSettled) settle(*row, now);
  } else {
    if (!row->holding_since) row->holding_since = now;
    requeue_if_settled(*row, now);
  }
  out.row = std::move(row);
  return out;
}

Step attempt_failed(std::optional<Row> row, const Attempted& event, const Moment& moment, const RetryOptions& options) {
  if (!row) return {};
  if (row->want != event.target) {
    // A failure to reach what is not wanted any more means nothing: the row is queued towards its new end.
    requeue_if_settled(*row, moment.now);
    return {.row = std::move(row)};
  }
  if (row->phase == Phase::kSettled) return {.row = std::move(row)};
  Failure failure = classify(*event.error);
  if (failure == Failure::kCancelled) {
    requeue(*row, moment.now);
    return {.row = std::move(row)};
  }
  uint32_t attempts = row->attempts + 1;
  begin(*row, moment.now);
  row->phase = Phase::kWaiting;
  row->attempts = attempts;
  row->failure = failure;
  row->error = event.error->message.substr(0, kMaxErrorBytes);
  row->bytes = event.bytes;
  Duration delay = retry_delay(options, failure, attempts, moment.random);
  row->next_try = moment.now + std::chrono::duration_cast<std::chrono::milliseconds>(delay);
  return {.row = std::move(row)};
}

Step settled_row_observed(Row row, Want held, const Moment& moment, const RetryOptions& options) {
  if (held == row.want) return {.row = std::move(row)};
  Step out{.finding = Finding::kLost};
  if (held == Want::kNothing) out.ended = end_holding(row, moment.now, Holding::kLost);
  begin(row, moment.now);
  if (held == Want::kNothing) {
    row.phase = Phase::kLost;
    row.next_try = moment.now + std::chrono::duration_cast<std::chrono::milliseconds>(options.lost);
  }
  out.row = std::move(row);
  return out;
}

std::string amount(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) value /= 1000, ++unit;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string seconds_text(WallTime time) { return format_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); }

std::string running_reason(const Running& running) {
  if (running.target == Want::kNothing) return "unpinning";
  std::string text = fmt::format("fetching, {}", amount(running.bytes));
  if (running.idle >= std::chrono::seconds(1)) {
    text += fmt::format(", last block {} s ago", std::chrono::floor<std::chrono::seconds>(running.idle).count());
  }
  if (!running.current.empty()) text += ": " + running.current;
  return text;
}

std::string tries(uint32_t n) { return n == 1 ? "1 try" : fmt::format("{} tries", n); }

std::string queued_reason(const Row& row, const ShowContext& context) {
  const auto& paused = row.want == Want::kNothing ? context.paused_unpins : context.paused_pins;
  if (!paused.empty()) return paused;
  return row.attempts == 0 ? "waits for a free place" : tries(row.attempts) + " failed, waits for a free place";
}

std::string waiting_reason(const Row& row, WallTime now) {
  std::string when = row.next_try > now ? "next at " + seconds_text(row.next_try) : "the next is due";
  return fmt::format("{}, {}, {}", to_string(row.failure), tries(row.attempts), when);
}

void describe_row(model::PinInfoShort& out, const Row& row, const ShowContext& context) {
  out.timestamp = row.since;
  out.attempt_count = row.attempts;
  out.priority_pin = row.want != Want::kNothing && row.recent && row.attempts <= context.priority_pin_max_retries;
  switch (row.phase) {
    case Phase::kSettled:
      break;
    case Phase::kQueued:
      out.reason = queued_reason(row, context);
      break;
    case Phase::kWaiting:
      out.error = row.error;
      out.reason = waiting_reason(row, context.now);
      out.next_try = row.next_try;
      if (row.bytes > 0) out.bytes = row.bytes;
      break;
    case Phase::kLost:
      out.error = kLostError;
      out.reason =
          fmt::format("the IPFS node does not have it any more, pinned again at {}", seconds_text(row.next_try));
      out.next_try = row.next_try;
      break;
  }
}

}  // namespace

Step step(std::optional<Row> row, const Wanted& event, const Moment& moment) {
  if (!row) {
    if (event.want == Want::kNothing) return {};
    return {.row = Row{.want = event.want, .recent = event.recent, .since = moment.now}};
  }
  if (row->want != event.want) {
    begin(*row, moment.now);
    row->want = event.want;
    row->recent = event.recent && event.want != Want::kNothing;
  } else if (event.renewed && (row->phase == Phase::kWaiting || row->phase == Phase::kLost)) {
    requeue(*row, moment.now);
    row->recent = event.recent && event.want != Want::kNothing;
  }
  return {.row = std::move(row)};
}

Step step(std::optional<Row> row, const Attempted& event, const Moment& moment, const RetryOptions& options) {
  if (event.error) return attempt_failed(std::move(row), event, moment, options);
  return attempt_succeeded(std::move(row), event.target, moment.now);
}

Step step(std::optional<Row> row, const Recover&, const Moment& moment) {
  if (row && (row->phase == Phase::kWaiting || row->phase == Phase::kLost)) requeue(*row, moment.now);
  return {.row = std::move(row)};
}

Step step(std::optional<Row> row, const Observed& event, const Moment& moment, const RetryOptions& options) {
  if (!row) {
    if (event.held == Want::kNothing) return {};
    Step out{.finding = Finding::kOrphan};
    if (event.remove_orphan) out.row = Row{.want = Want::kNothing, .since = moment.now, .holding_since = moment.now};
    return out;
  }
  if (row->phase == Phase::kSettled) return settled_row_observed(*std::move(row), event.held, moment, options);
  Step out;
  if (event.held == row->want) {
    if (row->want == Want::kNothing) {
      out.ended = end_holding(*row, moment.now, Holding::kUnpinned);
      return out;
    }
    out.finding = Finding::kGained;
    settle(*row, moment.now);
  }
  out.row = std::move(row);
  return out;
}

Next next_of(const std::optional<Row>& row) {
  if (!row || row->phase == Phase::kSettled) return Next::kNothing;
  return row->phase == Phase::kQueued ? Next::kStart : Next::kWait;
}

Wish wish_of(const model::Pin& pin, const ipld::PeerId& self) {
  Wish wish{.in_pinset = true, .meta = pin.type == model::PinType::kMeta, .timestamp = pin.timestamp};
  if (pin.allocated_to(self)) wish.want = pin.direct() ? Want::kDirect : Want::kRecursive;
  return wish;
}

model::TrackerStatus row_status(const Row& row) {
  using enum model::TrackerStatus;
  bool unpin = row.want == Want::kNothing;
  switch (row.phase) {
    case Phase::kSettled:
      return kPinned;
    case Phase::kQueued:
      return unpin ? kUnpinQueued : kPinQueued;
    case Phase::kWaiting:
      return unpin ? kUnpinError : kPinError;
    case Phase::kLost:
      return kUnexpectedlyUnpinned;
  }
  return kClusterError;
}

bool agree(const Wish& wish, const Row* row) { return (row ? row->want : Want::kNothing) == wish.want; }

model::TrackerStatus status_of(const Wish& wish, const Row* row, const Running* running) {
  using enum model::TrackerStatus;
  if (!agree(wish, row)) return wish.want == Want::kNothing ? kUnpinQueued : kPinQueued;
  if (!row) return wish.meta ? kSharded : wish.in_pinset ? kRemote : kUnpinned;
  if (running && running->target == row->want && row->phase != Phase::kSettled) {
    return row->want == Want::kNothing ? kUnpinning : kPinning;
  }
  return row_status(*row);
}

model::PinInfoShort describe(const Wish& wish, const Row* row, const Running* running, const ShowContext& context) {
  using enum model::TrackerStatus;
  model::PinInfoShort out;
  out.status = status_of(wish, row, running);
  switch (out.status) {
    case kPinned:
    case kRemote:
    case kSharded:
      out.timestamp = wish.timestamp;
      break;
    case kUnpinned:
      out.timestamp = context.now;
      break;
    case kPinning:
    case kUnpinning:
      describe_row(out, *row, context);
      out.error.clear();
      out.next_try.reset();
      out.timestamp = running->since;
      out.attempt_count = row->attempts + 1;
      out.reason = running_reason(*running);
      out.bytes = running->target == Want::kNothing ? std::nullopt : std::optional(running->bytes);
      break;
    default:
      if (!agree(wish, row)) {
        out.timestamp = wish.timestamp.value_or(context.now);
        out.reason = "asked for just now";
      } else {
        describe_row(out, *row, context);
      }
  }
  return out;
}

}  // namespace ipfsc::tracker
