// What all commands of ours share.
#include "api/common/caller.h"
#include "api/common/http_api.h"
#include "api/proxy/context.h"
#include "api/proxy/errors.h"
#include "api/proxy/kubo_headers.h"
#include "base/log.h"
#include "base/text.h"

namespace ipfsc::api::proxy {
namespace {

const LogComponent kLog("ipfsproxy");

/// A page that was loaded from this machine.
bool is_local(std::string_view origin) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!origin.starts_with(scheme)) continue;
    auto host = origin.substr(scheme.size());
    for (std::string_view local : {"localhost", "127.0.0.1", "[::1]"}) {
      if (host == local || (host.starts_with(local) && host[local.size()] == ':')) return true;
    }
  }
  return false;
}

/// Without a Kubo to ask: its own default, pages of this machine only.
bool page_may(const net::Request& request) {
  if (auto origin = request.header("Origin")) return is_local(*origin);
  return request.header("Sec-Fetch-Site") != "cross-site";
}

net::Handler handler(ProxyContext& context, Command command) {
  return [&context, command](net::Request& request, net::Response& response) {
    return run_command(context, request, response, command);
  };
}

}  // namespace

Task<> run_command(ProxyContext& context, net::Request& request, net::Response& response, Command command) {
  bool may = false;
  if (context.kubo_headers) {
    CO_TRY_ASSIGN(may, co_await context.kubo_headers->add_to(request, response));
  } else {
    may = page_may(request);
  }
  response.add_header("Server", "ipfs-cluster/ipfsproxy/" + context.options.version);
  if (!may) {
    send_error(response, 403, "this web page may not use the IPFS proxy: its origin is not allowed");
    co_return Result<>{};
  }
  auto ready = common::check_ready(context.cluster);
  auto outcome = ready ? co_await command(context, request, response) : std::move(ready);
  if (outcome || response.started() || outcome.error().kind == ErrorKind::kCancelled) co_return outcome;
  int status = command_status(outcome.error());
  if (status == 500) kLog.info("{} {}: {}", request.method(), request.raw_path(), outcome.error().message);
  send_error(response, status, outcome.error().message);
  co_return Result<>{};
}

void add_command(net::Router& router, ProxyContext& context, std::string_view name, Command command) {
  for (auto method : {"POST", "GET", "PUT"})
    router.add(method, fmt::format("/api/v0/{}", name), handler(context, command));
}

void add_command_with_arg(net::Router& router, ProxyContext& context, std::string_view name, Command command) {
  add_command(router, context, name, command);
  for (auto method : {"POST", "GET", "PUT"}) {
    router.add(method, fmt::format("/api/v0/{}/{{arg}}", name), handler(context, command));
  }
}

std::vector<std::string> arguments(const net::Request& request) {
  std::vector<std::string> out;
  if (auto in_path = request.variable("arg"); !in_path.empty()) out.emplace_back(in_path);
  for (const auto& [key, value] : request.query().items) {
    if (key == "arg") out.push_back(value);
  }
  return out;
}

cluster::Caller caller_of(const net::Request& request) { return {.actor = common::actor_of(request, "ipfsproxy")}; }

Task<ipld::Cid> resolve(ProxyContext& context, std::string argument) {
  auto path = argument.starts_with('/') ? argument : "/ipfs/" + argument;
  auto cid = co_await context.cluster->resolve(std::move(path));
  if (!cid && cid.error().kind == ErrorKind::kInvalidArgument) {
    co_return fail(cid.error().with_context(quoted(argument)).with_context("Error parsing IPFS Path"));
  }
  co_return cid;
}

}  // namespace ipfsc::api::proxy
