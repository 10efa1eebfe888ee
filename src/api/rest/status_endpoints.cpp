// GET /pins[/{cid}]; POST /pins[/{cid}]/recover and /sync: what peers do about pins.
#include <algorithm>

#include "api/rest/context.h"
#include "api/rest/errors.h"
#include "api/rest/json_stream.h"
#include "api/rest/page_pump.h"
#include "api/rest/parameters.h"
#include "api/rest/query_options.h"
#include "model/json_writer.h"

namespace ipfsc::api::rest {
namespace {

Result<> send_info(net::Response& response, const model::GlobalPinInfo& info) {
  std::string body;
  model::append_json(body, info);
  body += '\n';
  return response.send(200, body, kJson);
}

/// Streams what `cursor` gives, at most `limit` items.
Task<> stream_statuses(RestContext& context, cluster::StatusCursor& cursor, JsonStream& stream, uint64_t limit) {
  auto next = [&cursor](this auto, std::vector<model::GlobalPinInfo>& out, size_t max) -> Task<> {
    CO_TRY(co_await cursor.next(out, max));
    co_return Result<>{};
  };
  auto append = [](std::string& out, const model::GlobalPinInfo& info) { model::append_json(out, info); };
  auto outcome = co_await pump_pages<model::GlobalPinInfo>(context.runtime, stream, context.options.list_page, limit,
                                                           next, append);
  co_return stream.end({.outcome = std::move(outcome), .next_cursor = cursor.next_cursor()});
}

/// Statuses of the pins that a search of the pinset finds, in its order.
class SearchedStatuses final : public cluster::StatusCursor {
 public:
  SearchedStatuses(RestContext& context, std::unique_ptr<state::PinCursor> pins, cluster::StatusQuery query)
      : context_(context), pins_(std::move(pins)), query_(std::move(query)) {}

  Task<size_t> next(std::vector<model::GlobalPinInfo>& out, size_t max) override {
    size_t before = out.size();
    while (out.size() == before && !pins_->done()) {
      std::vector<state::StoredPin> found;
      CO_TRY(co_await run_blocking(context_.runtime, [&] { return pins_->next(found, max); }));
      if (found.empty()) continue;
      auto query = query_;
      for (auto& stored : found) query.cids.push_back(std::move(stored.pin.cid));
      auto statuses = context_.cluster->statuses(std::move(query));
      for (;;) {
        CO_TRY_ASSIGN(size_t count, co_await statuses->next(out, max));
        if (count == 0) break;
      }
    }
    co_return out.size() - before;
  }
  std::string next_cursor() const override { return pins_->token(); }

 private:
  RestContext& context_;
  std::unique_ptr<state::PinCursor> pins_;
  cluster::StatusQuery query_;
};

Result<std::unique_ptr<cluster::StatusCursor>> open_statuses(RestContext& context, cluster::StatusQuery query,
                                                             const Page& page) {
  if (!page.searches()) {
    query.cursor = page.cursor;
    return context.cluster->statuses(std::move(query));
  }
  TRY_ASSIGN(
      auto pins,
      context.cluster->allocations(
          {.name = page.name, .name_prefix = page.name_prefix, .metadata = page.metadata, .cursor = page.cursor}));
  return std::make_unique<SearchedStatuses>(context, std::move(pins), std::move(query));
}

Task<> count_statuses(RestContext& context, cluster::StatusCursor& cursor, net::Response& response) {
  uint64_t total = 0;
  std::vector<model::GlobalPinInfo> page;
  for (;;) {
    page.clear();
    CO_TRY_ASSIGN(size_t count, co_await cursor.next(page, context.options.list_page));
    if (count == 0) break;
    total += count;
  }
  co_return send_count(response, total);
}

Task<> get_statuses(RestContext& context, net::Request& request, net::Response& response) {
  cluster::StatusQuery query;
  CO_TRY_ASSIGN(query.local, parse_bool(request.query(), "local"));
  CO_TRY_ASSIGN(query.filter, model::parse_status_filter(request.query().value("filter")));
  CO_TRY_ASSIGN(query.cids, parse_cids(request.query().value("cids")));
  CO_TRY_ASSIGN(auto page, parse_page(request.query()));
  for (auto name : {"sort", "at", "peer"}) {
    if (request.query().has(name)) {
      co_return fail(ErrorKind::kInvalidArgument,
                     fmt::format("parameter {} invalid: it is offered for /allocations only", name));
    }
  }
  if (!query.cids.empty() && (page.searches() || page.limit || !page.cursor.empty())) {
    co_return fail(ErrorKind::kInvalidArgument, "cids cannot be combined with a search, limit or cursor");
  }
  CO_TRY_ASSIGN(auto cursor, open_statuses(context, std::move(query), page));
  if (page.count) co_return co_await count_statuses(context, *cursor, response);
  JsonStream stream(response, page.limit.has_value());
  co_return co_await stream_statuses(context, *cursor, stream, page.limit.value_or(UINT64_MAX));
}

Task<> get_status(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto cid, parse_cid(request.variable("cid")));
  CO_TRY_ASSIGN(bool local, parse_bool(request.query(), "local"));
  CO_TRY_ASSIGN(auto info, co_await context.cluster->status(std::move(cid), local));
  co_return send_info(response, info);
}

Task<> recover(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto cid, parse_cid(request.variable("cid")));
  CO_TRY_ASSIGN(bool local, parse_bool(request.query(), "local"));
  CO_TRY_ASSIGN(auto info, co_await context.cluster->recover(std::move(cid), local));
  co_return send_info(response, info);
}

