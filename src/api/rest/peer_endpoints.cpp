// GET /id, /version, /peers; DELETE /peers/{peer}.
#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/query_options.h"
#include "model/json_writer.h"

namespace ipfsc::api::rest {
namespace {

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
}

}  // namespace ipfsc::api::rest
