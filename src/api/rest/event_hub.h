// The newest changes of the log as text, kept once for all who listen (GET /events).
//
// A listener is a position and nothing more: what it has not read yet is here, or, when it is further behind, in the
// history on disk. So a listener that reads slowly holds no memory but what its connection is sending.
#pragma once

#include <deque>
#include <memory>

#include "api/rest/change_text.h"
#include "base/notifier.h"
#include "base/task_group.h"

namespace ipfsc::api::rest {

/// What a listener wants to hear of.
struct EventFilter {
  std::vector<ipld::Cid> cids;  ///< sorted; empty = all
  uint32_t types = ~0u;         ///< set of 1 << Change::Kind
  bool wants(const state::Change& change) const;
};

/// "id: …\nevent: …\ndata: {…}\n\n".
std::string event_text(const state::Change& change);

struct EventHubOptions {
  size_t kept_events = 1024;
  size_t max_listeners = 2048;
  Duration heartbeat = std::chrono::seconds(15);
};

/// I/O thread only. stop() before destruction. It follows the log while somebody listens.
class EventHub {
 public:
  EventHub(Runtime& runtime, EventHubOptions options);
  ~EventHub();

  /// A place among the listeners; gives it back when it goes. The hub outlives it.
  class Seat {
   public:
    explicit Seat(EventHub& hub) : hub_(&hub) { ++hub.listeners_; }
    Seat(Seat&& other) noexcept : hub_(std::exchange(other.hub_, nullptr)) {}
    Seat& operator=(Seat&&) = delete;
    ~Seat() {
      if (hub_) --hub_->listeners_;
    }

   private:
    EventHub* hub_;
  };
  /// kUnavailable when all places are taken, or the hub stops. `cluster` outlives the hub's stop().
  Result<Seat> sit(cluster::Cluster& cluster);

  /// Whether everything behind `position` is here.
  bool reaches(const state::FeedPosition& position) const;
  /// Appends the events behind `position` that the filter wants, until `out` has `most_bytes` or that was all, and
  /// moves `position`. Returns the number of the first event that was not looked at: they are counted from the start.
  uint64_t take(state::FeedPosition& position, const EventFilter& filter, std::string& out, size_t most_bytes) const;
  /// Changes so far.
  uint64_t count() const { return first_number_ + events_.size(); }
  /// Grows with each heartbeat.
  uint64_t beats() const { return beats_; }
  bool stopping() const { return tasks_.cancelled(); }
  size_t listeners() const { return listeners_; }
  /// Returns when there is an event, a heartbeat, or the hub stops.
  Task<> wait() { return news_.wait(); }

  /// Wakes all listeners, which then end.
  boost::asio::awaitable<void> stop();

 private:
  struct Event {
    state::Change change;
    std::string text;
  };
  Task<> follow(cluster::Cluster& cluster);
  Task<> beat();
  void append(std::vector<state::Change> changes);
  void begin_at(const state::FeedPosition& position);

  Runtime& runtime_;
  const EventHubOptions options_;
  std::deque<Event> events_;
  state::FeedPosition begin_, end_;  // events_ are those behind begin_, up to end_
  uint64_t first_number_ = 0;        // of events_.front()
  uint64_t beats_ = 0;
  size_t listeners_ = 0;
  bool following_ = false;
  Notifier news_;
  TaskGroup tasks_;
};

}  // namespace ipfsc::api::rest
