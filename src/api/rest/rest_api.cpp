#include "api/rest/rest_api.h"

#include "api/rest/access_log.h"
#include "api/rest/auth.h"
#include "api/rest/context.h"
#include "api/rest/cors.h"
#include "api/rest/errors.h"
#include "base/check.h"
#include "base/log.h"

namespace ipfsc::api::rest {
namespace {

const LogComponent kLog("restapi");
constexpr size_t kMaxIdempotencyKeyBytes = 256;

Task<> answered() { co_return Result<>{}; }

}  // namespace

struct RestApi::Impl {
  Impl(Runtime& runtime, RestOptions rest_options)
      : runtime(runtime), options(std::move(rest_options)), cors(options.cors), context{runtime, options} {
    router.set_not_found([](net::Request&, net::Response& response) {
      send_error(response, 404, "not found");
      return answered();
    });
    add_peer_routes(router, context);
    add_health_routes(router, context);
    add_allocation_routes(router, context);
    add_pin_routes(router, context);
    add_bulk_routes(router, context);
    add_status_routes(router, context);
    add_add_route(router, context);
  }

  /// The chain around every endpoint. Not a coroutine: what it answers itself costs none.
  Task<> handle(net::Request& request, net::Response& response) {
    for (const auto& [name, values] : options.headers) {
      for (const auto& value : values) response.add_header(name, value);
    }
    if (cors.handle(request, response)) return answered();
    if (!authorize(options, request, response)) return answered();
    if (request.path() == "/livez" && request.method() == "GET") {
      (void)response.send(200, "{\"status\":\"alive\"}\n", kJson);
      return answered();
    }
    if (auto ready = check_ready(); !ready) {
      send_error(response, 503, ready.error().message);
      return answered();
    }
    return router(request, response);
  }

  Result<> check_ready() const {
    if (!context.cluster) return fail(ErrorKind::kUnavailable, "the peer is starting");
    return context.cluster->ready();
  }

  static void answer_error(const Error& error, int status, net::Response& response) {
    if (status != 0) return send_error(response, status, error.message);
    if (status_of(error) == 500) kLog.error("{}", error.message);
    send_error(response, error);
  }

  Runtime& runtime;
  const RestOptions options;
  const Cors cors;
  RestContext context;
  net::Router router;
  std::unique_ptr<AccessLog> access_log;
  std::unique_ptr<net::HttpServer> server;
  std::vector<ipld::Multiaddr> no_addresses;
};

RestApi::RestApi(Runtime& runtime, RestOptions options) : impl_(std::make_unique<Impl>(runtime, std::move(options))) {}
RestApi::~RestApi() = default;

Result<> RestApi::listen() {
  CHECK(!impl_->server);
  TRY_ASSIGN(impl_->access_log, AccessLog::open(impl_->options.access_log_file));
  net::ServerHooks hooks{.on_error = &Impl::answer_error};
  if (impl_->access_log->enabled()) {
    hooks.access_log = [log = impl_->access_log.get()](const net::AccessRecord& record) { log->write(record); };
  }
  impl_->server = std::make_unique<net::HttpServer>(
      impl_->runtime, impl_->options.http,
      [impl = impl_.get()](net::Request& request, net::Response& response) { return impl->handle(request, response); },
      std::move(hooks));
  for (const auto& address : impl_->options.listen) TRY(impl_->server->listen(address));
  return {};
}

void RestApi::serve(cluster::Cluster& cluster) { impl_->context.cluster = &cluster; }

const std::vector<ipld::Multiaddr>& RestApi::addresses() const {
  return impl_->server ? impl_->server->addresses() : impl_->no_addresses;
}

boost::asio::awaitable<void> RestApi::stop(SteadyTime deadline) {
  if (impl_->server) co_await impl_->server->stop(deadline);
}

Result<cluster::Caller> caller_of(const net::Request& request) {
  cluster::Caller caller;
  if (auto authorization = request.header("Authorization")) {
    if (auto login = net::parse_basic_auth(*authorization)) caller.actor += ":" + login->first;
  }
  if (auto key = request.header("Idempotency-Key")) {
    if (key->empty() || key->size() > kMaxIdempotencyKeyBytes) {
      return fail(ErrorKind::kInvalidArgument,
                  fmt::format("the header Idempotency-Key must have 1 to {} bytes", kMaxIdempotencyKeyBytes));
    }
    caller.request_id = *key;
  }
  return caller;
}

}  // namespace ipfsc::api::rest
