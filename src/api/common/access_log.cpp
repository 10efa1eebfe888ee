#include "api/common/access_log.h"

#include <fmt/format.h>

#include <ctime>

namespace ipfsc::api::common {
namespace {

/// "02/Jan/2006:15:04:05 +0000"
std::string common_log_time(WallTime time) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::time_t seconds =
      std::chrono::system_clock::to_time_t(time_point_cast<std::chrono::system_clock::duration>(time));
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000", utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/// What a client sent must not make a line of its own, nor end its quotes.
void append_safe(std::string& out, std::string_view text) {
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte >= 0x7f || c == '"' || c == '\\') {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else {
      out.push_back(c);
    }
  }
}

}  // namespace

std::string common_log_line(const net::AccessRecord& record) {
  auto host = record.remote.substr(0, record.remote.rfind(':'));
  std::string line(host);
  line += " - ";
  if (record.user.empty()) line += '-';
  for (char c : record.user) append_safe(line, c == ' ' ? std::string_view("_") : std::string_view(&c, 1));
  fmt::format_to(std::back_inserter(line), " [{}] \"", common_log_time(record.start));
  append_safe(line, record.method);
  line += ' ';
  append_safe(line, record.target);
  fmt::format_to(std::back_inserter(line), " HTTP/1.{}\" {} {}", record.version_minor, record.status,
                 record.body_bytes);
  return line;
}

}  // namespace ipfsc::api::common
