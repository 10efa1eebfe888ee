// Who is down: what a majority of voters makes of its members' views. One peer's silence may be the listener's fault,
// so only what is called down here may cost something (moving copies). Pure: the caller brings the time.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "monitor/peer_health.h"

namespace ipfsc::monitor {

enum class Verdict : uint8_t {
  kUnknown = 0,  ///< no majority either way
  kUp = 1,       ///< more than half of the voters hear it
  kDown = 2,     ///< more than half of the voters suspect it
};
/// "unknown", "up", "down".
std::string_view to_string(Verdict verdict);

/// What the voters' views say of a peer. Every voter counts in the majority, whether it has a view or not (a dead one
/// has none); views of others than voters count for nothing. A view says of its own observer that it is up. Of several
/// views of one observer the first counts. O(views · log).
Verdict verdict_of(const ipld::PeerId& peer, const std::set<ipld::PeerId>& voters,
                   const std::vector<HealthView>& views);

struct DownJudgeOptions {
  Duration view_age = std::chrono::seconds(3);  ///< a view that came longer ago counts for nothing
  /// A new leader calls nobody down before this: PeerHealth::detection_time() with a little more.
  Duration leader_wait = std::chrono::seconds(6);
  size_t max_views = 64;  ///< observers; the oldest view gives way
};

/// The leader's judgement. Not thread safe.
class DownJudge {
 public:
  explicit DownJudge(DownJudgeOptions options = {}) : options_(options) {}

  /// This peer became leader, or slept as one: views that came before count for nothing, and the wait begins.
  void restart(SteadyTime now);
  /// This peer is not the leader (any more): every verdict is kUnknown. So at the beginning.
  void stop();
  /// A voter's view, the own one included. Ignored while stopped.
  void take(HealthView view, SteadyTime now);
  void forget(const ipld::PeerId& observer) { views_.erase(observer); }

  /// From the views that are young enough; kDown only after the wait. O(views · log).
  Verdict verdict(const ipld::PeerId& peer, const std::set<ipld::PeerId>& voters, SteadyTime now) const;
  /// Observers whose views count now: "who of the voters sees this so".
  std::vector<ipld::PeerId> observers(SteadyTime now) const;

 private:
  struct Taken {
    HealthView view;
    SteadyTime at;
  };
  bool young(const Taken& taken, SteadyTime now) const { return now - taken.at <= options_.view_age; }

  DownJudgeOptions options_;
  std::map<ipld::PeerId, Taken> views_;
  std::optional<SteadyTime> since_;  // leading
};

}  // namespace ipfsc::monitor
