// pin/add, pin/rm, pin/update: on the whole cluster.
#include <algorithm>

#include "api/common/json_stream.h"
#include "api/proxy/context.h"
#include "api/proxy/errors.h"
#include "api/rest/query_options.h"
#include "model/json_writer.h"

namespace ipfsc::api::proxy {
namespace {

using enum model::TrackerStatus;

std::string pins_body(const std::vector<ipld::Cid>& cids) {
  std::string body;
  model::JsonObject object(body);
  object.plain_list("Pins", cids);
  object.end();
  return body;
}

Result<> missing_argument(net::Response& response, std::string_view name) {
  send_error(response, 400, fmt::format("argument \"{}\" is required", name));
  return {};
}

Task<std::vector<ipld::Cid>> resolve_all(ProxyContext& context, const std::vector<std::string>& paths) {
  std::vector<ipld::Cid> cids;
  for (const auto& path : paths) {
    CO_TRY_ASSIGN(auto cid, co_await resolve(context, path));
    if (std::ranges::find(cids, cid) == cids.end()) cids.push_back(std::move(cid));
  }
  co_return cids;
}

Result<> first_failure(const std::vector<Result<model::Pin>>& results) {
  for (const auto& result : results) TRY(result);
  return {};
}

/// Go's `type`, and Kubo's `recursive`.
Result<model::PinMode> parse_mode(const net::Query& query) {
  auto type = query.value("type");
  if (type == "direct") return model::PinMode::kDirect;
  if (type == "recursive" || query.value("recursive").empty()) return model::PinMode::kRecursive;
  TRY_ASSIGN(bool recursive, rest::parse_bool(query, "recursive"));
  return recursive ? model::PinMode::kRecursive : model::PinMode::kDirect;
}

/// How far the copies of some pins are.
struct Copies {
  size_t whole = 0;    ///< peers that hold a pin
  uint64_t bytes = 0;  ///< that they have fetched or read
  bool coming = false;
  std::optional<std::string> lacking;  ///< why a pin has fewer copies than its minimum
};

Task<> count_copies(ProxyContext& context, const ipld::Cid& cid, Copies& copies) {
  CO_TRY_ASSIGN(auto pin, co_await context.cluster->allocation(cid));
  CO_TRY_ASSIGN(auto info, co_await context.cluster->status(cid, /*local=*/false));
  size_t whole = 0;
  bool coming = false;
  std::string error;
  for (const auto& at : info.peers) {
    whole += at.status == kPinned;
    coming |= at.status == kPinQueued || at.status == kPinning || at.status == kUndefined;
    copies.bytes += at.bytes.value_or(0);
    if (!at.error.empty()) error = fmt::format("{}: {}", at.on->peername, at.error);
  }
  copies.whole += whole;
  size_t least = pin.everywhere() ? info.peers.size() : static_cast<size_t>(pin.options.replication_factor_min);
  if (whole >= least) co_return Result<>{};
  copies.coming |= coming;
  if (!coming && !copies.lacking) {
    copies.lacking = fmt::format("{} is stored as a pin, and has {} of {} copies: {}", cid.to_string(), whole, least,
                                 error.empty() ? "the others are not being made" : error);
  }
  co_return Result<>{};
}

/// Lines as Kubo's, where "Progress" are the IPFS nodes that hold it, until there are enough of them.
Task<> follow(ProxyContext& context, const std::vector<ipld::Cid>& cids, common::JsonStream& stream) {
  std::string before;
  for (;;) {
    Copies copies;
    for (const auto& cid : cids) CO_TRY(co_await count_copies(context, cid, copies));
    std::string line;
    model::JsonObject object(line);
    object.number("Progress", static_cast<uint64_t>(copies.whole));
    object.number("Bytes", copies.bytes);
    object.end();
    line += '\n';
    if (line != before) CO_TRY(co_await stream.write(line));
    before = std::move(line);
    if (copies.lacking) co_return fail(ErrorKind::kUnavailable, *copies.lacking);
    if (!copies.coming) co_return co_await stream.write(pins_body(cids) + "\n");
    CO_TRY(co_await context.runtime.sleep_for(context.options.progress_interval));
  }
}

Task<> pin_add(ProxyContext& context, net::Request& request, net::Response& response) {
  auto paths = arguments(request);
  if (paths.empty()) co_return missing_argument(response, "ipfs-path");
  model::PinOptions options;
  CO_TRY_ASSIGN(options.mode, parse_mode(request.query()));
  CO_TRY_ASSIGN(bool progress, rest::parse_bool(request.query(), "progress"));
  options.name = request.query().value("name");
  CO_TRY_ASSIGN(auto cids, co_await resolve_all(context, paths));
  std::vector<std::pair<ipld::Cid, model::PinOptions>> pins;
  for (const auto& cid : cids) pins.emplace_back(cid, options);
  CO_TRY_ASSIGN(auto results, co_await context.cluster->pin_many(std::move(pins), caller_of(request)));
  CO_TRY(first_failure(results));
  if (!progress) co_return response.send(200, pins_body(cids), kJson);
  response.add_header("X-Chunked-Output", "1");
  common::JsonStream stream(response);
  auto outcome = co_await follow(context, cids, stream);
  co_return stream.end_always_200(std::move(outcome));
}

Task<> pin_rm(ProxyContext& context, net::Request& request, net::Response& response) {
  auto paths = arguments(request);
  if (paths.empty()) co_return missing_argument(response, "ipfs-path");
  CO_TRY_ASSIGN(auto cids, co_await resolve_all(context, paths));
  // Nothing is removed when one of several is not there.
  for (const auto& cid : cids) CO_TRY(co_await context.cluster->allocation(cid));
  CO_TRY_ASSIGN(auto results, co_await context.cluster->unpin_many(cids, caller_of(request)));
  CO_TRY(first_failure(results));
  co_return response.send(200, pins_body(cids), kJson);
}

Task<> pin_update(ProxyContext& context, net::Request& request, net::Response& response) {
  auto paths = arguments(request);
  if (paths.empty()) co_return missing_argument(response, "from-path");
  if (paths.size() < 2) co_return missing_argument(response, "to-path");
  auto from = co_await resolve(context, paths[0]);
  if (!from) co_return fail(from.error().with_context("error parsing \"from-path\" argument"));
  auto to = co_await resolve(context, paths[1]);
  if (!to) co_return fail(to.error().with_context("error parsing \"to-path\" argument"));
  CO_TRY(co_await context.cluster->allocation(*from));
  if (*from != *to) {
    auto caller = caller_of(request);
    CO_TRY(co_await context.cluster->pin(*to, {.pin_update = *from}, caller));
    if (request.query().value("unpin") != "false") CO_TRY(co_await context.cluster->unpin(*from, caller));
  }
  co_return response.send(200, pins_body({*from, *to}), kJson);
}

}  // namespace

void add_pin_commands(net::Router& router, ProxyContext& context) {
  add_command_with_arg(router, context, "pin/add", pin_add);
  add_command_with_arg(router, context, "pin/rm", pin_rm);
  add_command(router, context, "pin/update", pin_update);
}

}  // namespace ipfsc::api::proxy