Task<> recover_all(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(bool local, parse_bool(request.query(), "local"));
  auto cursor = context.cluster->recover_all(local);
  JsonStream stream(response);
  co_return co_await stream_statuses(context, *cursor, stream, UINT64_MAX);
}

Task<> sync(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(auto cid, parse_cid(request.variable("cid")));
  CO_TRY_ASSIGN(bool local, parse_bool(request.query(), "local"));
  CO_TRY_ASSIGN(auto info, co_await context.cluster->sync(std::move(cid), local));
  co_return send_info(response, info);
}

Task<> sync_all(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY(parse_bool(request.query(), "local"));
  JsonStream stream(response);
  auto report = co_await context.cluster->sync_all([&stream](this auto, model::GlobalPinInfo info) -> Task<> {
    std::string line;
    model::append_json(line, info);
    line += '\n';
    co_return co_await stream.write(line);
  });
  co_return stream.end({.outcome = report ? Result<>{} : fail(report.error())});
}

}  // namespace

void add_status_routes(Routes& routes) {
  routes.add("GET", "/pins",
             {.tag = kTagStatus,
              .summary = "Statuses of all pins",
              .text = "With a `filter` only peers whose status matches. `cids` cannot be combined with a search, "
                      "`limit` or `cursor`.",
              .parameters = {kLocalParameter, kStatusParameters, kLimitParameter, kCursorParameter, kPageParameters},
              .answer = {"A pin a line; with `count` their number.", "GlobalPinInfo|Count", Form::kPagedLines}},
             &get_statuses);
  routes.add("GET", "/pins/{cid}",
             {.tag = kTagStatus,
              .summary = "Status of one pin",
              .text = "Also of a CID that is not pinned: `unpinned` everywhere.",
              .parameters = {kLocalParameter},
              .answer = {"Its status on each peer.", "GlobalPinInfo"}},
             &get_status);
  routes.add("POST", "/pins/recover",
             {.tag = kTagStatus,
              .summary = "Try again all that failed",
              .parameters = {kLocalParameter},
              .answer = {"What is tried again, a pin a line.", "GlobalPinInfo", Form::kLines}},
             &recover_all);
  routes.add("POST", "/pins/{cid}/recover",
             {.tag = kTagStatus,
              .summary = "Try one pin again",
              .parameters = {kLocalParameter},
              .answer = {"Its status now.", "GlobalPinInfo"},
              .errors = {409}},
             &recover);
  routes.add("POST", "/pins/sync",
             {.tag = kTagStatus,
              .summary = "Compare all statuses here with the IPFS node",
              .parameters = {kLocalParameter},
              .answer = {"What was different, a pin a line.", "GlobalPinInfo", Form::kLines}},
             &sync_all);
  routes.add("POST", "/pins/{cid}/sync",
             {.tag = kTagStatus,
              .summary = "Compare the status of one pin with the IPFS nodes",
              .parameters = {kLocalParameter},
              .answer = {"Its status now.", "GlobalPinInfo"},
              .errors = {409}},
             &sync);
}

}  // namespace ipfsc::api::rest
