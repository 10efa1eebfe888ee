// A token bucket: pure, the clock is an argument.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace ipfsc {

class RateLimiter {
 public:
  /// `per_second` tokens a second, at most `burst` saved up. per_second = 0: no limit.
  RateLimiter(double per_second, double burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}

  /// Takes `tokens` and returns how long the caller has to wait before it acts on them (zero when they were there).
  /// Debt is allowed, so a request larger than the burst passes after a longer wait.
  Duration take(double tokens, SteadyTime now) {
    if (per_second_ <= 0) return Duration::zero();
    if (last_ != SteadyTime{}) {
      tokens_ = std::min(burst_, tokens_ + per_second_ * std::chrono::duration<double>(now - last_).count());
    }
    last_ = now;
    tokens_ -= tokens;
    if (tokens_ >= 0) return Duration::zero();
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(-tokens_ / per_second_));
  }

 private:
  double per_second_;
  double burst_;
  double tokens_;
  SteadyTime last_{};
};

}  // namespace ipfsc
