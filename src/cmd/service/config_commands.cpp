// config check, config docs.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "cmd/service/commands.h"
#include "config/tables.h"

namespace ipfsc::cmd::service {
namespace {

/// Others than the owner can read what is secret.
void check_mode(const std::string& path, std::vector<std::string>& warnings) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & 077) == 0) return;
  warnings.push_back(fmt::format("{} can be read by other users (mode {:03o}): chmod 600", path, info.st_mode & 0777));
}

}  // namespace

/// Nothing is changed, and no lock is needed: the peer may run. 1 when the daemon would not start with it.
int config_check(const Context& context) {
  std::string path = context.argument(0);
  const auto& folder = context.options.global.folder;
  Result<ConfigurationText> found = fail(ErrorKind::kNotFound, "");
  if (path.empty()) {
    path = context.path("service.json");
    found = read_configuration(folder);
  } else {
    auto text = read_file(path, config::kMaxFileBytes);
    found = text ? Result<ConfigurationText>(ConfigurationText{*std::move(text), path}) : fail(text.error());
  }
  if (!found) return context.failed("loading configurations", found.error().message);
  auto loaded = config::parse_configuration(found->text, folder, context.environment);
  if (!loaded) return context.failed("loading configurations", loaded.error().with_context(found->from).message);
  auto sentences = std::move(loaded->warnings);
  std::ranges::move(config::dangers(loaded->config), std::back_inserter(sentences));
  check_mode(path, sentences);
  if (context.argument(0).empty()) {
    check_mode(context.path("identity.json"), sentences);
    auto identity = find_identity(folder);
    if (!identity) return context.failed("loading the identity", identity.error().message);
    if (!*identity && !context.environment.contains("CLUSTER_PRIVATEKEY")) {
      return context.failed("loading the identity", context.path("identity.json") + " does not exist");
    }
  }
  for (const auto& sentence : sentences) fmt::print(context.streams.out, "{}\n", sentence);
  fmt::print(context.streams.out, "{}: {}\n", found->from,
             sentences.empty() ? "nothing to say against it" : "can be used as it is");
  return kExitOk;
}

int config_docs(const Context& context) {
  fmt::print(context.streams.out, "{}", config::configuration_page());
  return kExitOk;
}

}  // namespace ipfsc::cmd::service
