// status, recover, sync.
#include <algorithm>

#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"
#include "cmd/ctl/tables.h"
#include "cmd/ctl/words.h"
#include "ipld/cid.h"

namespace ipfsc::cmd::ctl {
namespace {

/// As the server reads it: one name that is known is enough.
bool filter_is_known(std::string_view filter) {
  if (filter.empty()) return true;
  std::string name;
  for (size_t i = 0; i <= filter.size(); ++i) {
    if (i < filter.size() && filter[i] != ',') {
      if (filter[i] != ' ') name += filter[i];
      continue;
    }
    if (std::find(std::begin(kStatuses), std::end(kStatuses), name) != std::end(kStatuses)) return true;
    name.clear();
  }
  return false;
}

/// POST /pins/{cid}/<what>, or /pins/<what> for all.
int again(Context& context, const std::string& what) {
  std::vector<std::pair<std::string, std::string>> query = {{"local", context.options.local ? "true" : "false"}};
  if (context.options.arguments.empty()) {
    return show_stream(context, {.method = "POST", .path = "/pins/" + what, .query = query}, format_status);
  }
  auto cid = ipld::Cid::parse(context.argument(0));
  if (!cid) return context.output.local_error("parsing cid", cid.error().message);
  return show(context, {.method = "POST", .path = "/pins/" + cid->to_string() + "/" + what, .query = query},
              format_status);
}

}  // namespace

int status(Context& context) {
  const auto& options = context.options;
  std::vector<std::pair<std::string, std::string>> query = {{"local", options.local ? "true" : "false"}};
  std::string cids, one;
  for (const auto& text : options.arguments) {
    auto cid = ipld::Cid::parse(text);
    if (!cid) return context.output.local_error("parsing cid", cid.error().message);
    one = cid->to_string();
    cids += (cids.empty() ? "" : ",") + one;
  }
  if (options.arguments.size() == 1) {
    client::ApiRequest request{.path = "/pins/" + one, .query = query};
    return options.table ? show_table(context, request, statuses_table()) : show(context, request, format_status);
  }
  if (cids.empty()) {
    if (!filter_is_known(options.filter))
      return context.output.local_error("parsing filter flag", "invalid filter name");
    query.emplace_back("filter", options.filter);
  } else {
    query.emplace_back("cids", cids);
  }
  client::ApiRequest request{.path = "/pins", .query = query};
  return options.table ? show_table(context, request, statuses_table()) : show_stream(context, request, format_status);
}

int recover(Context& context) { return again(context, "recover"); }

int sync(Context& context) { return again(context, "sync"); }

}  // namespace ipfsc::cmd::ctl
