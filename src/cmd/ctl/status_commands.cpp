// status, recover, sync.
#include <algorithm>

#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"
#include "cmd/ctl/tables.h"
#include "ipld/cid.h"
#include "model/status.h"

namespace ipfsc::cmd::ctl {
namespace {

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
  if (options.why) return status_why(context);
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
    if (!model::parse_status_filter(options.filter))
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
