// pin ls, pin history.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"
#include "cmd/ctl/tables.h"
#include "ipld/cid.h"

namespace ipfsc::cmd::ctl {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

Result<Query> list_query(const Options& options) {
  const auto& list = options.list;
  Query query = {{"filter", options.filter.empty() ? "all" : options.filter}};
  auto add = [&query](std::string key, const std::string& value) {
    if (!value.empty()) query.emplace_back(std::move(key), value);
  };
  if (list.name) query.emplace_back("name", *list.name);
  if (list.name_prefix) query.emplace_back("name-prefix", *list.name_prefix);
  for (const auto& item : list.metadata) {
    size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorKind::kInvalidArgument, "parsing metadata: metadata were not in the format key=value");
    }
    query.emplace_back("meta-" + item.substr(0, equals), item.substr(equals + 1));
  }
  add("sort", list.sort);
  add("at", list.at);
  add("peer", list.peer);
  if (list.limit != 0) query.emplace_back("limit", std::to_string(list.limit));
  if (list.count) query.emplace_back("count", "true");
  return query;
}

std::string format_count(const boost::json::value& value) { return fmt::format("{}\n", number_of(value, "count")); }

}  // namespace

int pin_ls(Context& context) {
  const auto& list = context.options.list;
  if (context.options.table && !list.at.empty()) return context.output.local_error("", "--table does not go with --at");
  const Formatter format = list.at.empty() ? &format_pin : &format_past_pin;
  if (!context.options.arguments.empty()) {
    auto cid = ipld::Cid::parse(context.argument(0));
    if (!cid) return context.output.local_error("parsing cid", cid.error().message);
    if (list.any()) return context.output.local_error("", "with a CID only --at and --peer can be given");
    Query query;
    if (!list.at.empty()) query.emplace_back("at", list.at);
    if (!list.peer.empty()) query.emplace_back("peer", list.peer);
    client::ApiRequest request{.path = "/allocations/" + cid->to_string(), .query = std::move(query)};
    return context.options.table ? show_table(context, request, pins_table()) : show(context, request, format);
  }
  auto query = list_query(context.options);
  if (!query) return context.output.whole_error(query.error().message);
  client::ApiRequest request{.path = "/allocations", .query = *std::move(query)};
  if (list.count) return show(context, request, &format_count);
  return context.options.table ? show_table(context, request, pins_table()) : show_stream(context, request, format);
}

int pin_history(Context& context) {
  auto cid = ipld::Cid::parse(context.argument(0));
  if (!cid) return context.output.local_error("parsing cid", cid.error().message);
  client::ApiRequest request{.path = "/allocations/" + cid->to_string() + "/history"};
  if (auto limit = context.options.list.limit; limit != 0) request.query.emplace_back("limit", std::to_string(limit));
  return show_stream(context, request, &format_record);
}

}  // namespace ipfsc::cmd::ctl
