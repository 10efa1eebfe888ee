// The commands of ipfs-cluster-service. Each returns the exit code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/state_commands.h"
#include "cmd/service/arguments.h"
#include "cmd/service/service.h"
#include "config/configuration.h"
#include "identity/identity.h"

namespace ipfsc::cmd::service {

struct Context {
  const Options& options;
  const config::Environment& environment;
  const Streams& streams;

  std::string path(std::string_view name) const { return options.global.folder + "/" + std::string(name); }
  std::string argument(size_t n) const { return n < options.arguments.size() ? options.arguments[n] : std::string(); }

  /// One line on stderr.
  void say(std::string_view message) const;
  /// "error <doing>: <message>" on stderr; returns kExitError.
  int failed(std::string_view doing, std::string_view message) const;
  /// Asks until the answer is y or n, three times at most; anything else, and the end of the input, is no.
  bool confirmed(std::string_view question) const;
  /// One line of the input without its end; "" at the end.
  std::string read_line() const;
};

int init(const Context& context);
int daemon(const Context& context);
int version(const Context& context);
int hash_password(const Context& context);
int state_export(const Context& context);
int state_import(const Context& context);
int state_cleanup(const Context& context);
int state_recover(const Context& context);
int state_version(const Context& context);
int state_upgrade(const Context& context);
int state_crdt(const Context& context);
int repo_verify(const Context& context);
int migrate(const Context& context);
int adopt(const Context& context);
int config_check(const Context& context);
int config_docs(const Context& context);

/// What an import found beside pins.
void say_repairs(const Context& context, const app::ImportReport& report);

/// The text of service.json, or of what its source says, and where it comes from.
struct ConfigurationText {
  std::string text, from;
};
Result<ConfigurationText> read_configuration(const std::string& folder);
/// identity.json, or the one in an old service.json; nothing is written. nullopt: neither is there.
struct FoundIdentity {
  identity::Identity identity;
  bool in_configuration;
};
Result<std::optional<FoundIdentity>> find_identity(const std::string& folder);
/// service.json (or what its source says) with the environment applied; its warnings go to the log.
Result<config::Configuration> load_configuration(const Context& context);
/// identity.json, or the one in an old service.json (which is then written out), with the environment applied.
Result<identity::Identity> load_identity(const Context& context);

}  // namespace ipfsc::cmd::service
