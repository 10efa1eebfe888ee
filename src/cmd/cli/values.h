// What can stand for the value of an option, or for an argument of a command: what completion offers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace ipfsc::cmd {

struct Values {
  enum class Kind { kAnything, kFile, kFolder, kOneOf, kListOf };
  Kind kind = Kind::kAnything;
  std::vector<std::string> words = {};  ///< of kOneOf and kListOf (comma-separated)
};

CLI::Option* takes_file(CLI::Option* option);
CLI::Option* takes_folder(CLI::Option* option);
CLI::Option* takes_one_of(CLI::Option* option, const std::vector<std::string_view>& words);
CLI::Option* takes_list_of(CLI::Option* option, const std::vector<std::string_view>& words);
Values values_of(const CLI::Option& option);

/// The next argument of a command (its footer says it to people), for what it takes. `many`: it may be repeated.
CLI::Option* add_argument(CLI::App* command, bool many = false);
/// nullptr: not known.
const CLI::Option* argument_of(const CLI::App& command, size_t n);

}  // namespace ipfsc::cmd
