#include "api/rest/event_hub.h"

#include <algorithm>

#include "base/log.h"

namespace ipfsc::api::rest {
namespace {

const LogComponent kLog("restapi");
constexpr size_t kBatch = 256;
constexpr Duration kRetry = std::chrono::milliseconds(500);

}  // namespace

bool EventFilter::wants(const state::Change& change) const {
  if ((types >> change.kind & 1) == 0) return false;
  return cids.empty() || std::ranges::binary_search(cids, change.cid);
}

std::string event_text(const state::Change& change) {
  std::string out = fmt::format("id: {}\nevent: {}\ndata: ", position_text(change.position), type_name(change.kind));
  model::JsonObject object(out);
  add_change(object, change);
  object.end();
  out += "\n\n";
  return out;
}

EventHub::EventHub(Runtime& runtime, EventHubOptions options)
    : runtime_(runtime), options_(options), news_(runtime), tasks_(runtime) {}
EventHub::~EventHub() = default;

Result<EventHub::Seat> EventHub::sit(cluster::Cluster& cluster) {
  if (stopping()) return fail(ErrorKind::kUnavailable, "the peer is stopping");
  if (listeners_ >= options_.max_listeners) {
    return fail(ErrorKind::kUnavailable,
                fmt::format("{} listeners are connected to this peer, which is the most: try another peer, or later",
                            options_.max_listeners));
  }
  Seat seat(*this);
  if (!std::exchange(following_, true)) {
    begin_at(cluster.state().feed_end());
    tasks_.spawn("events", follow(cluster));
    if (beats_++ == 0) tasks_.spawn("heartbeats of events", beat());
  }
  return seat;
}

bool EventHub::reaches(const state::FeedPosition& position) const {
  return position.incarnation == begin_.incarnation && position >= begin_;
}

uint64_t EventHub::take(state::FeedPosition& position, const EventFilter& filter, std::string& out,
                        size_t most_bytes) const {
  auto first =
      std::ranges::upper_bound(events_, position, {}, [](const Event& event) { return event.change.position; });
  for (; first != events_.end() && out.size() < most_bytes; ++first) {
    if (filter.wants(first->change)) out += first->text;
    position = first->change.position;
  }
  return first_number_ + static_cast<uint64_t>(first - events_.begin());
}

/// Until nobody listens any more.
Task<> EventHub::follow(cluster::Cluster& cluster) {
  while (listeners_ > 0) {
    auto stream = cluster.feed(end_);
    Result<std::vector<state::Change>> changes;
    while (listeners_ > 0 && (changes = co_await stream->next(kBatch))) append(*std::move(changes));
    if (changes) break;
    if (changes.error().kind == ErrorKind::kCancelled) co_return fail(changes.error());
    if (changes.error().kind == ErrorKind::kOutOfRange) {
      // Another state took the place of the one that was read: who listens finds out where it stands in that.
      begin_at(cluster.state().feed_end());
      news_.notify_all();
      continue;
    }
    kLog.warn("events: the feed of changes is interrupted, trying again: {}", changes.error().message);
    CO_TRY(co_await runtime_.sleep_for(kRetry));
  }
  following_ = false;
  begin_at({});
  co_return Result<>{};
}

Task<> EventHub::beat() {
  for (;;) {
    CO_TRY(co_await runtime_.sleep_for(options_.heartbeat));
    ++beats_;
    news_.notify_all();
  }
}

void EventHub::append(std::vector<state::Change> changes) {
  for (auto& change : changes) {
    end_ = change.position;
    auto text = event_text(change);
    events_.push_back({std::move(change), std::move(text)});
    if (events_.size() <= options_.kept_events) continue;
    begin_ = events_.front().change.position;
    events_.pop_front();
    ++first_number_;
  }
  news_.notify_all();
}

void EventHub::begin_at(const state::FeedPosition& position) {
  first_number_ += events_.size();
  events_.clear();
  begin_ = end_ = position;
}

boost::asio::awaitable<void> EventHub::stop() {
  tasks_.cancel();
  news_.notify_all();
  co_await tasks_.join();
}

}  // namespace ipfsc::api::rest
