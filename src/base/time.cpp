#include "base/time.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace ipfsc {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::seconds;

bool take_digits(std::string_view& in, size_t count, int& value) {
  if (in.size() < count) return false;
  value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (in[i] < '0' || in[i] > '9') return false;
    value = value * 10 + (in[i] - '0');
  }
  in.remove_prefix(count);
  return true;
}

bool take_char(std::string_view& in, char c) {
  if (in.empty() || in.front() != c) return false;
  in.remove_prefix(1);
  return true;
}

struct DurationUnit {
  std::string_view name;
  int64_t nanoseconds;
};
// Longer names first where one is the beginning of another.
constexpr DurationUnit kUnits[] = {
    {"ns", 1},         {"us", 1'000},        {"\xc2\xb5s", 1'000},  {"\xce\xbcs", 1'000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

}  // namespace

void append_rfc3339(std::string& out, WallTime time) {
  auto day = floor<days>(time);
  std::chrono::year_month_day date{day};
  std::chrono::hh_mm_ss clock{time - day};
  // Written digit by digit: listings print one or two of these for each item.
  char text[32];
  char* p = text;
  auto digits = [&p](unsigned value, int count) {
    for (int i = count - 1; i >= 0; --i, value /= 10) p[i] = static_cast<char>('0' + value % 10);
    p += count;
  };
  digits(static_cast<unsigned>(static_cast<int>(date.year())), 4);
  *p++ = '-';
  digits(static_cast<unsigned>(date.month()), 2);
  *p++ = '-';
  digits(static_cast<unsigned>(date.day()), 2);
  *p++ = 'T';
  digits(static_cast<unsigned>(clock.hours().count()), 2);
  *p++ = ':';
  digits(static_cast<unsigned>(clock.minutes().count()), 2);
  *p++ = ':';
  digits(static_cast<unsigned>(clock.seconds().count()), 2);
  if (auto fraction = clock.subseconds().count(); fraction != 0) {
    *p++ = '.';
    digits(static_cast<unsigned>(fraction), 9);
    while (p[-1] == '0') --p;
  }
  *p++ = 'Z';
  out.append(text, p);
}

std::string format_rfc3339(WallTime time) {
  std::string out;
  append_rfc3339(out, time);
  return out;
}

bool is_go_zero_time(std::string_view text) { return text.starts_with("0001-01-01T00:00:00"); }

Result<WallTime> parse_rfc3339(std::string_view text) {
  auto bad = [&] {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("\"{}\" is not an RFC 3339 time such as 2026-01-02T03:04:05Z", text.substr(0, 64)));
  };
  std::string_view in = text;
  int year, month, day, hour, minute, second;
  if (!take_digits(in, 4, year) || !take_char(in, '-') || !take_digits(in, 2, month) || !take_char(in, '-') ||
      !take_digits(in, 2, day) || !(take_char(in, 'T') || take_char(in, 't')) || !take_digits(in, 2, hour) ||
      !take_char(in, ':') || !take_digits(in, 2, minute) || !take_char(in, ':') || !take_digits(in, 2, second)) {
    return bad();
  }
  int64_t nanoseconds = 0;
  if (take_char(in, '.')) {
    int64_t scale = 100'000'000;
    size_t digits = 0;
    for (; !in.empty() && in.front() >= '0' && in.front() <= '9'; in.remove_prefix(1), ++digits) {
      nanoseconds += (in.front() - '0') * scale;
      scale /= 10;
    }
    if (digits == 0) return bad();
  }
  int offset_minutes = 0;
  if (take_char(in, 'Z') || take_char(in, 'z')) {
  } else {
    bool negative = !in.empty() && in.front() == '-';
    int hours, minutes;
    if (!(take_char(in, '+') || take_char(in, '-')) || !take_digits(in, 2, hours) || !take_char(in, ':') ||
        !take_digits(in, 2, minutes) || hours > 23 || minutes > 59) {
      return bad();
    }
    offset_minutes = (hours * 60 + minutes) * (negative ? -1 : 1);
  }
  std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month(month), std::chrono::day(day)};
  if (!in.empty() || !date.ok() || hour > 23 || minute > 59 || second > 59) return bad();
  if (year < 1678 || year > 2261) {
    return fail(ErrorKind::kOutOfRange, fmt::format("\"{}\" lies outside the years 1678 to 2261", text.substr(0, 64)));
  }
  auto whole = std::chrono::sys_days{date} + std::chrono::hours(hour) + std::chrono::minutes(minute - offset_minutes) +
               seconds(second);
  return WallTime(std::chrono::time_point_cast<Duration>(whole)) + Duration(nanoseconds);
}

