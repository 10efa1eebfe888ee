// Command lines as Go ipfs-cluster's programs read them, on top of CLI11's declarations of options.
//
// What differs from CLI11's own parser: one dash or two are the same (-rmin, --rmin), booleans take =false, options of
// a command stand before or after its arguments, global options only before the command, and the words of errors.
#pragma once

#include <expected>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/time.h"

namespace ipfsc::cmd {

/// What the two programs do differently.
struct GoStyle {
  std::string version;            ///< printed by --version, without the program's name
  int no_command_exit = 0;        ///< after the help
  bool help_for_unknown = false;  ///< an unknown command gets the help and no_command_exit; else "No help topic", 3
};

/// The command line asked for help or cannot be understood: print and exit.
struct Ending {
  int exit_code = 0;
  std::string out, err;
};

struct Selected {
  const CLI::App* command;
  std::string path;                    ///< "ipfs-cluster-ctl pin add"
  std::vector<std::string> arguments;  ///< what is not an option
  std::set<const CLI::Option*> from_environment;
};

/// Binds the options of `root` and of the command that is named. Commands have their arguments' names in footer(), and
/// the group "" hides them. Answers `completion …` and the shells' questions (completion.h) itself.
std::expected<Selected, Ending> parse_go_style(CLI::App& root, const std::vector<std::string>& arguments,
                                               const GoStyle& style);

/// The help of one command: NAME, USAGE, COMMANDS, OPTIONS; no line is longer than 120 columns.
std::string help_text(const CLI::App& command, std::string_view path, const GoStyle& style);

/// Every command's path, groups before what is in them; hidden ones too.
std::vector<std::string> command_paths(const CLI::App& root);

/// A Go duration ("1h30m").
CLI::Option* add_duration(CLI::App* command, std::string names, Duration& value, std::string description);

}  // namespace ipfsc::cmd
