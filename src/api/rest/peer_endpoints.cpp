// GET /id, /version, /peers, /movements; DELETE /peers/{peer}; POST /peers, /peers/{peer}/drain, /role, /replace,
// /rebalance, /topup, /movements/pause, /movements/resume.
#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/parameters.h"
#include "api/rest/query_options.h"
#include "base/json.h"
#include "cluster/roles.h"
#include "model/json_writer.h"

namespace ipfsc::api::rest {
namespace {

constexpr uint64_t kMovementsShown = 100;  // unless `limit` says otherwise
constexpr uint64_t kMostMovementsShown = 10'000;
constexpr size_t kMostPeerBody = 4096;

Task<> get_id(RestContext& context, net::Response& response) {
  CO_TRY_ASSIGN(auto info, co_await context.cluster->id());
  std::string body;
  model::append_json(body, info);
  body += '\n';
  co_return response.send(200, body, kJson);
}

Task<> get_version(RestContext& context, net::Response& response) {
  std::string body;
  model::JsonObject object(body);
  object.text("version", context.cluster->options().version);
  object.end();
  body += '\n';
  co_return response.send(200, body, kJson);
}

Task<> get_peers(RestContext& context, net::Response& response) {
  JsonStream stream(response);
  auto peers = co_await context.cluster->peers();
  if (!peers) co_return stream.end({.outcome = fail(peers.error())});
  std::string line;
  for (const auto& peer : *peers) {
    line.clear();
    model::append_json(line, peer);
    line += '\n';
    CO_TRY(co_await stream.write(line));
  }
  co_return stream.end({});
}

/// The peer that the path names.
Result<ipld::PeerId> peer_of(const net::Request& request) {
  auto peer = ipld::PeerId::parse(request.variable("peer"));
  if (!peer) return fail(peer.error().with_context("error decoding Peer ID"));
  return *std::move(peer);
}

Task<> remove_peer(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto peer, peer_of(request));
  CO_TRY_ASSIGN(bool force, parse_bool(request.query(), "force"));
  CO_TRY_ASSIGN(bool ban, parse_bool(request.query(), "ban"));
  CO_TRY(co_await context.cluster->remove_peer(std::move(peer), force, ban));
  co_return response.send(204, {}, kJson);
}

Task<> drain_peer(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto peer, peer_of(request));
  CO_TRY_ASSIGN(bool undo, parse_bool(request.query(), "undo"));
  CO_TRY(co_await context.cluster->drain_peer(std::move(peer), undo));
  co_return response.send(204, {}, kJson);
}

Task<> set_role(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto peer, peer_of(request));
  CO_TRY_ASSIGN(auto role, cluster::parse_role(request.query().value("role")));
  CO_TRY(co_await context.cluster->set_role(std::move(peer), role));
  co_return response.send(204, {}, kJson);
}

Task<> add_peer(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto body, co_await read_body(request, kMostPeerBody));
  auto json = parse_json(body);
  const auto* text = json && json->is_object() ? json->get_object().if_contains("peer_id") : nullptr;
  if (text == nullptr || !text->is_string()) {
    co_return fail(ErrorKind::kInvalidArgument, "error decoding request body: expected {\"peer_id\": \"<id>\"}");
  }
  auto peer = ipld::PeerId::parse(text->get_string());
  if (!peer) co_return fail(peer.error().with_context("error decoding peer_id"));
  CO_TRY_ASSIGN(auto info, co_await context.cluster->approve_peer(*std::move(peer)));
  std::string answer;
  model::append_json(answer, info);
  answer += '\n';
  co_return response.send(200, answer, kJson);
}

void write_move(model::JsonObject& item, const cluster::PlannedMove& move) {
  item.text("cid", move.cid.to_string());
  if (move.from) item.text("from", move.from->to_string());
  if (move.to) item.text("to", move.to->to_string());
  item.text("reason", move.reason);
  if (move.started) item.time("started", move.started);
}

Task<> get_movements(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto limit, parse_limit(request.query()));
  CO_TRY_ASSIGN(auto all, co_await context.cluster->movements(
                              std::min<uint64_t>(limit.value_or(kMovementsShown), kMostMovementsShown)));
  std::string body;
  model::JsonObject object(body);
  object.boolean("paused", all.paused);
  object.number("under_way", all.under_way);
  object.objects("moves", all.moves, write_move);
  object.end();
  body += '\n';
  co_return response.send(200, body, kJson);
}

Task<> pause_movements(RestContext& context, bool pause, net::Response& response) {
  CO_TRY(co_await context.cluster->pause_movements(pause));
  co_return response.send(204, {}, kJson);
}

/// As one object; it has begun unless `dry_run`.
Result<> send_plan(const cluster::MovementPlan& plan, bool dry_run, net::Response& response) {
  std::string body;
  model::JsonObject object(body);
  object.text("summary", plan.summary);
  object.number("pins", plan.pins);
  object.number("blocked_pins", plan.blocked_pins);
  object.boolean("more", plan.more);
  object.boolean("dry_run", dry_run);
  object.objects("moves", plan.moves, write_move);
  object.end();
  body += '\n';
  return response.send(200, body, kJson);
}

