// block/put and dag/put with pin=true: Kubo takes them, then the cluster pins what it made of them.
#include "api/common/json_stream.h"
#include "api/proxy/context.h"
#include "api/proxy/errors.h"
#include "api/proxy/forward.h"
#include "base/json.h"
#include "net/line_reader.h"

namespace ipfsc::api::proxy {
namespace {

/// {"Key":"<cid>"} or {"Cid":{"/":"<cid>"}}
Result<ipld::Cid> cid_in(std::string_view line) {
  TRY_ASSIGN(auto value, parse_json(line));
  const boost::json::value* text = nullptr;
  if (const auto* object = value.if_object()) {
    text = object->if_contains("Key");
    if (const auto* cid = object->if_contains("Cid"); cid && cid->is_object())
      text = cid->get_object().if_contains("/");
  }
  if (!text || !text->is_string()) return fail(ErrorKind::kUnavailable, "IPFS answered an object without a CID");
  return ipld::Cid::parse(std::string_view(text->get_string()));
}

/// Each object is pinned, and passed on whatever comes of that. Failures are the stream's error.
Task<> pin_each(ProxyContext& context, const cluster::Caller& caller, net::ClientExchange& exchange,
                net::Response& response) {
  if (exchange.status() != 200) co_return co_await Forwarder::relay(exchange, response);
  common::JsonStream stream(response);
  response.add_header("X-Chunked-Output", "1");
  net::LineReader lines(exchange.body(), context.options.max_object_bytes);
  std::string errors;
  auto note = [&errors](std::string_view error) { errors += (errors.empty() ? "" : "; ") + std::string(error); };
  for (;;) {
    auto line = co_await lines.next();
    if (!line) {
      if (line.error().kind == ErrorKind::kCancelled) co_return fail(line.error());
      note(line.error().message);
      break;
    }
    if (!*line) break;
    std::string object(**line);
    auto cid = cid_in(object);
    auto pinned = cid ? co_await context.cluster->pin(*cid, {}, caller) : std::unexpected(cid.error());
    if (!pinned) {
      if (pinned.error().kind == ErrorKind::kCancelled) co_return fail(pinned.error());
      note(pinned.error().message);
    }
    object += '\n';
    CO_TRY(co_await stream.write(object));
  }
  if (const auto* error = exchange.trailer("X-Stream-Error"); error && !error->empty()) note(*error);
  co_return stream.end_always_200(errors.empty() ? Result<>{} : fail(ErrorKind::kUnknown, errors));
}

Task<> ask_and_pin(ProxyContext& context, net::Request& request, net::Response& response, std::string target) {
  auto caller = caller_of(request);
  auto outcome = co_await context.forwarder->ask(request, std::move(target), [&](net::ClientExchange& exchange) {
    return pin_each(context, caller, exchange, response);
  });
  co_return outcome;
}

Task<> block_put(ProxyContext& context, net::Request& request, net::Response& response) {
  return ask_and_pin(context, request, response, std::string(request.target()));
}

/// Kubo itself is not to pin: the cluster will.
Task<> dag_put(ProxyContext& context, net::Request& request, net::Response& response) {
  std::string query;
  for (const auto& [key, value] : request.query().items) net::append_query(query, key, key == "pin" ? "false" : value);
  return ask_and_pin(context, request, response, std::string(request.raw_path()) + "?" + query);
}

void add_put(net::Router& router, ProxyContext& context, std::string_view name, Command command) {
  for (auto method : {"POST", "GET", "PUT"}) {
    router.add(method, fmt::format("/api/v0/{}", name),
               [&context, command](net::Request& request, net::Response& response) {
                 if (request.query().value("pin") == "true") return run_command(context, request, response, command);
                 return context.forwarder->forward(request, response);
               });
  }
}

}  // namespace

void add_put_commands(net::Router& router, ProxyContext& context) {
  add_put(router, context, "block/put", block_put);
  add_put(router, context, "dag/put", dag_put);
}

}  // namespace ipfsc::api::proxy
