// pin/ls: the cluster's pinset, streamed in either form.
#include "api/common/json_stream.h"
#include "api/proxy/context.h"
#include "api/proxy/errors.h"
#include "api/rest/query_options.h"
#include "base/text.h"
#include "model/json_writer.h"

namespace ipfsc::api::proxy {
namespace {

struct PinLsQuery {
  bool recursive = true, direct = true;
  bool stream = false;
  bool names = false;
  std::string name;  ///< a part of it; "" = all

  bool matches(const model::Pin& pin) const {
    return (pin.direct() ? direct : recursive) && pin.options.name.find(name) != std::string::npos;
  }
};

Result<PinLsQuery> parse(const net::Query& query) {
  PinLsQuery out;
  auto type = query.value("type");
  if (type == "direct" || type == "indirect") out.recursive = false;
  if (type == "recursive" || type == "indirect") out.direct = false;  // indirect pins are no part of a pinset
  if (!type.empty() && type != "all" && type != "direct" && type != "recursive" && type != "indirect") {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("invalid type {}, must be one of {{direct, indirect, recursive, all}}", quoted(type)));
  }
  TRY_ASSIGN(bool stream, rest::parse_bool(query, "stream"));
  TRY_ASSIGN(bool s, rest::parse_bool(query, "s"));
  out.stream = stream || s;
  TRY_ASSIGN(out.names, rest::parse_bool(query, "names"));
  out.name = query.value("name");
  out.names |= !out.name.empty();
  return out;
}

std::string_view type_of(const model::Pin& pin) { return pin.direct() ? "direct" : "recursive"; }

/// {"Cid":…,"Name":…,"Type":…}
void append_object(std::string& out, const PinLsQuery& query, const model::Pin& pin) {
  model::JsonObject object(out);
  object.plain("Cid", pin.cid.to_string());
  if (query.names && !pin.options.name.empty()) object.text("Name", pin.options.name);
  object.plain("Type", type_of(pin));
  object.end();
}

/// "<cid>":{"Type":…,"Name":…}
void append_member(std::string& out, const PinLsQuery& query, const model::Pin& pin) {
  out += '"';
  pin.cid.append_to(out);
  out += "\":";
  model::JsonObject object(out);
  object.plain("Type", type_of(pin));
  if (query.names) object.text("Name", pin.options.name);
  object.end();
}

/// Those that are named, each of which must be pinned in the wanted way.
Task<> list_some(ProxyContext& context, const PinLsQuery& query, const std::vector<std::string>& paths,
                 net::Response& response) {
  std::string body;
  for (const auto& path : paths) {
    CO_TRY_ASSIGN(auto cid, co_await resolve(context, path));
    auto pin = co_await context.cluster->allocation(cid);
    if (!pin && pin.error().kind != ErrorKind::kNotFound) co_return fail(pin.error());
    if (!pin || !query.matches(*pin)) {
      co_return fail(ErrorKind::kNotFound, fmt::format("Error: path '{}' is not pinned", path));
    }
    if (!body.empty()) body += query.stream ? '\n' : ',';
    query.stream ? append_object(body, query, *pin) : append_member(body, query, *pin);
  }
  if (query.stream) response.add_header("X-Chunked-Output", "1");
  co_return response.send(200, query.stream ? body : "{\"Keys\":{" + body + "}}", kJson);
}

/// A page of the listing as text, made on the pool.
Result<std::string> next_text(state::PinCursor& cursor, const PinLsQuery& query, size_t page, bool& first) {
  std::vector<state::StoredPin> pins;
  std::string text;
  while (text.empty() && !cursor.done()) {
    pins.clear();
    TRY(cursor.next(pins, page));
    for (const auto& stored : pins) {
      const auto& pin = stored.pin;
      if (!query.matches(pin)) continue;
      if (query.stream) {
        append_object(text, query, pin);
        text += '\n';
      } else {
        if (!std::exchange(first, false)) text += ',';
        append_member(text, query, pin);
      }
    }
  }
  return text;
}

Task<> list_all(ProxyContext& context, const PinLsQuery& query, net::Response& response) {
  CO_TRY_ASSIGN(auto cursor, context.cluster->allocations({}));
  bool first = true;
  auto next = [&] {
    return run_blocking(context.runtime, [&] { return next_text(*cursor, query, context.options.list_page, first); });
  };
  CO_TRY_ASSIGN(auto text, co_await next());
  if (query.stream) response.add_header("X-Chunked-Output", "1");
  CO_TRY(response.begin({.content_type = kJson, .trailers = {"X-Stream-Error"}}));
  if (!query.stream) CO_TRY(co_await response.write("{\"Keys\":{"));
  while (!text.empty()) {
    CO_TRY(co_await response.write(text));
    auto following = co_await next();
    if (!following) {
      if (!query.stream) co_return fail(following.error());  // half an object: broken off
      co_return response.end({{"X-Stream-Error", following.error().message}});
    }
    text = *std::move(following);
  }
  if (!query.stream) CO_TRY(co_await response.write("}}"));
  co_return response.end();
}

Task<> pin_ls(ProxyContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto query, parse(request.query()));
  auto paths = arguments(request);
  if (!paths.empty()) co_return co_await list_some(context, query, paths, response);
  co_return co_await list_all(context, query, response);
}

}  // namespace

void add_pin_ls_command(net::Router& router, ProxyContext& context) {
  add_command_with_arg(router, context, "pin/ls", pin_ls);
}

}  // namespace ipfsc::api::proxy