Result<Duration> parse_go_duration(std::string_view text) {
  auto bad = [&] {
    return fail(
        ErrorKind::kInvalidArgument,
        fmt::format("invalid duration \"{}\": expected something like 1h30m, 45s or 300ms", text.substr(0, 64)));
  };
  std::string_view in = text;
  bool negative = !in.empty() && in.front() == '-';
  if (negative || (!in.empty() && in.front() == '+')) in.remove_prefix(1);
  if (in == "0") return Duration::zero();
  if (in.empty()) return bad();
  long double total = 0;
  while (!in.empty()) {
    long double number = 0, scale = 1;
    size_t digits = 0;
    for (; !in.empty() && in.front() >= '0' && in.front() <= '9'; in.remove_prefix(1), ++digits) {
      number = number * 10 + (in.front() - '0');
    }
    if (take_char(in, '.')) {
      for (; !in.empty() && in.front() >= '0' && in.front() <= '9'; in.remove_prefix(1), ++digits) {
        scale /= 10;
        number += (in.front() - '0') * scale;
      }
    }
    if (digits == 0) return bad();
    bool found = false;
    for (const auto& unit : kUnits) {
      // "m" must not swallow the "ms" of milliseconds, which stands before it in the table.
      if (in.starts_with(unit.name)) {
        total += number * static_cast<long double>(unit.nanoseconds);
        in.remove_prefix(unit.name.size());
        found = true;
        break;
      }
    }
    if (!found) return bad();
  }
  if (total > static_cast<long double>(std::numeric_limits<int64_t>::max())) return bad();
  auto nanoseconds = static_cast<int64_t>(std::roundl(total));
  return Duration(negative ? -nanoseconds : nanoseconds);
}

std::string format_go_duration(Duration duration) {
  int64_t total = duration.count();
  if (total == 0) return "0s";
  std::string sign = total < 0 ? "-" : "";
  uint64_t rest = total < 0 ? 0 - static_cast<uint64_t>(total) : static_cast<uint64_t>(total);
  auto with_fraction = [](uint64_t value, uint64_t unit) {
    auto text = fmt::format("{}", value / unit);
    if (value % unit == 0) return text;
    auto digits = fmt::format("{:0{}}", value % unit, unit == 1'000'000'000 ? 9 : unit == 1'000'000 ? 6 : 3);
    digits.erase(digits.find_last_not_of('0') + 1);
    return text + "." + digits;
  };
  if (rest < 1'000) return sign + fmt::format("{}ns", rest);
  if (rest < 1'000'000) return sign + with_fraction(rest, 1'000) + "\xc2\xb5s";
  if (rest < 1'000'000'000) return sign + with_fraction(rest, 1'000'000) + "ms";
  uint64_t hours = rest / 3'600'000'000'000;
  uint64_t minutes = rest / 60'000'000'000 % 60;
  auto out = sign;
  if (hours > 0) out += fmt::format("{}h", hours);
  if (hours > 0 || minutes > 0) out += fmt::format("{}m", minutes);
  return out + with_fraction(rest % 60'000'000'000, 1'000'000'000) + "s";
}

}  // namespace ipfsc
