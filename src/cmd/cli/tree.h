// Looking things up in the table of commands and options that a program has declared.
#pragma once

#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace ipfsc::cmd {

/// Direct members, hidden ones too, in the order of their declaration.
std::vector<CLI::App*> commands_of(CLI::App& app);
std::vector<const CLI::App*> commands_of(const CLI::App& app);
/// By name or alias; null: there is none.
CLI::App* find_command(CLI::App& app, std::string_view name);
/// By any of its names, without dashes; null: there is none.
CLI::Option* find_option(CLI::App& app, std::string_view name);

/// Takes no value.
bool is_flag(const CLI::Option& option);
/// In no help and in no completion.
bool is_hidden(const CLI::Option& option);
bool is_hidden(const CLI::App& command);

}  // namespace ipfsc::cmd
