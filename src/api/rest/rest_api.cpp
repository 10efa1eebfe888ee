#include "api/rest/rest_api.h"

#include "api/auth/rules.h"
#include "api/common/caller.h"
#include "api/common/http_api.h"
#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "base/log.h"
#include "model/json_writer.h"

namespace ipfsc::api::rest {
namespace {

const LogComponent kLog("restapi");
const LogComponent kAccessLog("restapilog");

}  // namespace

struct RestApi::Impl {
  Impl(Runtime& runtime, RestOptions rest_options)
      : options(std::move(rest_options)),
        events(runtime, {.kept_events = options.kept_events,
                         .max_listeners = options.max_event_listeners,
                         .heartbeat = options.event_heartbeat}),
        context{runtime, options, events},
        http(runtime, options, parts()) {
    router.set_not_found([](net::Request&, net::Response& response) {
      send_error(response, 404, "not found");
      return common::answered();
    });
    // In this order the document has them.
    add_allocation_routes(routes);
    add_pin_routes(routes);
    add_bulk_routes(routes);
    add_add_route(routes);
    add_status_routes(routes);
    add_past_routes(routes);
    add_event_route(routes);
    add_peer_routes(routes);
    add_movement_routes(routes);
    add_health_routes(routes);
    add_token_routes(routes);
    add_document_routes(routes);
    context.routes = &routes;
    context.has_users = options.has_users();
  }

  common::HttpApiParts parts() {
    return {.log = kLog,
            .access_log = kAccessLog,
            .send_error = [](net::Response& response, int status,
                             std::string_view message) { send_error(response, status, message); },
            .ready = [this] { return common::check_ready(context.cluster); },
            .handler = [this](net::Request& request, net::Response& response) { return router(request, response); },
            .operation =
                [this](const net::Request& request) {
                  return auth::rest_operation(request.method(), router.pattern_of(request.method(), request.path()));
                },
            .tokens = [this](std::string_view name) { return common::token_record(context.records, name); }};
  }

  const RestOptions options;
  EventHub events;
  RestContext context;
  net::Router router;
  Routes routes{router, context};
  common::HttpApi http;
};

RestApi::RestApi(Runtime& runtime, RestOptions options) : impl_(std::make_unique<Impl>(runtime, std::move(options))) {}
RestApi::~RestApi() = default;

Result<> RestApi::listen() { return impl_->http.listen(); }

void RestApi::serve(cluster::Cluster& cluster, cluster::Records& records) {
  impl_->context.cluster = &cluster;
  impl_->context.records = &records;
}

const std::vector<ipld::Multiaddr>& RestApi::addresses() const { return impl_->http.addresses(); }

Result<> RestApi::reload(const RestOptions& options) {
  TRY(impl_->http.reload(options));
  impl_->context.has_users = options.has_users();
  return {};
}

std::vector<std::string> RestApi::routes() const { return impl_->router.routes(); }

boost::asio::awaitable<void> RestApi::stop(SteadyTime deadline) {
  co_await impl_->events.stop();  // those who listen would never end by themselves
  co_await impl_->http.stop(deadline);
}

Result<> send_count(net::Response& response, uint64_t count) {
  std::string body;
  model::JsonObject object(body);
  object.number("count", count);
  object.end();
  body += '\n';
  return response.send(200, body, kJson);
}

Task<std::string> read_body(net::Request& request, size_t limit_bytes) {
  auto body = co_await request.read_all(limit_bytes);
  if (!body && body.error().kind == ErrorKind::kResourceExhausted) {
    co_return fail(ErrorKind::kInvalidArgument, body.error().message);
  }
  co_return body;
}

Result<cluster::Caller> caller_of(const net::Request& request) {
  cluster::Caller caller;
  caller.actor = common::actor_of(request, caller.actor);
  TRY_ASSIGN(caller.request_id, common::idempotency_key(request));
  return caller;
}

}  // namespace ipfsc::api::rest
