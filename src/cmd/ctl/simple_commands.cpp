// Commands that are one request and its answer.
#include <fmt/format.h>

#include <fstream>
#include <map>

#include <boost/json.hpp>

#include "base/json.h"
#include "cmd/cli/progress_line.h"
#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"
#include "cmd/ctl/tables.h"

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;

WallTime now() { return std::chrono::system_clock::now(); }

client::ApiError not_json(const Error& error) {
  return {.code = 0, .message = "the answer is not JSON: " + error.message};
}

std::vector<std::pair<std::string, std::string>> local_query(const Context& context) {
  return {{"local", context.options.local ? "true" : "false"}};
}

/// An array in one answer: as JSON a single array, as text an element after the other.
int show_array(Context& context, const client::ApiRequest& request, const Formatter& format) {
  return show(context, request, [&](const json::value& value) {
    std::string out;
    if (value.is_array()) {
      for (const auto& element : value.get_array()) out += format(element);
    }
    return out;
  });
}

}  // namespace

client::Answer<json::value> ask(Context& context, const client::ApiRequest& request) {
  auto answer = context.client.call(request);
  if (!answer) return std::unexpected(answer.error());
  if (answer->empty()) return json::value(nullptr);
  auto value = parse_json(*answer);
  if (!value) return std::unexpected(not_json(value.error()));
  return std::move(*value);
}

void print(Context& context, const json::value& value, const Formatter& format) {
  if (context.output.json()) {
    context.output.object(value);
  } else {
    context.output.text(format(value));
  }
}

int show(Context& context, const client::ApiRequest& request, const Formatter& format) {
  auto value = ask(context, request);
  if (!value) return context.output.api_error(value.error());
  if (!value->is_null()) print(context, *value, format);
  return kExitOk;
}

int show_stream(Context& context, const client::ApiRequest& request, const Formatter& format) {
  auto done = context.client.stream(
      request,
      [&](std::string_view object) -> Result<> {
        if (context.output.broken()) return fail(ErrorKind::kCancelled, "the output is closed");
        auto value = parse_json(object);
        if (!value) return fail(value.error().with_context("the answer is not JSON"));
        print(context, *value, format);
        return {};
      },
      [&] { context.output.flush(); });
  if (context.output.broken()) return kExitLocal;
  return done ? kExitOk : context.output.api_error(done.error());
}

int id(Context& context) { return show(context, {.path = "/id"}, format_id); }

int version(Context& context) { return show(context, {.path = "/version"}, format_version); }

int ipfs_gc(Context& context) {
  client::ApiRequest request{.method = "POST", .path = "/ipfs/gc", .query = local_query(context)};
  ProgressLine progress(context.output.err());
  if (!progress.active()) return show(context, request, format_gc);
  std::map<std::string, int64_t> removed;
  auto with_progress = request;
  with_progress.path += "/progress";
  auto done = context.client.stream(
      with_progress,
      [&](std::string_view object) -> Result<> {
        TRY_ASSIGN(auto line, parse_json(object));
        if (member_of(line, "peer_map") != nullptr) {
          progress.clear();
          print(context, line, format_gc);
          return {};
        }
        removed[text_of(line, "peer")] = number_of(line, "removed");
        int64_t all = 0;
        for (const auto& [peer, blocks] : removed) all += blocks;
        progress.draw(fmt::format("{} blocks removed on {} peers", all, removed.size()));
        return {};
      },
      [&] { context.output.flush(); });
  progress.clear();
  // A Go peer has no such path.
  if (!done && (done.error().code == 404 || done.error().code == 405)) return show(context, request, format_gc);
  return done ? kExitOk : context.output.api_error(done.error());
}

int health_metrics(Context& context) {
  if (context.options.arguments.empty()) {
    return show_array(context, {.path = "/monitor/metrics"}, [](const json::value& name) {
      return name.is_string() ? std::string(name.get_string()) + "\n" : std::string();
    });
  }
  client::ApiRequest request{.path = "/monitor/metrics/" + client::url_escape(context.argument(0))};
  if (context.options.table) return show_table(context, request, metrics_table(now()));
  return show_array(context, request, [](const json::value& metric) { return format_metric(metric, now()); });
}

int health_alerts(Context& context) {
  if (context.options.table) return show_table(context, {.path = "/health/alerts"}, alerts_table());
  return show_array(context, {.path = "/health/alerts"},
                    [](const json::value& alert) { return format_alert(alert, now()); });
}

int health_bandwidth(Context& context) { return show(context, {.path = "/health/bandwidth"}, format_bandwidth); }

int health_graph(Context& context) {
  auto graph = ask(context, {.path = "/health/graph"});
  if (!graph) return context.output.api_error(graph.error());
  std::string text = format_graph(*graph, context.options.all_ipfs_peers);
  if (context.options.graph_file.empty()) {
    context.output.text(text);
    return kExitOk;
  }
  std::ofstream file(context.options.graph_file, std::ios::binary);
  if (!file) return context.output.local_error("creating output file", context.options.graph_file);
  file << text;
  file.close();
  return file ? kExitOk : context.output.local_error("printing graph", context.options.graph_file);
}

}  // namespace ipfsc::cmd::ctl
