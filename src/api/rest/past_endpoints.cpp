// GET /allocations[/{cid}]?at=TIME and GET /allocations/{cid}/history: the pinset as it was, and how it came about.
#include "api/rest/change_text.h"
#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/page_pump.h"
#include "api/rest/parameters.h"
#include "api/rest/query_options.h"
#include "model/pin_json.h"

namespace ipfsc::api::rest {
namespace {

/// true, false, or null for "not known".
void add_known(model::JsonObject& object, std::string_view name, std::optional<bool> value) {
  value ? object.boolean(name, *value) : object.null(name);
}

void add_holder(model::JsonObject& object, const cluster::Holder& holder) {
  object.plain("peer", holder.peer.to_string());
  object.text("peername", holder.peername);
  add_known(object, "allocated", holder.allocated);
  add_known(object, "confirmed", holder.confirmed);
  if (holder.holding) {
    object.time("since", holder.holding->from);
    if (holder.holding->to) {
      object.time("until", holder.holding->to);
      object.plain("ended", holder.holding->ended == tracker::Holding::kLost ? "lost" : "unpinned");
    }
  }
  if (!holder.error.empty()) object.text("error", holder.error);
}

/// The pin, and who had it at `at`.
void append_past_pin(std::string& out, const cluster::PastPin& past, WallTime at) {
  model::JsonObject object(out);
  model::add_fields(object, past.pin);
  object.time("at", at);
  object.objects("peers", past.holders, &add_holder);
  object.end();
}

void append_record(std::string& out, const state::HistoryRecord& record) {
  model::JsonObject object(out);
  add_change(object, record.change);
  for (const auto& [name, pin] : {std::pair("before", &record.before), std::pair("after", &record.after)}) {
    if (*pin) {
      model::append_json(object.key(name), (*pin)->pin);
    } else {
      object.null(name);
    }
  }
  object.end();
}

/// kNotFound when nobody knows the peer.
Result<> check_known(RestContext& context, const std::optional<ipld::PeerId>& peer) {
  if (!peer || context.cluster->state().peer(*peer)) return {};
  return fail(ErrorKind::kNotFound, fmt::format("peer {} is not known to this cluster", peer->to_string()));
}

/// "at: the history begins at …".
Error about_at(const Error& error) { return error.kind == ErrorKind::kOutOfRange ? error.with_context("at") : error; }

/// Walks the history of one CID, newest first.
class HistoryReader {
 public:
  HistoryReader(RestContext& context, ipld::Cid cid, state::Revision before)
      : context_(context), cid_(std::move(cid)), before_(before) {}

  Task<> next(std::vector<state::HistoryRecord>& out, size_t max) {
    if (done_) co_return Result<>{};
    // One more than is wanted tells whether there is more.
    CO_TRY_ASSIGN(out, co_await run_blocking(context_.runtime, [&] {
                    return context_.cluster->state().history(cid_, before_, max + 1);
                  }));
    done_ = out.size() <= max;
    if (!done_) out.pop_back();
    if (!out.empty()) last_ = out.back().change.position;
    before_ = last_.revision();
    co_return Result<>{};
  }
  std::string token() const { return done_ ? "" : position_text(last_); }

 private:
  RestContext& context_;
  const ipld::Cid cid_;
  state::Revision before_;
  state::FeedPosition last_;
  bool done_ = false;
};

Task<> get_history(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY(only_known(request.query(), {"limit", "cursor"}));
  CO_TRY_ASSIGN(auto cid, parse_cid(request.variable("cid")));
  CO_TRY_ASSIGN(auto limit, parse_limit(request.query()));
  state::Revision before = 0;
  if (auto cursor = request.query().value("cursor"); !cursor.empty()) {
    auto position = position_from(cursor);
    if (!position || position->revision() == 0) {
      co_return fail(ErrorKind::kInvalidArgument, "parameter cursor invalid: it is not one of a history");
    }
    before = position->revision();
  }
  const auto& state = context.cluster->state();
  HistoryReader reader(context, cid, before);
  std::vector<state::HistoryRecord> first;
  size_t first_size = static_cast<size_t>(std::min<uint64_t>(limit.value_or(kFirstPage), kFirstPage));
  CO_TRY(co_await reader.next(first, first_size));
  if (first.empty() && before == 0) {
    CO_TRY_ASSIGN(auto stored, co_await run_blocking(context.runtime, [&] { return state.get(cid); }));
    if (!stored) {
      co_return fail(ErrorKind::kNotFound, fmt::format("pin is not part of the pinset, and was not since {}",
                                                       format_rfc3339(state.history_since())));
    }
  }
  JsonStream stream(response, limit.has_value());
  auto next = [&](this auto, std::vector<state::HistoryRecord>& out, size_t max) -> Task<> {
    if (!first.empty()) {
      out.swap(first);
      co_return Result<>{};
    }
    co_return co_await reader.next(out, max);
  };
  auto outcome = co_await pump_pages<state::HistoryRecord>(context.runtime, stream, context.options.list_page,
                                                           limit.value_or(UINT64_MAX), next, &append_record);
  co_return stream.end({.outcome = std::move(outcome), .next_cursor = reader.token()});
}

}  // namespace

Task<> list_past_allocations(RestContext& context, state::ListQuery query, std::optional<uint64_t> limit,
                             net::Response& response) {
  CO_TRY(check_known(context, query.peer));
  WallTime at = *query.at;
  auto cursor = context.cluster->allocations_at(std::move(query));
  if (!cursor) co_return fail(about_at(cursor.error()));
  JsonStream stream(response, limit.has_value());
  auto next = [&](this auto, std::vector<cluster::PastPin>& out, size_t max) -> Task<> {
    return (*cursor)->next(out, max);
  };
  auto append = [at](std::string& out, const cluster::PastPin& pin) { append_past_pin(out, pin, at); };
  auto outcome = co_await pump_pages<cluster::PastPin>(context.runtime, stream, context.options.list_page,
                                                       limit.value_or(UINT64_MAX), next, append);
  co_return stream.end({.outcome = std::move(outcome), .next_cursor = (*cursor)->token()});
}

Task<> get_past_allocation(RestContext& context, ipld::Cid cid, WallTime at, std::optional<ipld::PeerId> peer,
                           net::Response& response) {
  CO_TRY(check_known(context, peer));
  auto past = co_await context.cluster->pin_at(std::move(cid), at, std::move(peer));
  if (!past) co_return fail(about_at(past.error()));
  std::string body;
  append_past_pin(body, *past, at);
  body += '\n';
  co_return response.send(200, body, kJson);
}

void add_past_routes(Routes& routes) {
  routes.add("GET", "/allocations/{cid}/history",
             {.tag = kTagPast,
              .summary = "Every change of one pin",
              .text = "Newest first, with the pin before and after it.",
              .parameters = {kLimitParameter, kCursorParameter},
              .answer = {"A change a line.", "HistoryRecord", Form::kPagedLines}},
             &get_history);
}

}  // namespace ipfsc::api::rest
