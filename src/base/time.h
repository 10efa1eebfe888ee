// Two clocks that never mix: SteadyTime for waiting and measuring, WallTime for people and for the log.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ipfsc {

using Duration = std::chrono::nanoseconds;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// UTC. The epoch (1970) is a valid time; "no time" is std::optional's business.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// RFC 3339 with as many fractional digits as needed (none to nine), in UTC: "2026-01-02T03:04:05.5Z".
std::string format_rfc3339(WallTime time);
/// The same, appended to `out` without an allocation of its own.
void append_rfc3339(std::string& out, WallTime time);
/// RFC 3339 with any offset and 0–9 fractional digits. Go's zero time 0001-01-01T00:00:00Z is kOutOfRange here:
/// callers that take it for "never" test with is_go_zero_time first.
Result<WallTime> parse_rfc3339(std::string_view text);
inline constexpr std::string_view kGoZeroTime = "0001-01-01T00:00:00Z";
/// True for Go's zero time (year 1 in UTC).
bool is_go_zero_time(std::string_view text);

/// Go duration text: "1h2m3s", "500ms", "1.5h", "-3s", "0". Units ns us µs ms s m h.
Result<Duration> parse_go_duration(std::string_view text);
/// As Go prints a Duration: "2m0s", "500ms", "0s".
std::string format_go_duration(Duration duration);

}  // namespace ipfsc
