// repo/stat and repo/gc: of all peers together.
#include "api/common/json_stream.h"
#include "api/proxy/context.h"
#include "api/proxy/errors.h"
#include "api/rest/query_options.h"
#include "cluster/repo_stats.h"
#include "model/json_writer.h"

namespace ipfsc::api::proxy {
namespace {

Task<> repo_stat(ProxyContext& context, net::Request&, net::Response& response) {
  CO_TRY_ASSIGN(auto stat, co_await context.repo_stats->sum());
  std::string body;
  model::JsonObject object(body);
  object.number("RepoSize", stat.repo_size_bytes);
  object.number("StorageMax", stat.storage_max_bytes);
  object.number("NumObjects", stat.num_objects);  // clients fail without it; the Go program has none
  object.end();
  co_return response.send(200, body, kJson);
}

void append_key(std::string& out, const std::optional<ipld::Cid>& key, std::string_view error) {
  model::JsonObject object(out);
  if (key) {
    std::string link;
    model::JsonObject in(link);
    in.plain("/", key->to_string());
    in.end();
    object.raw("Key", link);
  } else {
    object.null("Key");
  }
  if (!error.empty()) object.text("Error", error);
  object.end();
  out += '\n';
}

Task<> repo_gc(ProxyContext& context, net::Request& request, net::Response& response) {
  CO_TRY_ASSIGN(bool stream_errors, rest::parse_bool(request.query(), "stream-errors"));
  CO_TRY_ASSIGN(bool silent, rest::parse_bool(request.query(), "silent"));
  CO_TRY_ASSIGN(auto collected, co_await context.cluster->gc(/*local=*/false));
  response.add_header("X-Chunked-Output", "1");
  common::JsonStream stream(response);
  std::string errors;
  auto add = [&](std::string& line, const std::optional<ipld::Cid>& key, const std::string& error) {
    if (!error.empty() && !stream_errors) errors += (errors.empty() ? "" : "; ") + error;
    if (!silent) append_key(line, key, stream_errors ? error : "");
  };
  for (const auto& [peer, repo] : collected.peers) {
    std::string line;
    if (!repo.error.empty()) add(line, std::nullopt, fmt::format("{}: {}", repo.peername, repo.error));
    for (const auto& key : repo.keys) {
      add(line, key.key, key.error);
      CO_TRY(co_await stream.write(std::exchange(line, {})));
    }
    if (!line.empty()) CO_TRY(co_await stream.write(line));
  }
  co_return stream.end_always_200(errors.empty() ? Result<>{} : fail(ErrorKind::kUnknown, errors));
}

}  // namespace

void add_repo_commands(net::Router& router, ProxyContext& context) {
  add_command(router, context, "repo/stat", repo_stat);
  add_command(router, context, "repo/gc", repo_gc);
}

}  // namespace ipfsc::api::proxy
