// GET /allocations[/{cid}]: the pinset itself.
#include <algorithm>

#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/page_pump.h"
#include "api/rest/parameters.h"
#include "api/rest/query_options.h"
#include "model/pin_json.h"

namespace ipfsc::api::rest {
namespace {

/// Whether what is pinned everywhere is the peer's too. kNotFound when nobody knows the peer.
Result<bool> holds_everywhere(RestContext& context, const std::optional<ipld::PeerId>& peer) {
  if (!peer) return true;
  auto known = context.cluster->state().peer(*peer);
  if (!known) return fail(ErrorKind::kNotFound, fmt::format("peer {} is not known to this cluster", peer->to_string()));
  return known->member;
}

/// The next pins of the listing, at least one unless it is at its end.
Task<> read_pins(Runtime& runtime, state::PinCursor& cursor, bool everywhere, std::vector<state::StoredPin>& out,
                 size_t max) {
  co_return co_await run_blocking(runtime, [&]() -> Result<> {
    while (out.empty() && !cursor.done()) {
      TRY(cursor.next(out, max));
      if (!everywhere) std::erase_if(out, [](const state::StoredPin& stored) { return stored.pin.everywhere(); });
    }
    return {};
  });
}

Task<> list_allocations(RestContext& context, state::ListQuery query, std::optional<uint64_t> limit,
                        net::Response& response) {
  CO_TRY_ASSIGN(bool everywhere, holds_everywhere(context, query.peer));
  CO_TRY_ASSIGN(auto cursor, context.cluster->allocations(std::move(query)));
  JsonStream stream(response, limit.has_value());
  auto next = [&](this auto, std::vector<state::StoredPin>& out, size_t max) -> Task<> {
    return read_pins(context.runtime, *cursor, everywhere, out, max);
  };
  auto append = [](std::string& out, const state::StoredPin& stored) { model::append_json(out, stored.pin); };
  auto outcome = co_await pump_pages<state::StoredPin>(context.runtime, stream, context.options.list_page,
                                                       limit.value_or(UINT64_MAX), next, append);
  co_return stream.end({.outcome = std::move(outcome), .next_cursor = cursor->token()});
}

/// Kept numbers where they answer it; otherwise the listing is counted.
Task<> count_allocations(RestContext& context, AllocationQuery query, net::Response& response) {
  CO_TRY_ASSIGN(bool everywhere, query.list.at ? true : holds_everywhere(context, query.list.peer));
  uint64_t count = 0;
  if (!query.page.searches() && !query.list.at && !query.list.peer) {
    auto counters = context.cluster->counters();
    for (size_t type = 0; type < counters.by_type.size(); ++type) {
      if (query.list.types & 1u << type) count += counters.by_type[type];
    }
    co_return send_count(response, count);
  }
  CO_TRY_ASSIGN(auto cursor, context.cluster->allocations(std::move(query.list)));
  std::vector<state::StoredPin> pins;
  while (!cursor->done()) {
    pins.clear();
    CO_TRY(co_await read_pins(context.runtime, *cursor, everywhere, pins, context.options.list_page));
    count += pins.size();
  }
  co_return send_count(response, count);
}

Task<> get_allocations(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto query, parse_allocation_query(request.query(), context.runtime.wall_now()));
  if (query.page.count) co_return co_await count_allocations(context, std::move(query), response);
  if (query.list.at) {
    co_return co_await list_past_allocations(context, std::move(query.list), query.page.limit, response);
  }
  co_return co_await list_allocations(context, std::move(query.list), query.page.limit, response);
}

Task<> get_allocation(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto cid, parse_cid(request.variable("cid")));
  CO_TRY_ASSIGN(auto at, parse_at(request.query(), context.runtime.wall_now()));
  CO_TRY_ASSIGN(auto peer, parse_peer(request.query()));
  if (at) co_return co_await get_past_allocation(context, std::move(cid), *at, std::move(peer), response);
  if (peer) co_return fail(ErrorKind::kInvalidArgument, "parameter peer invalid: with a CID it needs at, like at=now");
  CO_TRY_ASSIGN(auto pin, co_await context.cluster->allocation(std::move(cid)));
  std::string body;
  model::append_json(body, pin);
  body += '\n';
  co_return response.send(200, body, kJson);
}

}  // namespace

void add_allocation_routes(Routes& routes) {
  routes.add("GET", "/allocations",
             {.tag = kTagPins,
              .summary = "List the pinset",
              .text = "Pages, searches, and the pinset as it was. A pin that does not change while pages are read "
                      "appears exactly once.",
              .parameters = {kAllocationParameters, kLimitParameter, kCursorParameter, kPageParameters, kAtParameters},
              .answer = {"A pin a line; with `at` also who had it; with `count` their number.", "Pin|PastPin|Count",
                         Form::kPagedLines},
              .errors = {404}},
             &get_allocations);
  routes.add("GET", "/allocations/{cid}",
             {.tag = kTagPins,
              .summary = "One pin",
              .parameters = {kAtParameters},
              .answer = {"The pin; with `at` as it was, and who had it.", "Pin|PastPin"}},
             &get_allocation);
}

}  // namespace ipfsc::api::rest
