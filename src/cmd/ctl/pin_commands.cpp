// pin add, rm, update.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"
#include "ipld/cid.h"
#include "ipld/peer_id.h"

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;
using Query = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    size_t end = text.find(separator);
    if (end != 0) out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

/// "/ipfs/<cid>/a b" → "/pins/ipfs/<cid>/a%20b".
std::string pins_path(const std::string& content_path) {
  std::string out = "/pins";
  for (const auto& segment : split(content_path, '/')) out += "/" + client::url_escape(segment);
  return out;
}

/// What follows a pin request that went well: the wait for it, then the pin or its status.
int show_after(Context& context, const json::value& pin, std::string_view target) {
  const auto& options = context.options;
  std::string cid = text_of(pin, "cid");
  if (options.wait.wait) {
    int64_t limit = options.wait.limit_given ? options.wait.limit
                    : target == "pinned"     ? number_of(pin, "replication_factor_min")
                                             : 0;
    if (int code = wait_for_status(context, cid, target, limit, !options.no_status); code != kExitOk) return code;
  } else if (!options.no_status) {
    return show_settled_status(context, cid);
  }
  if (options.no_status) print(context, pin, format_pin);
  return kExitOk;
}

int request_pin(Context& context, const client::ApiRequest& request, std::string_view target) {
  auto pin = ask(context, request);
  if (!pin) return context.output.api_error(pin.error());
  return show_after(context, *pin, target);
}

/// The peers that would hold it first.
std::string format_preview(const json::value& preview) {
  std::string chosen, others;
  for (const auto& peer : preview.at("peers").as_array()) {
    bool takes = peer.at("chosen").as_bool();
    (takes ? chosen : others) +=
        fmt::format("    {} {} | {}\n", takes ? "+" : "-", text_of(peer, "peer"), text_of(peer, "reason"));
  }
  return fmt::format("{}: nothing was pinned (dry run)\n{}{}", text_of(preview.at("pin"), "cid"), chosen, others);
}

}  // namespace

Result<std::string> content_path(std::string_view text) {
  if (text.empty()) return fail(ErrorKind::kInvalidArgument, "a CID or a path is needed");
  if (!text.starts_with('/')) {
    // A CID, with or without a path behind it.
    auto cid = ipld::Cid::parse(text.substr(0, text.find('/')));
    if (!cid) return fail(cid.error());
    return "/ipfs/" + std::string(text);
  }
  auto parts = split(text, '/');
  bool known = !parts.empty() && (parts[0] == "ipfs" || parts[0] == "ipns" || parts[0] == "ipld");
  if (!known) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("\"{}\" does not begin with /ipfs/, /ipns/ or /ipld/", text));
  }
  if (parts.size() < 2)
    return fail(ErrorKind::kInvalidArgument, fmt::format("\"{}\" has nothing behind /{}/", text, parts[0]));
  if (parts[0] != "ipns") {
    auto cid = ipld::Cid::parse(parts[1]);
    if (!cid) return fail(cid.error());
  }
  return std::string(text);
}

Result<Query> pin_query(const PinFlags& flags, bool drop_bad_allocations) {
  Query query;
  int64_t min = flags.replication != 0 ? flags.replication : flags.replication_min;
  int64_t max = flags.replication != 0 ? flags.replication : flags.replication_max;
  query.emplace_back("replication-min", std::to_string(min));
  query.emplace_back("replication-max", std::to_string(max));
  query.emplace_back("name", flags.name);
  query.emplace_back("mode", flags.mode);
  query.emplace_back("shard-size", "0");
  std::string allocations;
  for (const auto& text : split(flags.allocations, ',')) {
    auto peer = ipld::PeerId::parse(text);
    if (!peer && drop_bad_allocations) continue;
    if (!peer) return fail(ErrorKind::kInvalidArgument, "decoding allocations: " + peer.error().message);
    allocations += (allocations.empty() ? "" : ",") + peer->to_string();
  }
  query.emplace_back("user-allocations", allocations);
  if (!flags.expire_in.empty()) {
    auto duration = parse_go_duration(flags.expire_in);
    if (!duration) return fail(ErrorKind::kInvalidArgument, "parsing expire-in: " + duration.error().message);
    query.emplace_back("expire-in", flags.expire_in);
  }
  for (const auto& item : flags.metadata) {
    size_t equals = item.find('=');
    if (equals == std::string::npos) {
      return fail(ErrorKind::kInvalidArgument, "parsing metadata: metadata were not in the format key=value");
    }
    query.emplace_back("meta-" + item.substr(0, equals), item.substr(equals + 1));
  }
  return query;
}

int pin_add(Context& context) {
  auto path = content_path(context.argument(0));
  if (!path) return context.output.local_error("parsing cid", path.error().message);
  const auto& mode = context.options.pin.mode;
  if (mode != "recursive" && mode != "direct") {
    return context.output.local_error("", fmt::format("mode must be recursive or direct, not \"{}\"", mode));
  }
  auto query = pin_query(context.options.pin, false);
  if (!query) return context.output.whole_error(query.error().message);
  if (context.options.dry_run) {
    query->emplace_back("dry-run", "true");
    return show(context, {.method = "POST", .path = pins_path(*path), .query = std::move(*query)}, format_preview);
  }
  return request_pin(context, {.method = "POST", .path = pins_path(*path), .query = std::move(*query)}, "pinned");
}

int pin_rm(Context& context) {
  auto path = content_path(context.argument(0));
  if (!path) return context.output.local_error("parsing cid", path.error().message);
  Query query;
  if (context.options.all_claims) query.emplace_back("all-claims", "true");
  return request_pin(context, {.method = "DELETE", .path = pins_path(*path), .query = std::move(query)}, "unpinned");
}

int pin_update(Context& context) {
  auto from = ipld::Cid::parse(context.argument(0));
  if (!from) return context.output.local_error("parsing from Cid", from.error().message);
  auto path = content_path(context.argument(1));
  if (!path) return context.output.local_error("parsing cid", path.error().message);
  auto query = pin_query(context.options.pin, false);
  if (!query) return context.output.whole_error(query.error().message);
  query->emplace_back("pin-update", from->to_string());
  return request_pin(context, {.method = "POST", .path = pins_path(*path), .query = std::move(*query)}, "pinned");
}

}  // namespace ipfsc::cmd::ctl
