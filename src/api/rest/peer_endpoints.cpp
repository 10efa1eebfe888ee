// GET /id, /version, /peers, /movements; DELETE /peers/{peer}; POST /peers/{peer}/drain, /rebalance, /topup,
// /movements/pause, /movements/resume.
#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/query_options.h"
#include "model/json_writer.h"

namespace ipfsc::api::rest {
namespace {

constexpr uint64_t kMovementsShown = 100;  // unless `limit` says otherwise
constexpr uint64_t kMostMovementsShown = 10'000;

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

Task<> remove_peer(RestContext& context, net::Request& request, net::Response& response) {
  auto peer = ipld::PeerId::parse(request.variable("peer"));
  if (!peer) co_return fail(peer.error().with_context("error decoding Peer ID"));
  CO_TRY_ASSIGN(bool force, parse_bool(request.query(), "force"));
  CO_TRY(co_await context.cluster->remove_peer(*std::move(peer), force));
  co_return response.send(204, {}, kJson);
}

Task<> drain_peer(RestContext& context, net::Request& request, net::Response& response) {
  auto peer = ipld::PeerId::parse(request.variable("peer"));
  if (!peer) co_return fail(peer.error().with_context("error decoding Peer ID"));
  CO_TRY_ASSIGN(bool undo, parse_bool(request.query(), "undo"));
  CO_TRY(co_await context.cluster->drain_peer(*std::move(peer), undo));
  co_return response.send(204, {}, kJson);
}

void write_move(model::JsonObject& item, const cluster::PlannedMove& move) {
  item.text("cid", move.cid.to_string());
  if (move.from) item.text("from", move.from->to_string());
  if (move.to) item.text("to", move.to->to_string());
  item.text("reason", move.reason);
  if (move.started) item.time("started", move.started);
}

Task<> get_movements(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto page, parse_page(request.query()));
  auto limit = std::min<uint64_t>(page.limit.value_or(kMovementsShown), kMostMovementsShown);
  CO_TRY_ASSIGN(auto all, co_await context.cluster->movements(limit));
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

/// The plan as one object; it has begun unless dry-run=true.
Task<> plan_movements(RestContext& context, cluster::PlanGoal goal, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(bool dry_run, parse_bool(request.query(), "dry-run"));
  CO_TRY_ASSIGN(auto plan, co_await context.cluster->plan_movements(goal, dry_run));
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
  co_return response.send(200, body, kJson);
}

}  // namespace

void add_peer_routes(net::Router& router, RestContext& context) {
  router.add("GET", "/id", [&context](net::Request&, net::Response& response) { return get_id(context, response); });
  router.add("GET", "/version",
             [&context](net::Request&, net::Response& response) { return get_version(context, response); });
  router.add("GET", "/peers",
             [&context](net::Request&, net::Response& response) { return get_peers(context, response); });
  router.add("DELETE", "/peers/{peer}", [&context](net::Request& request, net::Response& response) {
    return remove_peer(context, request, response);
  });
  router.add("POST", "/peers/{peer}/drain", [&context](net::Request& request, net::Response& response) {
    return drain_peer(context, request, response);
  });
  router.add("POST", "/rebalance", [&context](net::Request& request, net::Response& response) {
    return plan_movements(context, cluster::PlanGoal::kRebalance, request, response);
  });
  router.add("GET", "/movements", [&context](net::Request& request, net::Response& response) {
    return get_movements(context, request, response);
  });
  router.add("POST", "/movements/pause",
             [&context](net::Request&, net::Response& response) { return pause_movements(context, true, response); });
  router.add("POST", "/movements/resume",
             [&context](net::Request&, net::Response& response) { return pause_movements(context, false, response); });
  router.add("POST", "/topup", [&context](net::Request& request, net::Response& response) {
    return plan_movements(context, cluster::PlanGoal::kTopUp, request, response);
  });
}

}  // namespace ipfsc::api::rest
