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

Result<ConfigurationText> read_configuration(const std::string& folder) {
  std::string path = folder + "/service.json";
  auto text = read_file(path, config::kMaxFileBytes);
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kNotFound, path + " does not exist: run \"ipfs-cluster-service init\" first");
  }
  if (!text) return fail(text.error());
  if (auto source = config::remote_source(*text)) {
    TRY_ASSIGN(*text, fetch_source(*source));
    return ConfigurationText{*std::move(text), *std::move(source)};
  }
  return ConfigurationText{*std::move(text), std::move(path)};
}

Result<config::Configuration> load_configuration(const Context& context) {
  TRY_ASSIGN(auto found, read_configuration(context.options.global.folder));
  auto loaded = config::parse_configuration(found.text, context.options.global.folder, context.environment);
  if (!loaded) return fail(loaded.error().with_context(found.from));
  for (const auto& warning : loaded->warnings) log.warn("{}: {}", found.from, warning);
  return std::move(loaded->config);
}

Result<std::optional<FoundIdentity>> find_identity(const std::string& folder) {
  auto loaded = identity::load_identity(folder + "/identity.json");
  if (loaded) return FoundIdentity{*std::move(loaded), false};
  if (loaded.error().kind != ErrorKind::kNotFound) return fail(loaded.error());
  // Before version 0.11 the identity was part of the configuration.
  std::string path = folder + "/service.json";
  auto text = read_file(path, config::kMaxFileBytes);
  auto old = text ? config::legacy_identity(*text) : std::nullopt;
  if (!old) return std::nullopt;
  auto made = identity::make_identity(old->id, old->private_key);
  if (!made) return fail(made.error().with_context(path + ": cluster"));
  return FoundIdentity{*std::move(made), true};
}

Result<identity::Identity> load_identity(const Context& context) {
  std::string path = context.path("identity.json");
  TRY_ASSIGN(auto stored, find_identity(context.options.global.folder));
  std::optional<identity::Identity> found;
  if (stored) {
    if (stored->in_configuration) {
      TRY(identity::save_identity(path, stored->identity));
      context.say("the identity of service.json was written to " + path);
    }
    found = std::move(stored->identity);
  }
  TRY_ASSIGN(found, identity::apply_environment(std::move(found), context.environment));
  if (!found) {
    return fail(ErrorKind::kNotFound, path + " does not exist: run \"ipfs-cluster-service init\" first");
  }
  return std::move(*found);
}

}  // namespace ipfsc::cmd::service
