// Who is silent for longer than is likely. Pure: the caller brings the time.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "base/time.h"
#include "ipld/peer_id.h"

namespace ipfsc::monitor {

struct DetectorOptions {
  /// Suspected from this φ on: a wrong suspicion has a chance of 10^−φ at the intervals that were seen.
  double threshold = 8;
  size_t window = 64;  ///< intervals kept, of each peer
  /// Before the first interval is known, and the least that is taken for the mean; unless the sender announces another.
  Duration expected_interval = std::chrono::seconds(1);
  Duration least_deviation = std::chrono::milliseconds(200);
  /// Silence that is always forgiven, on top of the mean: a pause of the sender's disk or collector.
  Duration acceptable_pause = std::chrono::seconds(2);
  /// A tick() that comes later than this after the last one tells that we were asleep, not the others.
  Duration late_tick = std::chrono::seconds(2);
};

/// The φ accrual failure detector (Hayashibara, Défago, Yared, Katayama: The φ Accrual Failure Detector, 2004), fed
/// with arrivals on the receiver's monotonic clock. Not thread safe.
class FailureDetector {
 public:
  explicit FailureDetector(DetectorOptions options) : options_(options) {}

  /// `interval`: until the next one, as the sender says; zero = options.expected_interval. Another one than before
  /// makes what was learnt of the peer's intervals worthless.
  void heartbeat(const ipld::PeerId& peer, SteadyTime now, Duration interval = {});
  /// To be called regularly. When it is late itself, what was learnt of everybody's silence is worthless: all windows
  /// are cleared and silence counts from now. Returns whether that happened.
  bool tick(SteadyTime now);
  /// A peer that is watched from now on, whether or not it was heard.
  void watch(const ipld::PeerId& peer, SteadyTime now);
  void forget(const ipld::PeerId& peer);

  /// 0 for a peer that is not watched; grows with its silence, at most kMostPhi.
  double phi(const ipld::PeerId& peer, SteadyTime now) const;
  bool suspected(const ipld::PeerId& peer, SteadyTime now) const { return phi(peer, now) >= options_.threshold; }
  /// How long a peer that was heard regularly is silent before it is suspected.
  Duration detection_time() const;

  static constexpr double kMostPhi = 300;

 private:
  struct Arrivals {
    SteadyTime last;
    Duration interval{};           // announced; zero = none
    std::deque<double> intervals;  // seconds
    double sum = 0, squares = 0;
  };
  Duration expected(const Arrivals& arrivals) const;
  double phi_of(const Arrivals& arrivals, double silence_seconds) const;

  DetectorOptions options_;
  std::map<ipld::PeerId, Arrivals> peers_;
  std::optional<SteadyTime> ticked_;
};

}  // namespace ipfsc::monitor
