#include "api/proxy/ipfs_proxy.h"

#include <algorithm>

#include "api/auth/rules.h"
#include "api/common/http_api.h"
#include "api/proxy/context.h"
#include "api/proxy/errors.h"
#include "api/proxy/forward.h"
#include "api/proxy/kubo_headers.h"
#include "base/log.h"
#include "base/text.h"

namespace ipfsc::api::proxy {
namespace {

const LogComponent kLog("ipfsproxy");
const LogComponent kAccessLog("ipfsproxylog");
constexpr std::string_view kApi = "/api/v0/";

bool may_be_ours(std::string_view method) { return method == "POST" || method == "GET" || method == "PUT"; }

/// By what the commands that clients use most do: each of them is a POST.
auth::Operation operation_of(const net::Request& request) {
  constexpr std::string_view kReads[] = {
      "version",      "id",      "cat",          "get",         "ls",         "refs",      "block/get",  "pin/ls",
      "block/stat",   "dag/get", "dag/stat",     "dag/export",  "files/stat", "files/ls",  "files/read", "repo/stat",
      "repo/version", "resolve", "name/resolve", "swarm/peers", "stats/bw",   "stats/repo"};
  std::string_view command = request.path();
  if (!command.starts_with(kApi)) return auth::operation_by_method(request.method());
  command.remove_prefix(kApi.size());
  bool reads = std::ranges::any_of(kReads, [&](std::string_view name) {
    return command == name || (command.starts_with(name) && command[name.size()] == '/');
  });
  return reads ? auth::Operation::kRead : auth::operation_by_method(request.method());
}

/// Kubo's parts, when there is one.
struct Kubo {
  Kubo(Runtime& runtime, const ProxyOptions& options)
      : client(runtime, options.client), forwarder(runtime, options, client), headers(runtime, options, client) {}
  net::HttpClient client;
  Forwarder forwarder;
  KuboHeaders headers;
};

/// Pages of this machine, as a Kubo that nobody configured.
common::CorsOptions local_pages() {
  common::CorsOptions cors{.allowed_origins = {"https://localhost:*"},
                           .allowed_methods = {"POST", "GET", "PUT"},
                           .allowed_headers = {"*"},
                           .exposed_headers = {"X-Stream-Output", "X-Chunked-Output", "X-Content-Length"}};
  for (std::string host : {"http://localhost", "http://127.0.0.1", "http://[::1]"}) {
    cors.allowed_origins.push_back(host);
    cors.allowed_origins.push_back(host + ":*");
  }
  return cors;
}

ProxyOptions complete(ProxyOptions options) {
  if (!options.kubo) options.cors = local_pages();
  return options;
}

Task<> refuse_unknown(net::Request& request, net::Response& response) {
  std::string_view path = request.path();
  if (path.starts_with(kApi)) {
    auto command = path.substr(kApi.size());
    send_error(
        response, 501,
        fmt::format("the command {} is not offered: this peer has its embedded IPFS node and no Kubo. Offered are "
                    "version, id, add, cat, block get, put and stat, pin add, ls, rm and update, repo stat and gc",
                    quoted(command)));
  } else {
    send_error(response, 501,
               fmt::format("{} is not offered: this peer has its embedded IPFS node and no Kubo", quoted(path)));
  }
  co_return Result<>{};
}

}  // namespace

struct IpfsProxy::Impl {
  Impl(Runtime& runtime, ProxyOptions proxy_options)
      : options(complete(std::move(proxy_options))),
        context{runtime, options},
        router({.redirect_trailing_slash = false}),
        http(runtime, options, parts()) {
    if (options.kubo) {
      kubo = std::make_unique<Kubo>(runtime, options);
      context.forwarder = &kubo->forwarder;
      context.kubo_headers = &kubo->headers;
      add_put_commands(router, context);
    } else {
      add_node_commands(router, context);
      add_block_put_command(router, context);
    }
    add_pin_commands(router, context);
    add_pin_ls_command(router, context);
    add_add_command(router, context);
    add_repo_commands(router, context);
    router.set_not_found([this](net::Request& request, net::Response& response) { return others(request, response); });
  }

  common::HttpApiParts parts() {
    return {.log = kLog,
            .access_log = kAccessLog,
            .send_error = [](net::Response& response, int status,
                             std::string_view message) { send_error(response, status, message); },
            .ready = [] { return Result<>{}; },  // what goes to Kubo needs no cluster
            .handler = [this](net::Request& request, net::Response& response) { return handle(request, response); },
            .answers_cors = !options.kubo,
            .operation = operation_of,
            .name = "ipfsproxy"};
  }

  Task<> handle(net::Request& request, net::Response& response) {
    return may_be_ours(request.method()) ? router(request, response) : others(request, response);
  }
  Task<> others(net::Request& request, net::Response& response) {
    return kubo ? kubo->forwarder.forward(request, response) : refuse_unknown(request, response);
  }

  const ProxyOptions options;
  ProxyContext context;
  net::Router router;
  std::unique_ptr<Kubo> kubo;
  common::HttpApi http;
};

IpfsProxy::IpfsProxy(Runtime& runtime, ProxyOptions options)
    : impl_(std::make_unique<Impl>(runtime, std::move(options))) {}
IpfsProxy::~IpfsProxy() = default;

Result<> IpfsProxy::listen() { return impl_->http.listen(); }

void IpfsProxy::serve(cluster::Cluster& cluster, cluster::RepoStats& repo_stats, ipfs::IpfsNode& content) {
  impl_->context.cluster = &cluster;
  impl_->context.repo_stats = &repo_stats;
  impl_->context.content = &content;
}

const std::vector<ipld::Multiaddr>& IpfsProxy::addresses() const { return impl_->http.addresses(); }

boost::asio::awaitable<void> IpfsProxy::stop(SteadyTime deadline) { co_await impl_->http.stop(deadline); }

}  // namespace ipfsc::api::proxy
