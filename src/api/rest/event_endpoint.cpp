// GET /events: changes of the log as server-sent events.
#include <algorithm>

#include "api/rest/change_text.h"
#include "api/rest/context.h"
#include "api/rest/parameters.h"
#include "api/rest/query_options.h"

namespace ipfsc::api::rest {
namespace {

using state::FeedPosition;

constexpr std::string_view kEventStream = "text/event-stream";
constexpr size_t kPage = 256;             // changes read at once from the history
constexpr size_t kWriteBytes = 16 << 10;  // sent at once
constexpr size_t kMostCids = 100;         // in a filter

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

Result<EventFilter> parse_filter(const net::Query& query) {
  EventFilter filter;
  TRY_ASSIGN(filter.cids, parse_cids(query.value("cid")));
  if (filter.cids.size() > kMostCids) return refuse(fmt::format("parameter cid invalid: at most {} CIDs", kMostCids));
  std::ranges::sort(filter.cids);
  auto names = query.value("type");
  if (names.empty()) return filter;
  filter.types = 0;
  while (!names.empty()) {
    auto name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    auto type = type_from(name);
    if (!type) return refuse(fmt::format("parameter type invalid: of {}, comma-separated", kTypeNames));
    filter.types |= 1u << *type;
  }
  return filter;
}

/// Where to begin: Last-Event-ID, which browsers send when they come again, goes before `from`.
Task<FeedPosition> parse_from(RestContext& context, const net::Request& request) {
  const auto& state = context.cluster->state();
  auto last = request.header("Last-Event-ID");
  auto from = last && !last->empty() ? *last : request.query().value("from");
  auto name = last && !last->empty() ? "Last-Event-ID" : "from";
  if (from.empty() || from == "now") co_return state.feed_end();
  if (from == "oldest") co_return state.feed_begin();
  if (auto position = position_from(from)) co_return *position;
  CO_TRY_ASSIGN(auto time,
                parse_past(name, from, context.runtime.wall_now(), ", or a position like 1.42.0, or oldest"));
  auto position = co_await run_blocking(context.runtime, [&] { return state.position_at(time); });
  if (!position) co_return fail(position.error().with_context(name));
  co_return position;
}

/// One listener: from its position to the end of the connection.
class Listener {
 public:
  Listener(RestContext& context, net::Response& response, EventFilter filter, FeedPosition at)
      : context_(context), hub_(context.events), response_(response), filter_(std::move(filter)), at_(at) {}

  /// The page behind the position is read first, so that a position that is lost is refused in time.
  Task<> run(bool follow) {
    beat_ = hub_.beats();
    FeedPosition end = context_.cluster->state().feed_end();
    CO_TRY_ASSIGN(auto text, co_await read_page());
    response_.set_header("Cache-Control", "no-cache");
    CO_TRY(response_.begin({.content_type = kEventStream}));
    CO_TRY(co_await response_.write(fmt::format(": listening\nid: {}\n\n", position_text(at_)) + text));
    while (!ended_) {
      if (hub_.stopping()) {
        CO_TRY(co_await end_with("stopping", "this peer stops; go on from this position later, or at another peer"));
      } else if (!follow && at_ >= end) {
        CO_TRY(co_await end_with("end", "all that had happened when this was asked for was told"));
      } else if (follow && hub_.reaches(at_)) {
        CO_TRY(co_await follow_hub());
      } else if (behind_ && hub_.count() > *behind_ + context_.options.max_events_behind) {
        CO_TRY(co_await end_with(
            "slow", fmt::format("you are more than {} changes behind; go on from this position when you can keep up",
                                context_.options.max_events_behind)));
      } else {
        CO_TRY(co_await catch_up());
      }
    }
    co_return response_.end();
  }

 private:
  /// What the filter wants of the next changes of the history; moves the position.
  Task<std::string> read_page() {
    FeedPosition seen = context_.cluster->state().feed_end();
    CO_TRY_ASSIGN(auto text, co_await run_blocking(context_.runtime, [&]() -> Result<std::string> {
                    TRY_ASSIGN(auto changes, context_.cluster->state().changes_after(at_, kPage));
                    std::string out;
                    for (const auto& change : changes) {
                      if (filter_.wants(change)) out += event_text(change);
                    }
                    if (changes.empty()) {
                      at_ = at_.revision() == 0 ? seen : std::max(at_, seen);
                    } else {
                      at_ = changes.back().position;
                    }
                    if (behind_) *behind_ += changes.size();
                    return out;
                  }));
    co_return text;
  }

  Task<> catch_up() {
    auto text = co_await read_page();
    if (text) co_return co_await write(*text);
    if (text.error().kind == ErrorKind::kCancelled) co_return fail(text.error());
    co_return co_await end_with(text.error().kind == ErrorKind::kOutOfRange ? "lost" : "error", text.error().message);
  }

  Task<> follow_hub() {
    std::string text;
    behind_ = hub_.take(at_, filter_, text, kWriteBytes);
    if (!text.empty()) co_return co_await write(text);
    if (*behind_ < hub_.count()) co_return Result<>{};
    if (hub_.beats() != beat_) {
      // The position moves with what the filter passes over, so that a listener of rare events can resume too.
      co_return co_await write(fmt::format(": heartbeat\nid: {}\n\n", position_text(at_)));
    }
    co_return co_await hub_.wait();
  }

  Task<> write(const std::string& text) {
    beat_ = hub_.beats();
    co_return co_await response_.write(text);
  }

  Task<> end_with(std::string_view reason, std::string_view message) {
    ended_ = true;
    auto text = fmt::format("id: {}\nevent: end\ndata: ", position_text(at_));
    model::JsonObject object(text);
    object.plain("position", position_text(at_));
    object.plain("type", "end");
    object.plain("reason", reason);
    object.text("message", message);
    object.end();
    co_return co_await response_.write(text + "\n\n");
  }

  RestContext& context_;
  EventHub& hub_;
  net::Response& response_;
  const EventFilter filter_;
  FeedPosition at_;
  std::optional<uint64_t> behind_;  // EventHub::take()'s number, once the listener was up to date
  uint64_t beat_ = 0;
  bool ended_ = false;
};

Task<> get_events(RestContext& context, net::Request& request, net::Response& response) {
  CO_TRY(only_known(request.query(), {"from", "cid", "type", "follow"}));
  bool follow = true;
  if (request.query().has("follow")) {
    CO_TRY_ASSIGN(follow, parse_bool(request.query(), "follow"));
  }
  CO_TRY_ASSIGN(auto filter, parse_filter(request.query()));
  CO_TRY_ASSIGN(auto seat, context.events.sit(*context.cluster));
  CO_TRY_ASSIGN(auto from, co_await parse_from(context, request));
  Listener listener(context, response, std::move(filter), from);
  co_return co_await listener.run(follow);
}

}  // namespace

void add_event_route(Routes& routes) {
  routes.add("GET", "/events",
             {.tag = kTagPast,
              .summary = "Changes as they happen",
              .text = "Server-sent events in the order of the log. `id` is a position, `event` the type, `data` a "
                      "Change as JSON. A stream that the peer ends has `event: end` as its last event.",
              .parameters = {kEventParameters},
              .answer = {"A stream of events.", "Change", Form::kEvents}},
             &get_events);
}

}  // namespace ipfsc::api::rest
