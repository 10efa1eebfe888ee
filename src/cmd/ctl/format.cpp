#include "cmd/ctl/format.h"

#include <fmt/format.h>

#include <algorithm>

#include <boost/json.hpp>

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;

WallTime from_nanoseconds(int64_t value) { return WallTime(Duration(value)); }

std::string rate_of(const json::value& value, std::string_view key) {
  const auto* member = member_of(value, key);
  double rate = member && member->is_number() ? member->to_number<double>() : 0;
  static constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  size_t unit = 0;
  while (rate >= 1000 && unit + 1 < std::size(kUnits)) {
    rate /= 1000;
    ++unit;
  }
  return fmt::format("{:.2f}{}/s", rate, kUnits[unit]);
}

}  // namespace

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::string date_of(const std::string& rfc3339, std::string_view otherwise) {
  if (rfc3339.size() < 19 || is_go_zero_time(rfc3339)) return std::string(otherwise);
  return rfc3339.substr(0, 10) + " " + rfc3339.substr(11, 8);
}

std::vector<std::pair<std::string, const json::value*>> sorted_members(const json::value* value) {
  std::vector<std::pair<std::string, const json::value*>> out;
  if (value && value->is_object()) {
    for (const auto& [key, member] : value->get_object()) out.emplace_back(std::string_view(key), &member);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string name_or(const json::value& value, const std::string& id) {
  std::string name = text_of(value, "peername");
  return name.empty() ? id : name;
}

const json::value* member_of(const json::value& object, std::string_view key) {
  const auto* members = object.if_object();
  return members ? members->if_contains(key) : nullptr;
}

std::string text_of(const json::value& object, std::string_view key) {
  const auto* member = member_of(object, key);
  return member && member->is_string() ? std::string(member->get_string()) : std::string();
}

std::string text_or_dash(const json::value& object, std::string_view key) {
  auto text = text_of(object, key);
  return text.empty() ? "-" : text;
}

int64_t number_of(const json::value& object, std::string_view key, int64_t otherwise) {
  const auto* member = member_of(object, key);
  if (!member) return otherwise;
  if (member->is_int64()) return member->get_int64();
  if (member->is_uint64()) return static_cast<int64_t>(std::min<uint64_t>(member->get_uint64(), INT64_MAX));
  return otherwise;
}

bool flag_of(const json::value& object, std::string_view key) {
  const auto* member = member_of(object, key);
  return member && member->is_bool() && member->get_bool();
}

std::vector<std::string> texts_of(const json::value& object, std::string_view key) {
  std::vector<std::string> out;
  const auto* member = member_of(object, key);
  if (!member || !member->is_array()) return out;
  for (const auto& element : member->get_array()) {
    if (element.is_string()) out.emplace_back(element.get_string());
  }
  return out;
}

namespace {

/// In answers that tell of all peers.
std::string format_standing(const json::value& id) {
  std::string trouble = text_of(id, "trouble");
  if (!trouble.empty()) trouble = fmt::format("  > TAKES NO WRITES: {}\n", trouble);
  const auto* standing = member_of(id, "standing");
  if (!standing) return trouble;
  auto free_bytes = number_of(*standing, "free_bytes", -1);
  return trouble + fmt::format("  > Role: {} | Health: {} | Lag: {} entries | Free: {}\n", text_of(*standing, "role"),
                               text_of(*standing, "health"), number_of(*standing, "lag"),
                               free_bytes < 0 ? "unknown" : humanize_bytes(static_cast<uint64_t>(free_bytes)));
}

}  // namespace

std::string format_id(const json::value& id) {
  std::string peer = text_of(id, "id");
  if (std::string error = text_of(id, "error"); !error.empty()) {
    return fmt::format("{} | ERROR: {}\n{}", peer, error, format_standing(id));
  }
  auto others = std::max<int64_t>(0, static_cast<int64_t>(texts_of(id, "cluster_peers").size()) - 1);
  std::string out =
      fmt::format("{} | {} | Sees {} other peers\n  > Addresses:\n", peer, text_of(id, "peername"), others);
  auto addresses = texts_of(id, "addresses");
  std::sort(addresses.begin(), addresses.end());
  for (const auto& address : addresses) out += "    - " + address + "\n";
  const auto* ipfs = member_of(id, "ipfs");
  if (!ipfs) return out + format_standing(id);
  if (std::string error = text_of(*ipfs, "error"); !error.empty()) {
    return out + "  > IPFS ERROR: " + error + "\n" + format_standing(id);
  }
  out += "  > IPFS: " + text_of(*ipfs, "id") + "\n";
  addresses = texts_of(*ipfs, "addresses");
  std::sort(addresses.begin(), addresses.end());
  for (const auto& address : addresses) out += "    - " + address + "\n";
  return out + format_standing(id);
}

std::string format_version(const json::value& version) { return text_of(version, "version") + "\n"; }

std::string format_pin(const json::value& pin) {
  std::string type = upper(text_of(pin, "type"));
  if (text_of(pin, "mode") == "direct") type += "-DIRECT";
  int64_t min = number_of(pin, "replication_factor_min"), max = number_of(pin, "replication_factor_max");
  std::string where;
  if (min == -1 && max == -1) {
    where = "Repl. Factor: -1 | Allocations: [everywhere]";
  } else {
    auto allocations = texts_of(pin, "allocations");
    std::sort(allocations.begin(), allocations.end());
    where = fmt::format("Repl. Factor: {}--{} | Allocations: [{}]", min, max, fmt::join(allocations, " "));
  }
  int64_t depth = number_of(pin, "max_depth", -1);
  std::string recursion = depth == 0 ? "Direct" : depth == -1 ? "Recursive" : fmt::format("Recursive-{}", depth);
  const auto* metadata = member_of(pin, "metadata");
  bool has_metadata = metadata && metadata->is_object() && !metadata->get_object().empty();
  return fmt::format("{} | {} | {} | {} | {} | Metadata: {} | Exp: {} | Added: {}\n", text_of(pin, "cid"),
                     text_of(pin, "name"), type, where, recursion, has_metadata ? "yes" : "no",
                     date_of(text_of(pin, "expire_at"), "∞"), date_of(text_of(pin, "timestamp"), "unknown"));
}

namespace {

std::string held_text(const json::value& peer) {
  const auto* confirmed = member_of(peer, "confirmed");
  if (!confirmed || !confirmed->is_bool()) return "UNKNOWN: " + text_of(peer, "error");
  if (!confirmed->get_bool()) return "NOT HELD";
  std::string out = "HELD since " + text_of(peer, "since");
  if (auto until = text_of(peer, "until"); !until.empty())
    out += fmt::format(" until {} ({})", until, text_of(peer, "ended"));
  return out;
}

}  // namespace

std::string format_past_pin(const json::value& past) {
  std::string out = format_pin(past);
  const auto* peers = member_of(past, "peers");
  if (!peers || !peers->is_array()) return out;
  for (const auto& peer : peers->get_array()) {
    const auto* allocated = member_of(peer, "allocated");
    bool known = allocated && allocated->is_bool();
    out += fmt::format("    > {:<20} : {} | {}\n", name_or(peer, text_of(peer, "peer")),
                       !known                  ? "PERHAPS ALLOCATED"
                       : allocated->get_bool() ? "ALLOCATED"
                                               : "NOT ALLOCATED",
                       held_text(peer));
  }
  return out;
}

std::string format_event(const json::value& event) {
  std::string about;
  for (auto key : {"cid", "peer", "record"}) {
    if (auto text = text_of(event, key); !text.empty()) about = text;
  }
  return fmt::format("{} | {} | {} | {} | {}\n", date_of(text_of(event, "time"), "unknown"), text_of(event, "position"),
                     upper(text_of(event, "type")), text_of(event, "actor"), about);
}

std::string format_record(const json::value& record) {
  std::string out = format_event(record);
  const auto* after = member_of(record, "after");
  if (!after || !after->is_object()) return out;
  out.pop_back();
  std::string pin = format_pin(*after);
  return out + pin.substr(std::min(pin.size(), pin.find(" | ")));
}

std::string format_status(const json::value& status) {
  std::string out = text_of(status, "cid");
  if (std::string name = text_of(status, "name"); !name.empty()) out += " | " + name;
  out += ":\n";
  for (const auto& [peer, info] : sorted_members(member_of(status, "peer_map"))) {
    out += fmt::format("    > {:<20} : {}", name_or(*info, peer), upper(text_of(*info, "status")));
    if (std::string error = text_of(*info, "error"); !error.empty()) out += ": " + error;
    out += fmt::format(" | {} | Attempts: {} | Priority: {}\n", text_of(*info, "timestamp"),
                       number_of(*info, "attempt_count"), flag_of(*info, "priority_pin"));
  }
  return out;
}

std::string format_way(const json::value& move) {
  return fmt::format("{} -> {}", text_or_dash(move, "from"), text_or_dash(move, "to"));
}

std::string format_added(const json::value& added) {
  return fmt::format("added {} {}\n", text_of(added, "cid"), text_of(added, "name"));
}

std::string format_gc(const json::value& global) {
  std::string out;
  for (const auto& [peer, gc] : sorted_members(member_of(global, "peer_map"))) {
    out += fmt::format("{:<15}", name_or(*gc, peer));
    if (std::string error = text_of(*gc, "error"); !error.empty()) out += " | ERROR: " + error;
    out += "\n  > CIDs:\n";
    const auto* keys = member_of(*gc, "keys");
    if (!keys || !keys->is_array()) continue;
    for (const auto& key : keys->get_array()) {
      std::string error = text_of(key, "error");
      out += error.empty() ? "    - " + text_of(key, "key") + "\n" : "    - ERROR: " + error + "\n";
    }
  }
  return out;
}

std::string metric_value(const json::value& metric) {
  int64_t weight = number_of(metric, "weight");
  bool bytes = text_of(metric, "name") == "freespace" && weight > 0;
  return bytes ? humanize_bytes(static_cast<uint64_t>(weight)) : text_of(metric, "value");
}

std::string format_metric(const json::value& metric, WallTime now) {
  return fmt::format("{} | {}: {} | Expires in: {}\n", text_of(metric, "peer"), text_of(metric, "name"),
                     metric_value(metric), humanize_time(from_nanoseconds(number_of(metric, "expire")), now));
}

std::string format_alert(const json::value& alert, WallTime now) {
  auto triggered = parse_rfc3339(text_of(alert, "triggered_at"));
  return fmt::format("{}: {}. Expired at: {}. Triggered at: {}\n", text_of(alert, "peer"), text_of(alert, "name"),
                     humanize_time(from_nanoseconds(number_of(alert, "expire")), now),
                     triggered ? humanize_time(*triggered, now) : "unknown");
}

std::string format_bandwidth(const json::value& bandwidth) {
  std::string out;
  for (const auto& [protocol, figures] : sorted_members(&bandwidth)) {
    out += fmt::format("{:>25}: In: {:>7}. Out: {:>7}. RateIn: {}. RateOut: {}\n", protocol,
                       humanize_bytes(static_cast<uint64_t>(number_of(*figures, "total_in"))),
                       humanize_bytes(static_cast<uint64_t>(number_of(*figures, "total_out"))),
                       rate_of(*figures, "rate_in"), rate_of(*figures, "rate_out"));
  }
  return out;
}

std::string humanize_bytes(uint64_t bytes) {
  static constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 10) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  double rounded = static_cast<double>(static_cast<int64_t>(value * 10 + 0.5)) / 10;
  return rounded < 10 ? fmt::format("{:.1f} {}", rounded, kUnits[unit])
                      : fmt::format("{:.0f} {}", rounded, kUnits[unit]);
}

std::string humanize_time(WallTime then, WallTime now) {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  std::string_view side = seconds > 0 ? " ago" : " from now";
  int64_t s = std::abs(seconds);
  constexpr int64_t kMinute = 60, kHour = 3600, kDay = 24 * kHour, kWeek = 7 * kDay, kMonth = 30 * kDay,
                    kYear = 360 * kDay;
  auto count = [&](int64_t unit, std::string_view one) {
    int64_t n = s / unit;
    return fmt::format("{} {}{}{}", n, one, n == 1 ? "" : "s", side);
  };
  if (s < 1) return "now";
  if (s < kMinute) return count(1, "second");
  if (s < kHour) return count(kMinute, "minute");
  if (s < kDay) return count(kHour, "hour");
  if (s < kWeek) return count(kDay, "day");
  if (s < kMonth) return count(kWeek, "week");
  if (s < kYear) return count(kMonth, "month");
  if (s < 540 * kDay) return fmt::format("1 year{}", side);
  if (s < 720 * kDay) return fmt::format("2 years{}", side);
  if (s < 37 * kYear) return count(kYear, "year");
  return fmt::format("a long while{}", side);
}

}  // namespace ipfsc::cmd::ctl
