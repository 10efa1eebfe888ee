// ipfs-cluster-ctl peers, movements and rebalance.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/json.h"
#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"
#include "cmd/ctl/tables.h"

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;
using Query = std::vector<std::pair<std::string, std::string>>;

std::string nothing(const json::value&) { return ""; }

/// Of the peer in the first argument; `method` on "/peers/<id><action>".
int change_peer(Context& context, std::string method, std::string_view action, Query query, const Formatter& format) {
  auto peer = ipld::PeerId::parse(context.argument(0));
  if (!peer) return context.output.local_error("parsing peer ID", peer.error().message);
  return show(context,
              {.method = std::move(method),
               .path = fmt::format("/peers/{}{}", peer->to_string(), action),
               .query = std::move(query)},
              format);
}

/// A line for each of its `moves`.
std::string format_moves(const json::value& object) {
  std::string out;
  for (const auto& move : object.at("moves").as_array()) {
    out += fmt::format("{} | {} | {}\n", text_or_dash(move, "cid"), format_way(move), text_or_dash(move, "reason"));
  }
  return out;
}

std::string format_plan(const json::value& plan) { return format_moves(plan) + text_of(plan, "summary") + "\n"; }

int change_movements(Context& context, std::string path) {
  return show(context, {.method = "POST", .path = std::move(path)}, nothing);
}

}  // namespace

int peers_ls(Context& context) {
  client::ApiRequest request{.path = "/peers"};
  return context.options.table ? show_table(context, request, peers_table()) : show_stream(context, request, format_id);
}

int peers_rm(Context& context) {
  Query query;
  if (context.options.force) query.emplace_back("force", "true");
  if (context.options.ban) query.emplace_back("ban", "true");
  return change_peer(context, "DELETE", "", std::move(query), nothing);
}

int peers_add(Context& context) {
  auto peer = ipld::PeerId::parse(context.argument(0));
  if (!peer) return context.output.local_error("parsing peer ID", peer.error().message);
  client::TextSource body(json::serialize(json::object{{"peer_id", peer->to_string()}}));
  return show(context, {.method = "POST", .path = "/peers", .body = &body, .content_type = "application/json"},
              nothing);
}

int peers_drain(Context& context) {
  Query query;
  if (context.options.undo) query.emplace_back("undo", "true");
  return change_peer(context, "POST", "/drain", std::move(query), nothing);
}

int peers_replace(Context& context) {
  Query query{{"with", context.argument(1)}};
  if (context.options.dry_run) query.emplace_back("dry-run", "true");
  return change_peer(context, "POST", "/replace", std::move(query), format_plan);
}

int peers_role(Context& context) {
  return change_peer(context, "POST", "/role", {{"role", context.argument(1)}}, nothing);
}

int movements(Context& context) {
  client::ApiRequest request{.path = "/movements"};
  if (context.options.table) return show_table(context, request, movements_table());
  return show(context, request, [](const json::value& all) { return format_moves(all) + movements_summary(all); });
}

int movements_pause(Context& context) { return change_movements(context, "/movements/pause"); }
int movements_resume(Context& context) { return change_movements(context, "/movements/resume"); }

int rebalance(Context& context) {
  Query query;
  if (context.options.dry_run) query.emplace_back("dry-run", "true");
  return show(context,
              {.method = "POST", .path = context.options.top_up ? "/topup" : "/rebalance", .query = std::move(query)},
              format_plan);
}

}  // namespace ipfsc::cmd::ctl
