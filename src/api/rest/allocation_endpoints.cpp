// GET /allocations[/{cid}]: the pinset itself.
#include <algorithm>

#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/page_pump.h"
#include "api/rest/query_options.h"
#include "model/json_writer.h"
#include "model/pin_json.h"

namespace ipfsc::api::rest {
namespace {

Result<state::ListQuery> list_query(const Page& page, uint32_t types) {
  state::ListQuery query;
  query.name = page.name;
  query.name_prefix = page.name_prefix;
  query.metadata = page.metadata;
  query.types = types;
  query.cursor = page.cursor;
  return query;
}

Task<> list_allocations(RestContext& context, state::ListQuery query, std::optional<uint64_t> limit,
                        net::Response& response) {
  CO_TRY_ASSIGN(auto cursor, context.cluster->allocations(std::move(query)));
  JsonStream stream(response, limit.has_value());
  auto next = [&](this auto, std::vector<state::StoredPin>& out, size_t max) -> Task<> {
    CO_TRY(co_await run_blocking(context.runtime, [&]() -> Result<> {
      while (out.empty() && !cursor->done()) TRY(cursor->next(out, max));
      return {};
    }));
    co_return Result<>{};
  };
  auto append = [](std::string& out, const state::StoredPin& stored) { model::append_json(out, stored.pin); };
  auto outcome = co_await pump_pages<state::StoredPin>(context.runtime, stream, context.options.list_page,
                                                       limit.value_or(UINT64_MAX), next, append);
  co_return stream.end({.outcome = std::move(outcome), .next_cursor = cursor->token()});
}

/// Kept numbers where they answer it; otherwise the listing is counted.
Task<> count_allocations(RestContext& context, state::ListQuery query, bool searches, net::Response& response) {
  uint64_t count = 0;
  if (!searches) {
    auto counters = context.cluster->counters();
    for (size_t type = 0; type < counters.by_type.size(); ++type) {
      if (query.types & 1u << type) count += counters.by_type[type];
    }
  } else {
    query.cursor.clear();
    CO_TRY_ASSIGN(auto cursor, context.cluster->allocations(std::move(query)));
    std::vector<state::StoredPin> pins;
    while (!cursor->done()) {
      pins.clear();
      CO_TRY(co_await run_blocking(context.runtime, [&] { return cursor->next(pins, context.options.list_page); }));
      count += pins.size();
    }
  }
  std::string body;
  model::JsonObject object(body);
  object.number("count", count);
  object.end();
  body += '\n';
  co_return response.send(200, body, kJson);
}

Task<> get_allocations(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto types, parse_type_filter(request.query().value("filter")));
  CO_TRY_ASSIGN(auto page, parse_page(request.query()));
  CO_TRY_ASSIGN(auto query, list_query(page, types));
  if (page.count) co_return co_await count_allocations(context, std::move(query), page.searches(), response);
  co_return co_await list_allocations(context, std::move(query), page.limit, response);
}

Task<> get_allocation(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto cid, parse_cid(request.variable("cid")));
  CO_TRY_ASSIGN(auto pin, co_await context.cluster->allocation(std::move(cid)));
  std::string body;
  model::append_json(body, pin);
  body += '\n';
  co_return response.send(200, body, kJson);
}

}  // namespace

void add_allocation_routes(net::Router& router, RestContext& context) {
  router.add("GET", "/allocations", [&context](net::Request& request, net::Response& response) {
    return get_allocations(context, request, response);
  });
  router.add("GET", "/allocations/{cid}", [&context](net::Request& request, net::Response& response) {
    return get_allocation(context, request, response);
  });
}

}  // namespace ipfsc::api::rest
