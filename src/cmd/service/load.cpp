// Reading what a command works with.
#include <fmt/format.h>

#include "base/files.h"
#include "base/log.h"
#include "client/http.h"
#include "cmd/service/commands.h"

namespace ipfsc::cmd::service {
namespace {

LogComponent log("config");

/// A configuration that is kept elsewhere is fetched at every start.
Result<std::string> fetch_source(const std::string& url) {
  client::HttpSession session;
  auto fetched =
      session.get({.url = url, .follow_redirects = true, .timeout = std::chrono::seconds(60)}, config::kMaxFileBytes);
  if (!fetched) {
    return fail(fetched.error().kind,
                fmt::format("could not fetch configuration from source: {} ({})", url, fetched.error().message));
  }
  auto& [answer, body] = *fetched;
  if (answer.status >= 300) {
    return fail(ErrorKind::kUnavailable,
                fmt::format("unsuccessful request ({}): {}", answer.status, body.substr(0, 1000)));
  }
  return std::move(body);
}

}  // namespace

Result<config::Configuration> load_configuration(const Context& context) {
  std::string path = context.path("service.json");
  auto text = read_file(path, config::kMaxFileBytes);
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kNotFound, path + " does not exist: run \"ipfs-cluster-service init\" first");
  }
  if (!text) return fail(text.error());
  std::string from = path;
  if (auto source = config::remote_source(*text)) {
    from = *source;
    TRY_ASSIGN(*text, fetch_source(*source));
  }
  auto loaded = config::parse_configuration(*text, context.options.global.folder, context.environment);
  if (!loaded) return fail(loaded.error().with_context(from));
  for (const auto& warning : loaded->warnings) log.warn("{}: {}", from, warning);
  return std::move(loaded->config);
}

Result<identity::Identity> load_identity(const Context& context) {
  std::string path = context.path("identity.json");
  std::optional<identity::Identity> found;
  auto loaded = identity::load_identity(path);
  if (loaded) {
    found = std::move(*loaded);
  } else if (loaded.error().kind != ErrorKind::kNotFound) {
    return fail(loaded.error());
  } else if (auto text = read_file(context.path("service.json"), config::kMaxFileBytes)) {
    // Before version 0.11 the identity was part of the configuration.
    if (auto old = config::legacy_identity(*text)) {
      TRY_ASSIGN(auto made, identity::make_identity(old->id, old->private_key));
      TRY(identity::save_identity(path, made));
      context.say("the identity of service.json was written to " + path);
      found = std::move(made);
    }
  }
  TRY_ASSIGN(found, identity::apply_environment(std::move(found), context.environment));
  if (!found) {
    return fail(ErrorKind::kNotFound, path + " does not exist: run \"ipfs-cluster-service init\" first");
  }
  return std::move(*found);
}

}  // namespace ipfsc::cmd::service
