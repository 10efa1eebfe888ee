#include "tracker/concurrency.h"

#include <fmt/format.h>

#include <algorithm>

namespace ipfsc::tracker {
namespace {
constexpr unsigned kWindowAttempts = 64;  // at least so many finished attempts, and twice the limit, make a rate
constexpr unsigned kHoldWindows = 40;     // kept after a step that brought nothing
constexpr double kWorthIt = 1.05;         // a step has to bring at least so much
constexpr Duration kProbeCounts = std::chrono::seconds(1);
constexpr double kCollapse = 0.5;  // a rate below this share of the known one: the node is worse off than before
}  // namespace

ConcurrencyLimit::ConcurrencyLimit(const ConcurrencyOptions& options) : options_(options), limit_(0) {
  set_limit(options.start);
}

void ConcurrencyLimit::set_limit(unsigned limit) {
  limit_ = std::clamp(limit, std::max(options_.least, 1u), std::max(options_.most, 1u));
}

void ConcurrencyLimit::start_window(SteadyTime now) {
  window_start_ = now;
  in_window_ = 0;
  halved_in_window_ = false;
}

void ConcurrencyLimit::on_success(SteadyTime now, bool saturated) {
  if (!saturated || !window_start_) return start_window(now);
  if (++in_window_ >= std::max(kWindowAttempts, 2 * limit_)) end_window(now);
}

void ConcurrencyLimit::end_window(SteadyTime now) {
  double seconds = std::chrono::duration<double>(now - *window_start_).count();
  double rate = in_window_ / std::max(seconds, 1e-6);
  start_window(now);
  if (before_ != 0) {
    // The last step before the bound may be a small one: half of what it could bring is enough.
    double needed = std::min(kWorthIt, 1 + (static_cast<double>(limit_) / before_ - 1) / 2);
    if (rate >= rate_ * needed) {
      rate_ = rate;
    } else {
      set_limit(before_);
      hold_ = kHoldWindows;
    }
    before_ = 0;
  } else if (rate < rate_ * kCollapse) {
    set_limit(limit_ * 3 / 4);
    rate_ = rate;
    hold_ = kHoldWindows;
  } else {
    rate_ = rate_ == 0 ? rate : 0.8 * rate_ + 0.2 * rate;
  }
  if (hold_ > 0) {
    --hold_;
  } else if (limit_ < options_.most) {
    before_ = limit_;
    set_limit(limit_ + std::max(1u, limit_ / 2));
  }
}

void ConcurrencyLimit::on_failure(Failure failure, SteadyTime now) {
  if (!is_nodes_fault(failure)) return;
  if (window_start_ && halved_in_window_) return;
  set_limit(limit_ / 2);
  before_ = 0;
  rate_ = 0;
  hold_ = 1;
  start_window(now);
  halved_in_window_ = true;
}

void NodeGate::on_success() {
  unavailable_in_row_ = 0;
  full_in_row_ = 0;
  full_until_ = {};
}

void NodeGate::on_failure(Failure failure, SteadyTime now) {
  if (failure == Failure::kUnavailable) {
    if (++unavailable_in_row_ >= options_.failures_to_pause && !probe_at_ && now >= alive_until_) probe_at_ = now;
  } else if (failure == Failure::kDiskFull) {
    if (++full_in_row_ >= options_.failures_to_pause) {
      full_until_ = now + grow(options_.pause, full_in_row_ - options_.failures_to_pause + 1);
    }
  }
}

void NodeGate::on_probe(const std::optional<Error>& error, SteadyTime now) {
  if (!error) {
    probe_at_.reset();
    unavailable_in_row_ = 0;
    failed_probes_ = 0;
    down_ = false;
    alive_until_ = now + kProbeCounts;
    return;
  }
  ++failed_probes_;
  down_ = true;
  down_reason_ = fmt::format("the IPFS node does not answer: {}", error->message);
  probe_at_ = now + grow(options_.pause, failed_probes_);
}

std::optional<SteadyTime> NodeGate::full_until(SteadyTime now) const {
  if (now >= full_until_) return std::nullopt;
  return full_until_;
}

std::string NodeGate::pins_reason(SteadyTime now) const {
  if (probe_at_) return unpins_reason();
  if (now < full_until_) return "the IPFS node's disk is full";
  return {};
}

std::string NodeGate::unpins_reason() const {
  if (!probe_at_) return {};
  return down_ ? down_reason_ : "the IPFS node is asked whether it is there";
}

}  // namespace ipfsc::tracker
