#include "monitor/failure_detector.h"

#include <algorithm>
#include <cmath>

namespace ipfsc::monitor {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Duration FailureDetector::expected(const Arrivals& arrivals) const {
  return arrivals.interval > Duration::zero() ? arrivals.interval : options_.expected_interval;
}

void FailureDetector::heartbeat(const ipld::PeerId& peer, SteadyTime now, Duration interval) {
  auto [it, fresh] = peers_.try_emplace(peer);
  Arrivals& arrivals = it->second;
  if (arrivals.interval != interval) {
    arrivals = {.last = now, .interval = interval};
  } else if (!fresh) {
    double passed = seconds(now - arrivals.last);
    // A long silence that ended says nothing of how the peer beats.
    if (passed <= seconds(expected(arrivals) + options_.acceptable_pause) * 2) {
      arrivals.intervals.push_back(passed);
      arrivals.sum += passed;
      arrivals.squares += passed * passed;
    }
    if (arrivals.intervals.size() > options_.window) {
      double oldest = arrivals.intervals.front();
      arrivals.intervals.pop_front();
      arrivals.sum -= oldest;
      arrivals.squares -= oldest * oldest;
    }
  }
  arrivals.last = now;
}

bool FailureDetector::tick(SteadyTime now) {
  bool late = ticked_ && now - *ticked_ > options_.late_tick;
  ticked_ = now;
  if (!late) return false;
  for (auto& [peer, arrivals] : peers_) arrivals = {.last = now, .interval = arrivals.interval};
  return true;
}

void FailureDetector::watch(const ipld::PeerId& peer, SteadyTime now) {
  peers_.try_emplace(peer, Arrivals{.last = now});
}

void FailureDetector::forget(const ipld::PeerId& peer) { peers_.erase(peer); }

double FailureDetector::phi(const ipld::PeerId& peer, SteadyTime now) const {
  auto it = peers_.find(peer);
  return it == peers_.end() ? 0 : phi_of(it->second, seconds(now - it->second.last));
}

double FailureDetector::phi_of(const Arrivals& arrivals, double silence_seconds) const {
  double mean = seconds(expected(arrivals)), deviation = seconds(options_.expected_interval) / 4;
  if (!arrivals.intervals.empty()) {
    auto n = static_cast<double>(arrivals.intervals.size());
    double average = arrivals.sum / n;
    deviation = std::sqrt(std::max(0.0, arrivals.squares / n - average * average));
    mean = std::max(mean, average);
  }
  mean += seconds(options_.acceptable_pause);
  deviation = std::max(deviation, seconds(options_.least_deviation));
  // The chance that a heartbeat comes later than this, if intervals are normally distributed.
  double later = 0.5 * std::erfc((silence_seconds - mean) / deviation / std::sqrt(2.0));
  return later > 0 ? std::clamp(-std::log10(later), 0.0, kMostPhi) : kMostPhi;
}

Duration FailureDetector::detection_time() const {
  // φ grows with the silence: halve the span in which it passes the threshold. Without intervals, as for a new peer.
  double low = 0, high = 3600;
  for (int i = 0; i < 40; ++i) {
    double middle = (low + high) / 2;
    (phi_of({}, middle) >= options_.threshold ? high : low) = middle;
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(high));
}

}  // namespace ipfsc::monitor
