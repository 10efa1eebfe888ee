// POST and DELETE /pins/{cid} and /pins/{ipfs|ipns|ipld}/{path}.
#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/parameters.h"
#include "api/rest/query_options.h"
#include "model/json_writer.h"
#include "model/pin_json.h"

namespace ipfsc::api::rest {
namespace {

Result<> send_pin(net::Response& response, const model::Pin& pin, model::PinJsonStyle style) {
  std::string body;
  model::append_json(body, pin, style);
  body += '\n';
  return response.send(200, body, kJson);
}

/// "/ipfs/<path>" of a route such as /pins/ipfs/{path...}.
Task<ipld::Cid> resolve(RestContext& context, std::string_view scheme, const net::Request& request) {
  auto path = request.variable("path");
  if (path.empty()) co_return fail(ErrorKind::kInvalidArgument, "error parsing path: the path is empty");
  auto cid = co_await context.cluster->resolve(fmt::format("/{}/{}", scheme, path));
  if (!cid && cid.error().kind == ErrorKind::kInvalidArgument)
    co_return fail(cid.error().with_context("error parsing path"));
  co_return cid;
}

/// What would be stored, and why each peer would get a copy or not.
Task<> preview(RestContext& context, ipld::Cid cid, model::PinOptions options, net::Response& response) {
  CO_TRY_ASSIGN(auto preview, co_await context.cluster->preview_pin(std::move(cid), std::move(options)));
  std::string body;
  model::JsonObject object(body);
  object.boolean("dry_run", true);
  model::append_json(object.key("pin"), preview.pin, model::PinJsonStyle::kRequest);
  object.objects("peers", preview.verdicts, [](model::JsonObject& item, const auto& verdict) {
    item.text("peer", verdict.peer.to_string());
    item.boolean("chosen", verdict.chosen);
    item.boolean("holds", verdict.holds);
    item.text("reason", verdict.reason);
  });
  object.end();
  body += '\n';
  co_return response.send(200, body, kJson);
}

Task<> pin(RestContext& context, ipld::Cid cid, model::PinOptions options, net::Request& request,
           net::Response& response) {
  CO_TRY_ASSIGN(bool dry_run, parse_bool(request.query(), "dry-run"));
  if (dry_run) co_return co_await preview(context, std::move(cid), std::move(options), response);
  CO_TRY_ASSIGN(auto caller, caller_of(request));
  request.set_subject(cid.to_string());
  CO_TRY_ASSIGN(auto pinned, co_await context.cluster->pin(std::move(cid), std::move(options), std::move(caller)));
  co_return send_pin(response, pinned, model::PinJsonStyle::kRequest);
}

Task<> pin_cid(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto cid, parse_cid(request.variable("cid")));
  CO_TRY_ASSIGN(auto options, parse_pin_options(request.query(), context.runtime.wall_now()));
  co_return co_await pin(context, std::move(cid), std::move(options), request, response);
}

Task<> pin_path(RestContext& context, std::string_view scheme, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto options, parse_pin_options(request.query(), context.runtime.wall_now()));
  CO_TRY_ASSIGN(auto cid, co_await resolve(context, scheme, request));
  co_return co_await pin(context, std::move(cid), std::move(options), request, response);
}

Task<> unpin(RestContext& context, ipld::Cid cid, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto caller, caller_of(request));
  CO_TRY_ASSIGN(bool all_claims, parse_bool(request.query(), "all-claims"));
  request.set_subject(cid.to_string());
  CO_TRY_ASSIGN(auto removed, co_await context.cluster->unpin(std::move(cid), std::move(caller), all_claims));
  co_return send_pin(response, removed, model::PinJsonStyle::kStored);
}

Task<> unpin_cid(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto cid, parse_cid(request.variable("cid")));
  co_return co_await unpin(context, std::move(cid), request, response);
}

Task<> unpin_path(RestContext& context, std::string_view scheme, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto cid, co_await resolve(context, scheme, request));
  co_return co_await unpin(context, std::move(cid), request, response);
}

}  // namespace

void add_pin_routes(Routes& routes) {
  const RouteDoc pin_doc{
      .tag = kTagPins,
      .summary = "Pin",
      .text =
          "The answer means that it is in the pinset; what peers do about it is in its status. With dry-run=true "
          "a PinPreview: what would be stored, and why each peer would get a copy or not.",
      .parameters = {kPinOptionParameters, kDryRunParameter, kIdempotencyKey},
      .answer = {"The pin.", "Pin|PinPreview"},
      .errors = {409, 422}};
  const RouteDoc unpin_doc{.tag = kTagPins,
                           .summary = "Unpin",
                           .parameters = {kAllClaimsParameter, kIdempotencyKey},
                           .answer = {"The pin as it was.", "Pin"},
                           .errors = {409, 422}};
  routes.add("POST", "/pins/{cid}", pin_doc, &pin_cid);
  routes.add("DELETE", "/pins/{cid}", unpin_doc, &unpin_cid);
  for (std::string_view scheme : {"ipfs", "ipns", "ipld"}) {
    auto pattern = fmt::format("/pins/{}/{{path...}}", scheme);
    routes.add("POST", pattern, pin_doc,
               [scheme](RestContext& context, net::Request& request, net::Response& response) {
                 return pin_path(context, scheme, request, response);
               });
    routes.add("DELETE", pattern, unpin_doc,
               [scheme](RestContext& context, net::Request& request, net::Response& response) {
                 return unpin_path(context, scheme, request, response);
               });
  }
}

}  // namespace ipfsc::api::rest
