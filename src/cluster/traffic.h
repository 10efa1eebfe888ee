// Traffic: how many bytes of blocks go between this peer and the others, for the metric `bandwidth`. What pins, reads
// and adds need is counted; heartbeats, the log, and what users send or get by HTTP are not.
#pragma once

#include <utility>

#include "base/time.h"
#include "monitor/informers.h"

namespace ipfsc::cluster {

/// Since the start of this process.
struct Traffic {
  uint64_t in_bytes = 0;
  uint64_t out_bytes = 0;
};

/// Makes rates of a Traffic.
class TrafficMeter {
 public:
  /// `traffic` outlives it.
  TrafficMeter(const Traffic& traffic, SteadyTime now) : traffic_(traffic), last_(traffic), at_(now) {}

  /// The mean since the last call, the first time since the meter was made; 0 when no time has passed.
  monitor::BandwidthFigures measure(SteadyTime now) {
    auto before = std::exchange(last_, traffic_);
    auto seconds = std::chrono::duration<double>(now - std::exchange(at_, now)).count();
    auto rate = [seconds](uint64_t bytes) {
      return seconds > 0 ? static_cast<uint64_t>(static_cast<double>(bytes) / seconds) : 0;
    };
    return {.in_bytes_per_second = rate(last_.in_bytes - before.in_bytes),
            .out_bytes_per_second = rate(last_.out_bytes - before.out_bytes)};
  }

 private:
  const Traffic& traffic_;
  Traffic last_;
  SteadyTime at_;
};

}  // namespace ipfsc::cluster
