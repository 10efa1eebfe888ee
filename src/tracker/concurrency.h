// How many attempts may run at once, and when none should begin. Pure: times are arguments.
#pragma once

#include <optional>
#include <string>

#include "tracker/options.h"
#include "tracker/retry.h"

namespace ipfsc::tracker {

/// Finds how many attempts the node bears, by climbing: more are allowed as long as the rate of finished attempts grows
/// with them; when it does not, the last step is taken back, and tried again later. A failure that is the node's fault
/// halves the limit (additive or faster increase, multiplicative decrease).
///
/// Only attempts that ended soon count: one that waits for the network says nothing about what the node bears.
class ConcurrencyLimit {
 public:
  explicit ConcurrencyLimit(const ConcurrencyOptions& options);

  unsigned limit() const { return limit_; }
  /// An attempt ended well. `saturated`: all places were taken when it ended, so that the rate says something.
  void on_success(SteadyTime now, bool saturated);
  void on_failure(Failure failure, SteadyTime now);

 private:
  void end_window(SteadyTime now);
  void start_window(SteadyTime now);
  void set_limit(unsigned limit);

  ConcurrencyOptions options_;
  unsigned limit_;
  unsigned before_ = 0;  // limit before the step that is being tried; 0 = none is
  double rate_ = 0;      // finished attempts a second at the last limit that was kept
  unsigned hold_ = 0;    // windows until the next step is tried
  std::optional<SteadyTime> window_start_;
  unsigned in_window_ = 0;
  bool halved_in_window_ = false;
};

/// Stops new attempts while the node itself is the reason that they fail.
///
/// "Not available" may be said of the content or of the node, so after a few of them in a row the node is probed: when
/// it answers, nothing is stopped. "Disk full" stops pins only: unpins make space.
class NodeGate {
 public:
  explicit NodeGate(const ConcurrencyOptions& options) : options_(options) {}

  void on_success();
  void on_failure(Failure failure, SteadyTime now);

  /// When the node should be probed; none = not at all.
  std::optional<SteadyTime> probe_at() const { return probe_at_; }
  void on_probe(const std::optional<Error>& error, SteadyTime now);

  bool pins_allowed(SteadyTime now) const { return !probe_at_ && now >= full_until_; }
  bool unpins_allowed() const { return !probe_at_; }
  /// The last probe had no answer.
  bool down() const { return down_; }
  /// When pins are allowed again by themselves; none = they are, or a probe decides.
  std::optional<SteadyTime> full_until(SteadyTime now) const;
  /// One sentence; empty = allowed.
  std::string pins_reason(SteadyTime now) const;
  std::string unpins_reason() const;

 private:
  ConcurrencyOptions options_;
  unsigned unavailable_in_row_ = 0;
  unsigned failed_probes_ = 0;
  bool down_ = false;
  std::string down_reason_;
  std::optional<SteadyTime> probe_at_;
  SteadyTime alive_until_{};  // an answer counts for a while
  unsigned full_in_row_ = 0;
  SteadyTime full_until_{};
};

}  // namespace ipfsc::tracker
