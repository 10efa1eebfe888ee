// GET /health[/alerts|/bandwidth|/graph], /readyz, /monitor/metrics[/{name}]; POST /ipfs/gc[/progress].
#include <algorithm>
#include <map>

#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/parameters.h"
#include "api/rest/query_options.h"
#include "base/with_reports.h"
#include "model/json_writer.h"

namespace ipfsc::api::rest {
namespace {

/// "[…]" and a newline.
template <class List, class Append>
std::string json_array(const List& list, Append append) {
  std::string body = "[";
  for (const auto& item : list) {
    if (body.size() > 1) body += ',';
    append(body, item);
  }
  body += "]\n";
  return body;
}

Task<> get_health(RestContext&, net::Response& response) { co_return response.send(204, {}, kJson); }

/// Whatever is not ready has been turned away before.
Task<> get_readyz(RestContext&, net::Response& response) {
  co_return response.send(200, "{\"status\":\"ready\"}\n", kJson);
}

Task<> get_metric_names(RestContext& context, net::Response& response) {
  auto names = context.cluster->metric_names();
  co_return response.send(
      200, json_array(names, [](std::string& out, const std::string& name) { model::append_json_string(out, name); }),
      kJson);
}

Task<> get_metrics(RestContext& context, net::Request& request, net::Response& response) {
  auto metrics = context.cluster->metrics(request.variable("name"));
  std::ranges::sort(metrics, {}, &model::Metric::peer);
  co_return response.send(
      200, json_array(metrics, [](std::string& out, const model::Metric& metric) { model::append_json(out, metric); }),
      kJson);
}

Task<> get_alerts(RestContext& context, net::Response& response) {
  auto alerts = context.cluster->alerts();
  co_return response.send(
      200, json_array(alerts, [](std::string& out, const model::Alert& alert) { model::append_json(out, alert); }),
      kJson);
}

Task<> get_graph(RestContext& context, net::Response& response) {
  CO_TRY_ASSIGN(auto graph, co_await context.cluster->graph());
  std::string body;
  model::append_json(body, graph);
  body += '\n';
  co_return response.send(200, body, kJson);
}

Task<> get_bandwidth(RestContext& context, net::Response& response) {
  std::string body;
  model::JsonObject object(body);
  const auto& bandwidth = context.options.bandwidth;
  for (const auto& [method, figures] : bandwidth ? bandwidth() : std::map<std::string, Bandwidth>()) {
    model::JsonObject item(object.key(method));
    item.number("total_in", figures.in_bytes);
    item.number("total_out", figures.out_bytes);
    item.raw("rate_in", fmt::format("{:.3f}", figures.in_per_second));
    item.raw("rate_out", fmt::format("{:.3f}", figures.out_per_second));
    item.end();
  }
  object.end();
  body += '\n';
  co_return response.send(200, body, kJson);
}

std::string text_of(const model::GlobalRepoGc& collected) {
  std::string body;
  model::append_json(body, collected);
  body += '\n';
  return body;
}

Task<> collect_garbage(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(bool local, parse_bool(request.query(), "local"));
  CO_TRY_ASSIGN(auto result, co_await context.cluster->gc(local));
  co_return response.send(200, text_of(result), kJson);
}

/// A line a second for each peer that has gone on, and what was removed with the last.
Task<> collect_with_progress(RestContext& context, net::Request& request, net::Response& response) {
  constexpr Duration kTell = std::chrono::seconds(1);
  CO_TRY_ASSIGN(bool local, parse_bool(request.query(), "local"));
  JsonStream stream(response);
  std::map<ipld::PeerId, uint64_t> removed, told;
  auto tell = [&]() -> Task<> {
    std::string lines;
    for (const auto& [peer, by_now] : removed) {
      if (auto& last = told[peer]; std::exchange(last, by_now) == by_now) continue;
      model::JsonObject line(lines);
      line.plain("peer", peer.to_string());
      line.number("removed", by_now);
      line.end();
      lines += '\n';
    }
    if (!lines.empty()) CO_TRY(co_await stream.write(lines));
    co_return Result<>{};
  };
  auto collecting =
      context.cluster->gc(local, [&removed](const ipld::PeerId& peer, uint64_t by_now) { removed[peer] = by_now; });
  auto collected = co_await with_reports(context.runtime, kTell, tell, std::move(collecting));
  if (!collected) co_return stream.end({.outcome = fail(std::move(collected).error())});
  CO_TRY(co_await stream.write(text_of(*collected)));
  co_return stream.end({});
}

}  // namespace

void add_health_routes(Routes& routes) {
  routes.add("GET", "/health",
             {.tag = kTagHealth, .summary = "Whether it answers", .answer = {"It does.", {}, Form::kNothing}},
             &get_health);
  routes.add("GET", "/readyz",
             {.tag = kTagHealth,
              .summary = "Whether its answers are true",
              .text = "503 while the peer starts, or has no part in the log.",
              .answer = {"They are.", "Ready"}},
             &get_readyz);
  // common::HttpApi answers it, also while the peer is not ready.
  routes.describe("GET", "/livez",
                  {.tag = kTagHealth, .summary = "Whether the process lives", .answer = {"It does.", "Ready"}});
  routes.add("GET", "/health/alerts", {.tag = kTagHealth, .summary = "Alerts", .answer = {"Newest first.", "Alert[]"}},
             &get_alerts);
  routes.add("GET", "/health/graph",
             {.tag = kTagHealth, .summary = "Who reaches whom", .answer = {"The graph.", "ConnectGraph"}}, &get_graph);
  routes.add("GET", "/health/bandwidth",
             {.tag = kTagHealth,
              .summary = "Bytes between the peers",
              .answer = {"Of calls between this peer and the others, by method.", "Bandwidth{}"}},
             &get_bandwidth);
  routes.add("GET", "/monitor/metrics",
             {.tag = kTagHealth, .summary = "Names of metrics", .answer = {"Those that are known here.", "string[]"}},
             &get_metric_names);
  routes.add("GET", "/monitor/metrics/{name}",
             {.tag = kTagHealth,
              .summary = "A metric of all peers",
              .answer = {"The newest of each peer; none for an unknown name.", "Metric[]"}},
             &get_metrics);
  routes.add("POST", "/ipfs/gc",
             {.tag = kTagHealth,
              .summary = "Collect garbage",
              .text = "On the IPFS nodes of all peers.",
              .parameters = {kLocalParameter},
              .answer = {"What was removed.", "GlobalRepoGC"},
              .errors = {409}},
             &collect_garbage);
  routes.add(
      "POST", "/ipfs/gc/progress",
      {.tag = kTagHealth,
       .summary = "Collect garbage, and say how far it is",
       .text = "On the IPFS nodes of all peers.",
       .parameters = {kLocalParameter},
       .answer = {"How far each peer is, once a second; with the last line what was removed.", "GCLine", Form::kLines},
       .errors = {409}},
      &collect_with_progress);
}

}  // namespace ipfsc::api::rest
