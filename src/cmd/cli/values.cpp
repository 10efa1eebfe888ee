#include "cmd/cli/values.h"

#include <fmt/format.h>

#include <sstream>

namespace ipfsc::cmd {
namespace {

// Kept in CLI11's name of the option's type, which nothing else reads.
constexpr const char *kFile = "FILE", *kFolder = "FOLDER";
constexpr std::string_view kOneOf = "ONE OF ", kListOf = "LIST OF ";

}  // namespace

CLI::Option* takes_file(CLI::Option* option) { return option->type_name(kFile); }
CLI::Option* takes_folder(CLI::Option* option) { return option->type_name(kFolder); }
CLI::Option* takes_one_of(CLI::Option* option, const std::vector<std::string_view>& words) {
  return option->type_name(fmt::format("{}{}", kOneOf, fmt::join(words, " ")));
}
CLI::Option* takes_list_of(CLI::Option* option, const std::vector<std::string_view>& words) {
  return option->type_name(fmt::format("{}{}", kListOf, fmt::join(words, " ")));
}

Values values_of(const CLI::Option& option) {
  std::string type = option.get_type_name();
  if (type == kFile) return {Values::Kind::kFile};
  if (type == kFolder) return {Values::Kind::kFolder};
  bool one = type.starts_with(kOneOf);
  if (!one && !type.starts_with(kListOf)) return {};
  Values out{one ? Values::Kind::kOneOf : Values::Kind::kListOf};
  std::istringstream words(type.substr(one ? kOneOf.size() : kListOf.size()));
  for (std::string word; words >> word;) out.words.push_back(word);
  return out;
}

CLI::Option* add_argument(CLI::App* command, bool many) {
  auto* out = command->add_option(fmt::format("argument{}", command->get_options().size()))->group("");
  return many ? out->expected(1, 1 << 20) : out;
}

const CLI::Option* argument_of(const CLI::App& command, size_t n) {
  const CLI::Option* last = nullptr;
  for (const auto* option : command.get_options()) {
    if (!option->get_positional()) continue;
    last = option;
    if (n-- == 0) return option;
  }
  return last != nullptr && last->get_expected_max() > 1 ? last : nullptr;
}

}  // namespace ipfsc::cmd
