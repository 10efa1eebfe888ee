#include "base/time.h"

#include <gtest/gtest.h>

#include <random>

namespace ipfsc {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Time, Rfc3339) {
  EXPECT_EQ(format_rfc3339(WallTime(seconds(1767323045))), "2026-01-02T03:04:05Z");
  EXPECT_EQ(format_rfc3339(WallTime(seconds(1767323045)) + milliseconds(120)), "2026-01-02T03:04:05.12Z");
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05Z").value(), WallTime(seconds(1767323045)));
  EXPECT_EQ(parse_rfc3339("2026-01-02T05:34:05.5+02:30").value(), WallTime(seconds(1767323045)) + milliseconds(500));
  for (const char* bad :
       {"", "2026-01-02", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "0001-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
  EXPECT_TRUE(is_go_zero_time(kGoZeroTime));
}

TEST(Time, Rfc3339RoundTrip) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 2000; ++i) {
    WallTime time(Duration(static_cast<int64_t>(random() % 9'000'000'000'000'000'000)));
    EXPECT_EQ(parse_rfc3339(format_rfc3339(time)).value(), time);
  }
}

TEST(Time, GoDurations) {
  const std::pair<const char*, Duration> vectors[] = {
      {"0s", Duration::zero()},     {"1h2m3s", hours(1) + minutes(2) + seconds(3)},
      {"2m0s", minutes(2)},         {"500ms", milliseconds(500)},
      {"1.5s", milliseconds(1500)}, {"24h0m0s", hours(24)},
      {"-3s", -seconds(3)},         {"1\xc2\xb5s", Duration(1000)},
      {"7ns", Duration(7)}};
  for (const auto& [text, value] : vectors) {
    EXPECT_EQ(parse_go_duration(text).value(), value) << text;
    EXPECT_EQ(format_go_duration(value), text);
  }
  EXPECT_EQ(parse_go_duration("300us").value(), Duration(300000));
  EXPECT_EQ(parse_go_duration("0").value(), Duration::zero());
  for (const char* bad : {"", "1", "h", "1d", "1h 2m", "--1s", "99999999999h"})
    EXPECT_FALSE(parse_go_duration(bad)) << bad;
}

TEST(Time, GoDurationRoundTrip) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    // Whole microseconds: long double keeps them exactly.
    Duration value(static_cast<int64_t>(random() >> (random() % 40 + 14)) / 1000 * 1000);
    EXPECT_EQ(parse_go_duration(format_go_duration(value)).value(), value);
  }
}

}  // namespace
}  // namespace ipfsc