Task<> plan_movements(RestContext& context, cluster::PlanGoal goal, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(bool dry_run, parse_bool(request.query(), "dry-run"));
  CO_TRY_ASSIGN(auto plan, co_await context.cluster->plan_movements(goal, dry_run));
  co_return send_plan(plan, dry_run, response);
}

Task<> replace_peer(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto peer, peer_of(request));
  auto next = ipld::PeerId::parse(request.query().value("with"));
  if (!next) co_return fail(next.error().with_context("error decoding the peer in `with`"));
  CO_TRY_ASSIGN(bool dry_run, parse_bool(request.query(), "dry-run"));
  CO_TRY_ASSIGN(auto plan, co_await context.cluster->replace_peer(std::move(peer), *std::move(next), dry_run));
  co_return send_plan(plan, dry_run, response);
}

}  // namespace

void add_peer_routes(Routes& routes) {
  routes.add("GET", "/id", {.tag = kTagPeers, .summary = "This peer", .answer = {"Itself.", "ID"}}, &get_id);
  routes.add("GET", "/version",
             {.tag = kTagPeers, .summary = "The program's version", .answer = {"The version.", "Version"}},
             &get_version);
  routes.add("GET", "/peers",
             {.tag = kTagPeers,
              .summary = "All peers",
              .answer = {"A peer a line; one that does not answer has `error`.", "ID", Form::kLines}},
             &get_peers);
  routes.add("POST", "/peers",
             {.tag = kTagPeers,
              .summary = "Let a peer join",
              .text = "It was removed and banned, or waits to be approved.",
              .body = {kJson, "PeerRequest", "Which."},
              .answer = {"The peer.", "ID"},
              .errors = {404, 409}},
             &add_peer);
  routes.add("DELETE", "/peers/{peer}",
             {.tag = kTagPeers,
              .summary = "Remove a peer",
              .text = "Its pins go to others before; refused when there would be too few copies.",
              .parameters = {kRemovePeerParameters},
              .answer = {"It is removed.", {}, Form::kNothing},
              .errors = {409}},
             &remove_peer);
  routes.add("POST", "/peers/{peer}/drain",
             {.tag = kTagPeers,
              .summary = "Move a peer's pins to others",
              .parameters = {kUndoParameter},
              .answer = {"It has begun.", {}, Form::kNothing},
              .errors = {409}},
             &drain_peer);
  routes.add("POST", "/peers/{peer}/role",
             {.tag = kTagPeers,
              .summary = "What a peer is to the log",
              .parameters = {kRoleParameter},
              .answer = {"It is so.", {}, Form::kNothing},
              .errors = {409}},
             &set_role);
  routes.add("POST", "/peers/{peer}/replace",
             {.tag = kTagPeers,
              .summary = "Give all that a peer has to another one",
              .parameters = {kWithParameter, kDryRunParameter},
              .answer = {"What is moved.", "MovementPlan"},
              .errors = {409}},
             &replace_peer);
}

void add_movement_routes(Routes& routes) {
  auto plan = [](cluster::PlanGoal goal) {
    return [goal](RestContext& context, net::Request& request, net::Response& response) {
      return plan_movements(context, goal, request, response);
    };
  };
  routes.add("POST", "/rebalance",
             {.tag = kTagMovements,
              .summary = "Spread the pins evenly",
              .parameters = {kDryRunParameter},
              .answer = {"What is moved.", "MovementPlan"},
              .errors = {409}},
             plan(cluster::PlanGoal::kRebalance));
  routes.add("POST", "/topup",
             {.tag = kTagMovements,
              .summary = "Give every pin as many copies as it may have",
              .parameters = {kDryRunParameter},
              .answer = {"What is moved.", "MovementPlan"},
              .errors = {409}},
             plan(cluster::PlanGoal::kTopUp));
  routes.add("GET", "/movements",
             {.tag = kTagMovements,
              .summary = "What is being moved",
              .text = "100 of them unless there is a `limit`, 10,000 at most.",
              .parameters = {kLimitParameter},
              .answer = {"Movements that are under way.", "Movements"}},
             &get_movements);
  auto pause = [](bool pause) {
    return [pause](RestContext& context, net::Response& response) { return pause_movements(context, pause, response); };
  };
  routes.add("POST", "/movements/pause",
             {.tag = kTagMovements,
              .summary = "Begin no more movements",
              .answer = {"They are paused.", {}, Form::kNothing},
              .errors = {409}},
             pause(true));
  routes.add("POST", "/movements/resume",
             {.tag = kTagMovements,
              .summary = "Begin movements again",
              .answer = {"They go on.", {}, Form::kNothing},
              .errors = {409}},
             pause(false));
}

}  // namespace ipfsc::api::rest
