// status --why: what was asked for, what each peer does about it, and why it does no more.
#include <fmt/format.h>

#include <algorithm>

#include <boost/json.hpp>

#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;

constexpr std::pair<std::string_view, std::string_view> kMeanings[] = {
    {"pinned", "has all of it"},
    {"pinning", "fetches it"},
    {"pin_queued", "waits for its turn"},
    {"pin_error", "could not get it"},
    {"unpinned", "holds nothing of it"},
    {"unpin_queued", "waits for its turn to give it up"},
    {"unpinning", "gives it up"},
    {"unpin_error", "could not give it up"},
    {"unexpectedly_unpinned", "was to keep it, and its IPFS node has it no more: `recover` pins it again"},
    {"remote", "is not to hold it"},
    {"sharded", "holds shards of it"},
    {"cluster_error", "does not answer"},
};

std::string meaning_of(std::string_view status) {
  const auto* known = std::ranges::find(kMeanings, status, &std::pair<std::string_view, std::string_view>::first);
  return std::string(known == std::end(kMeanings) ? status : known->second);
}

/// "name fetches it, since 2026-01-02 03:04:05", and lines for why, error and tries where there is something to say.
std::string format_peer(const std::string& id, const json::value& info) {
  std::string out = fmt::format("  {} {}", name_or(info, id), meaning_of(text_of(info, "status")));
  if (auto since = date_of(text_of(info, "timestamp"), ""); !since.empty()) out += ", since " + since;
  if (auto bytes = number_of(info, "bytes"); bytes > 0) {
    out += fmt::format(", {} by now", humanize_bytes(static_cast<uint64_t>(bytes)));
  }
  std::string error = text_of(info, "error"), reason = text_of(info, "reason");
  if (!reason.empty() && reason != error) out += fmt::format("\n    why: {}", reason);
  if (!error.empty()) out += fmt::format("\n    error: {}", error);
  if (auto tries = number_of(info, "attempt_count"); tries > 0) {
    out += fmt::format("\n    tries: {}", tries);
    if (auto next = date_of(text_of(info, "next_try"), ""); !next.empty()) out += ", the next at " + next;
  }
  return out + "\n";
}

/// ask(), null also where this user or server does not tell.
client::Answer<json::value> ask_if_told(Context& context, const client::ApiRequest& request) {
  auto answer = ask(context, request);
  if (!answer && (answer.error().code == 404 || answer.error().code == 403)) return json::value(nullptr);
  return answer;
}

json::array moves_of(const json::value& movements, const std::string& cid) {
  json::array moves;
  const auto* all = member_of(movements, "moves");
  if (all == nullptr || !all->is_array()) return moves;
  for (const auto& move : all->get_array()) {
    if (text_of(move, "cid") == cid) moves.push_back(move);
  }
  return moves;
}

}  // namespace

std::string format_why(const json::value& why) {
  static const json::value kNothing;
  auto part = [&why](std::string_view key) -> const json::value& {
    const auto* member = member_of(why, key);
    return member ? *member : kNothing;
  };
  const auto& status = part("status");
  std::string out = text_of(status, "cid");
  if (std::string name = text_of(status, "name"); !name.empty()) out += " | " + name;
  out += '\n';
  if (const auto& pin = part("allocation"); pin.is_object()) {
    auto line = format_pin(pin);
    out += "  asked for:" + line.substr(std::min(line.size(), line.find(" | ")));
  } else {
    out += "  not in the pinset\n";
  }
  if (const auto& change = part("last_change"); change.is_object()) out += "  last change: " + format_event(change);
  for (const auto& [id, info] : sorted_members(member_of(status, "peer_map"))) out += format_peer(id, *info);
  const auto& moves = part("movements");
  for (const auto& move : moves.is_array() ? moves.get_array() : json::array()) {
    out += fmt::format("  on the move: {}: {}\n", format_way(move), text_of(move, "reason"));
  }
  return out;
}

int status_why(Context& context) {
  if (context.options.arguments.empty()) return context.output.local_error("", "--why needs a CID");
  if (context.options.table) return context.output.local_error("", "--why does not go with --table");
  auto cids = cid_arguments(context);
  if (!cids) return context.output.local_error("parsing cid", cids.error().message);
  auto movements = ask_if_told(context, {.path = "/movements"});
  if (!movements) return context.output.api_error(movements.error());
  for (const auto& cid : *cids) {
    auto status =
        ask(context, {.path = "/pins/" + cid, .query = {{"local", context.options.local ? "true" : "false"}}});
    if (!status) return context.output.api_error(status.error());
    auto pin = ask_if_told(context, {.path = "/allocations/" + cid});
    if (!pin) return context.output.api_error(pin.error());
    auto change = ask_if_told(context, {.path = "/allocations/" + cid + "/history", .query = {{"limit", "1"}}});
    if (!change) return context.output.api_error(change.error());
    json::object why{{"status", *std::move(status)},
                     {"allocation", *std::move(pin)},
                     {"last_change", *std::move(change)},
                     {"movements", moves_of(*movements, cid)}};
    print(context, why, format_why);
  }
  return kExitOk;
}

}  // namespace ipfsc::cmd::ctl
