// status, recover, sync.
#include <fmt/format.h>

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

Result<std::vector<std::string>> cid_arguments(const Context& context) {
  std::vector<std::string> cids;
  for (const auto& text : context.options.arguments) {
    TRY_ASSIGN(auto cid, ipld::Cid::parse(text));
    cids.push_back(cid.to_string());
  }
  return cids;
}

int status(Context& context) {
  const auto& options = context.options;
  if (options.why) return status_why(context);
  std::vector<std::pair<std::string, std::string>> query = {{"local", options.local ? "true" : "false"}};
  auto cids = cid_arguments(context);
  if (!cids) return context.output.local_error("parsing cid", cids.error().message);
  if (cids->size() == 1) {
    client::ApiRequest request{.path = "/pins/" + cids->front(), .query = query};
    return options.table ? show_table(context, request, statuses_table()) : show(context, request, format_status);
  }
  if (cids->empty()) {
    if (!model::parse_status_filter(options.filter))
      return context.output.local_error("parsing filter flag", "invalid filter name");
    query.emplace_back("filter", options.filter);
  } else {
    query.emplace_back("cids", fmt::format("{}", fmt::join(*cids, ",")));
  }
  client::ApiRequest request{.path = "/pins", .query = query};
  return options.table ? show_table(context, request, statuses_table()) : show_stream(context, request, format_status);
}

int recover(Context& context) { return again(context, "recover"); }

int sync(Context& context) { return again(context, "sync"); }

}  // namespace ipfsc::cmd::ctl
