// Alerts with a beginning and an end, for people. Pure: the caller brings the time.
//
// What is wrong now comes in as a whole, again and again (conditions_of()); the book makes of it alerts that begin,
// last and end. A peer that flaps has one alert that says so, not one for each time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/health.h"
#include "monitor/metric_store.h"
#include "monitor/peer_health.h"

namespace ipfsc::monitor {

/// Something that is wrong now. Two with the same metric name and peer are one.
struct Condition {
  model::Metric metric;  ///< the newest that came; only name and peer need be set
  std::string reason;    ///< one sentence for people
};

struct ConditionOptions {
  /// A metric other than ping that has been missing for so long is no longer expected (a tag that was taken away).
  Duration expected_for = std::chrono::hours(24);
};

/// A suspected peer is a "ping" condition; so is one whose ping expired. A peer whose heartbeats or ping are missing
/// says nothing else: its other metrics are no conditions of their own. Ordered by peer and name.
std::vector<Condition> conditions_of(const MetricStore& store, const std::vector<PeerStanding>& standings, Moment now,
                                     ConditionOptions options = {});

struct AlertBookOptions {
  /// A condition must have held for so long: after this peer itself slept everybody's metrics are expired until they
  /// come again.
  Duration confirm_after = std::chrono::seconds(2);
  /// What begins again within this time after its end is the same alert.
  Duration flap_window = std::chrono::minutes(5);
  /// Alerts kept, and conditions waiting to be confirmed. One more alert puts out the one that ended first; while all
  /// last, the condition is left out (and counted).
  size_t max_alerts = 1000;
};

/// What is worth a line in the log. At most four of an alert within a flap_window.
struct AlertEvent {
  enum Kind : uint8_t {
    kBegan,
    kEnded,
    kFlaps,  ///< it began again soon after its end: from now on it is only told when it stays quiet
  } kind = kBegan;
  model::Alert alert;
};

/// Not thread safe.
class AlertBook {
 public:
  explicit AlertBook(AlertBookOptions options = {}) : options_(options) {}

  /// All that is wrong now: what is new begins, what is missing ends. O(n log n) of conditions and alerts.
  std::vector<AlertEvent> update(const std::vector<Condition>& conditions, Moment now);

  /// For /health/alerts: newest beginning first, ended ones included.
  std::vector<model::Alert> list() const;
  size_t active() const;                         ///< that last now
  size_t left_out() const { return left_out_; }  ///< conditions without a place in a full book, at the last update

 private:
  using Key = std::pair<ipld::PeerId, std::string>;
  struct Kept {
    model::Alert alert;
    uint64_t number = 0;  // in the order of beginnings
    SteadyTime ended;     // when alert.ended_at is set
    bool told_flapping = false;
  };

  using Present = std::map<Key, const Condition*>;
  void end_missing(const Present& present, Moment now, std::vector<AlertEvent>& events);
  void retire(Moment now, std::vector<AlertEvent>& events);
  bool confirmed(const Key& key, SteadyTime now);
  void begin(const Key& key, const Condition& condition, Moment now, std::vector<AlertEvent>& events);
  bool make_room();

  AlertBookOptions options_;
  std::map<Key, SteadyTime> waiting_;  // conditions not yet confirmed, and since when
  std::map<Key, Kept> current_;        // the newest alert of each condition: lasts, or ended within flap_window
  std::deque<Kept> past_;              // older ones, by end
  uint64_t next_number_ = 0;
  size_t left_out_ = 0;
};

}  // namespace ipfsc::monitor
