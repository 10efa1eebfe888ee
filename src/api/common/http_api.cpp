#include "api/common/http_api.h"

#include "api/common/access_log.h"
#include "api/common/auth.h"
#include "api/common/cors.h"
#include "base/check.h"
#include "cluster/cluster.h"

namespace ipfsc::api::common {

Result<> check_ready(const cluster::Cluster* cluster) {
  if (cluster == nullptr) return fail(ErrorKind::kUnavailable, "the peer is starting");
  return cluster->ready();
}

Task<> answered() { co_return Result<>{}; }

struct HttpApi::Impl {
  Impl(Runtime& runtime, const HttpApiOptions& options, HttpApiParts parts)
      : runtime(runtime), options(options), parts(std::move(parts)), cors(options.cors) {}

  /// The chain around every endpoint. Not a coroutine: what it answers itself costs none.
  Task<> handle(net::Request& request, net::Response& response) {
    for (const auto& [name, values] : options.headers) {
      for (const auto& value : values) response.add_header(name, value);
    }
    if (parts.answers_cors && cors.handle(request, response)) return answered();
    if (!authorize(options, parts.send_error, request, response)) return answered();
    if (request.path() == "/livez" && request.method() == "GET") {
      (void)response.send(200, "{\"status\":\"alive\"}\n", "application/json");
      return answered();
    }
    if (auto ready = parts.ready(); !ready) {
      parts.send_error(response, 503, ready.error().message);
      return answered();
    }
    return parts.handler(request, response);
  }

  void answer_error(const Error& error, int status, net::Response& response) const {
    if (status == 0) {
      status = status_of(error);
      if (status == 500) parts.log.error("{}", error.message);
    }
    parts.send_error(response, status, error.message);
  }

  Runtime& runtime;
  const HttpApiOptions& options;
  const HttpApiParts parts;
  const Cors cors;
  std::unique_ptr<AccessLog> access_log;
  std::unique_ptr<net::HttpServer> server;
  std::vector<ipld::Multiaddr> no_addresses;
};

HttpApi::HttpApi(Runtime& runtime, const HttpApiOptions& options, HttpApiParts parts)
    : impl_(std::make_unique<Impl>(runtime, options, std::move(parts))) {}
HttpApi::~HttpApi() = default;

Result<> HttpApi::listen() {
  CHECK(!impl_->server);
  TRY_ASSIGN(impl_->access_log, AccessLog::open(impl_->options.access_log_file, impl_->parts.access_log));
  auto* impl = impl_.get();
  net::ServerHooks hooks{.on_error = [impl](const Error& error, int status, net::Response& response) {
    impl->answer_error(error, status, response);
  }};
  if (impl->access_log->enabled()) {
    hooks.access_log = [impl](const net::AccessRecord& record) { impl->access_log->write(record); };
  }
  impl->server = std::make_unique<net::HttpServer>(
      impl->runtime, impl->options.http,
      [impl](net::Request& request, net::Response& response) { return impl->handle(request, response); },
      std::move(hooks));
  for (const auto& address : impl->options.listen) TRY(impl->server->listen(address));
  return {};
}

const std::vector<ipld::Multiaddr>& HttpApi::addresses() const {
  return impl_->server ? impl_->server->addresses() : impl_->no_addresses;
}

boost::asio::awaitable<void> HttpApi::stop(SteadyTime deadline) {
  if (impl_->server) co_await impl_->server->stop(deadline);
}

}  // namespace ipfsc::api::common
