#include "tracker/retry.h"

#include <algorithm>

namespace ipfsc::tracker {
namespace {

const Backoff& backoff_for(const RetryOptions& options, Failure failure) {
  switch (failure) {
    case Failure::kNotFound:
      return options.not_found;
    case Failure::kTimeout:
      return options.timeout;
    case Failure::kDiskFull:
      return options.disk_full;
    case Failure::kUnavailable:
      return options.unavailable;
    case Failure::kOther:
    case Failure::kCancelled:
      break;
  }
  return options.other;
}

}  // namespace

std::string_view to_string(Failure failure) {
  switch (failure) {
    case Failure::kOther:
      return "failed";
    case Failure::kNotFound:
      return "content not found";
    case Failure::kTimeout:
      return "no progress";
    case Failure::kDiskFull:
      return "disk full";
    case Failure::kUnavailable:
      return "not available now";
    case Failure::kCancelled:
      return "cancelled";
  }
  return "failed";
}

Failure classify(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kCancelled:
      return Failure::kCancelled;
    case ErrorKind::kNotFound:
      return Failure::kNotFound;
    case ErrorKind::kDeadlineExceeded:
      return Failure::kTimeout;
    case ErrorKind::kResourceExhausted:
      return Failure::kDiskFull;
    case ErrorKind::kUnavailable:
      return Failure::kUnavailable;
    default:
      return Failure::kOther;
  }
}

Duration grow(const Backoff& backoff, uint32_t n) {
  Duration delay = backoff.first;
  for (uint32_t i = 1; i < n && delay < backoff.most; ++i) delay *= 2;
  return std::min(delay, backoff.most);
}

Duration retry_delay(const RetryOptions& options, Failure failure, uint32_t attempts, uint64_t random) {
  Duration delay = grow(backoff_for(options, failure), std::max(attempts, 1u));
  double share = static_cast<double>(random >> 11) * 0x1.0p-53;  // [0, 1)
  return delay - std::chrono::duration_cast<Duration>(delay * (options.jitter * share));
}

Duration longest_delay(const RetryOptions& options) {
  return std::max({options.not_found.most, options.timeout.most, options.disk_full.most, options.unavailable.most,
                   options.other.most, options.lost});
}

}  // namespace ipfsc::tracker
