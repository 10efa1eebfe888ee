#include "cmd/cli/tree.h"

#include <algorithm>

namespace ipfsc::cmd {

std::vector<CLI::App*> commands_of(CLI::App& app) {
  return app.get_subcommands([](CLI::App*) { return true; });
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

CLI::App* find_command(CLI::App& app, std::string_view name) {
  for (auto* command : commands_of(app)) {
    const auto& aliases = command->get_aliases();
    if (command->get_name() == name || std::find(aliases.begin(), aliases.end(), name) != aliases.end()) return command;
  }
  return nullptr;
}

CLI::Option* find_option(CLI::App& app, std::string_view name) {
  for (auto* option : app.get_options()) {
    for (const auto* names : {&option->get_lnames(), &option->get_snames()}) {
      if (std::find(names->begin(), names->end(), name) != names->end()) return option;
    }
  }
  return nullptr;
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }
bool is_hidden(const CLI::Option& option) { return option.get_group().empty(); }
bool is_hidden(const CLI::App& command) { return command.get_group().empty(); }

}  // namespace ipfsc::cmd
