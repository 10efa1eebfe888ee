#include "api/pinning/pinning_api.h"

#include "api/auth/identity.h"
#include "api/common/caller.h"
#include "api/common/http_api.h"
#include "api/pinning/json.h"
#include "api/pinning/parse.h"
#include "base/log.h"
#include "net/router.h"

namespace ipfsc::api::pinning {
namespace {

const LogComponent kLog("pinsvcapi");
const LogComponent kAccessLog("pinsvcapilog");
constexpr std::string_view kJson = "application/json";

void send_error(net::Response& response, int status, std::string_view message) {
  if (status == 503) response.set_header("Retry-After", "1");
  (void)response.send(status, error_json(status, message), kJson);
}

Result<> send_item(net::Response& response, int status, const cluster::PinningItem& item) {
  std::string body;
  append_json(body, item);
  body += '\n';
  return response.send(status, body, kJson);
}

}  // namespace

struct PinningApi::Impl {
  Impl(Runtime& runtime, PinningOptions pinning_options)
      : options(std::move(pinning_options)), http(runtime, options, parts()) {
    router.set_not_found([](net::Request& request, net::Response& response) {
      send_error(response, 404, fmt::format("nothing is at {}", request.path()));
      return common::answered();
    });
    router.set_method_not_allowed([](net::Request& request, net::Response& response) {
      send_error(response, 405, fmt::format("{} is not offered at {}", request.method(), request.path()));
      return common::answered();
    });
    add("GET", "/pins", &Impl::list);
    add("POST", "/pins", &Impl::add_pin);
    add("GET", "/pins/{requestid}", &Impl::get);
    add("POST", "/pins/{requestid}", &Impl::replace);
    add("DELETE", "/pins/{requestid}", &Impl::remove);
    router.add("GET", "/health", [](net::Request&, net::Response& response) {
      (void)response.send(204, {}, kJson);
      return common::answered();
    });
  }

  using Endpoint = Task<> (Impl::*)(net::Request&, net::Response&);
  void add(std::string_view method, std::string_view pattern, Endpoint endpoint) {
    router.add(method, pattern, [this, endpoint](net::Request& request, net::Response& response) {
      return (this->*endpoint)(request, response);
    });
  }

  common::HttpApiParts parts() {
    return {.log = kLog,
            .access_log = kAccessLog,
            .send_error = [](net::Response& response, int status,
                             std::string_view message) { send_error(response, status, message); },
            .ready = [this] { return common::check_ready(cluster); },
            .handler = [this](net::Request& request, net::Response& response) { return router(request, response); },
            .tokens = [this](std::string_view name) { return common::token_record(records, name); },
            .name = "pinsvcapi"};
  }

  /// Whoever asks is one user ("") when nobody has to log in.
  static const std::string& user_of(const net::Request& request) { return auth::identity_of(request).user; }

  Result<cluster::PinningCaller> caller_of(const net::Request& request) const {
    cluster::PinningCaller caller{.user = user_of(request), .idempotency_key = {}};
    TRY_ASSIGN(caller.idempotency_key, common::idempotency_key(request));
    return caller;
  }

  /// nullopt: it was too long, which has been answered.
  Task<std::optional<cluster::PinningPin>> read_pin(net::Request& request, net::Response& response) const {
    auto body = co_await request.read_all(options.max_body_bytes);
    if (!body && body.error().kind == ErrorKind::kResourceExhausted) {
      response.close_after();
      send_error(response, 413, fmt::format("the request's body is longer than {} bytes", options.max_body_bytes));
      co_return std::nullopt;
    }
    CO_TRY(body);
    CO_TRY_ASSIGN(auto pin, parse_pin(*body));
    co_return std::optional(std::move(pin));
  }

  Task<> list(net::Request& request, net::Response& response) {
    CO_TRY_ASSIGN(auto query, parse_list_query(request.query()));
    CO_TRY_ASSIGN(auto page, co_await cluster->pinning().list(user_of(request), std::move(query)));
    co_return response.send(200, to_json(page), kJson);
  }

  Task<> add_pin(net::Request& request, net::Response& response) {
    CO_TRY_ASSIGN(auto caller, caller_of(request));
    CO_TRY_ASSIGN(auto pin, co_await read_pin(request, response));
    if (!pin) co_return Result<>{};
    CO_TRY_ASSIGN(auto item, co_await cluster->pinning().add(std::move(caller), *std::move(pin)));
    co_return send_item(response, 202, item);
  }

  Task<> get(net::Request& request, net::Response& response) {
    std::string id(request.variable("requestid"));
    CO_TRY_ASSIGN(auto item, co_await cluster->pinning().get(user_of(request), std::move(id)));
    co_return send_item(response, 200, item);
  }

  Task<> replace(net::Request& request, net::Response& response) {
    CO_TRY_ASSIGN(auto caller, caller_of(request));
    CO_TRY_ASSIGN(auto pin, co_await read_pin(request, response));
    if (!pin) co_return Result<>{};
    std::string id(request.variable("requestid"));
    CO_TRY_ASSIGN(auto item, co_await cluster->pinning().replace(std::move(caller), std::move(id), *std::move(pin)));
    co_return send_item(response, 202, item);
  }

  Task<> remove(net::Request& request, net::Response& response) {
    CO_TRY_ASSIGN(auto caller, caller_of(request));
    std::string id(request.variable("requestid"));
    CO_TRY(co_await cluster->pinning().remove(std::move(caller), std::move(id)));
    co_return response.send(202, {}, kJson);
  }

  const PinningOptions options;
  cluster::Cluster* cluster = nullptr;
  const cluster::Records* records = nullptr;
  net::Router router;
  common::HttpApi http;
};

PinningApi::PinningApi(Runtime& runtime, PinningOptions options)
    : impl_(std::make_unique<Impl>(runtime, std::move(options))) {}
PinningApi::~PinningApi() = default;

Result<> PinningApi::listen() { return impl_->http.listen(); }

void PinningApi::serve(cluster::Cluster& cluster, const cluster::Records& records) {
  impl_->cluster = &cluster;
  impl_->records = &records;
}

Result<> PinningApi::reload(const PinningOptions& options) { return impl_->http.reload(options); }

const std::vector<ipld::Multiaddr>& PinningApi::addresses() const { return impl_->http.addresses(); }

boost::asio::awaitable<void> PinningApi::stop(SteadyTime deadline) { co_await impl_->http.stop(deadline); }

}  // namespace ipfsc::api::pinning
