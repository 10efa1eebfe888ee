// When a failed attempt is tried again. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "tracker/options.h"

namespace ipfsc::tracker {

/// Numbers are persistent (docs/formats.md).
enum class Failure : uint8_t {
  kOther = 0,
  kNotFound = 1,     ///< nobody has the content
  kTimeout = 2,      ///< no progress
  kDiskFull = 3,     ///< the node's fault: all pins fail
  kUnavailable = 4,  ///< the node's fault: everything fails
  kCancelled = 5,    ///< nobody's fault: not counted, not waited for
};

/// "content not found", …
std::string_view to_string(Failure failure);
Failure classify(const Error& error);
/// Whether the node is to blame, so that others would fail too.
constexpr bool is_nodes_fault(Failure failure) {
  return failure == Failure::kDiskFull || failure == Failure::kUnavailable;
}

/// first · 2^(n − 1), at most `most`; n counts from 1.
Duration grow(const Backoff& backoff, uint32_t n);
/// How long to wait after the `attempts`-th failure in a row (counted from 1): grow(), shortened by up to
/// options.jitter.
Duration retry_delay(const RetryOptions& options, Failure failure, uint32_t attempts, uint64_t random);
/// No delay is longer.
Duration longest_delay(const RetryOptions& options);

}  // namespace ipfsc::tracker
