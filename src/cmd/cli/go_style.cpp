#include "cmd/cli/go_style.h"

#include <fmt/format.h>

#include <cstdlib>

#include "cmd/cli/closest.h"
#include "cmd/cli/completion.h"
#include "cmd/cli/tree.h"

namespace ipfsc::cmd {
namespace {

bool is_help_option(std::string_view name) { return name == "help" || name == "h"; }

class Parser {
 public:
  Parser(CLI::App& root, const GoStyle& style) : root_(root), style_(style), app_(&root), path_(root.get_name()) {}

  std::expected<Selected, Ending> run(const std::vector<std::string>& arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      const std::string& word = arguments[i];
      bool option = !only_arguments_ && word.size() > 1 && word[0] == '-';
      if (option && word == "--") {
        only_arguments_ = true;
        continue;
      }
      if (option) {
        if (auto ending = take_option(word, arguments, i)) return std::unexpected(std::move(*ending));
      } else if (auto ending = take_word(word)) {
        return std::unexpected(std::move(*ending));
      }
    }
    return finish();
  }

 private:
  bool at_root() const { return app_ == &root_; }
  bool is_group() const { return !commands_of(*app_).empty(); }

  Ending help(int exit_code) const { return {.exit_code = exit_code, .out = help_text(*app_, path_, style_)}; }

  Ending incorrect(std::string_view reason, std::string hint = "") const {
    return {
        .exit_code = 1,
        .out = fmt::format("Incorrect Usage{} {}\n\n", at_root() ? "." : ":", reason) + help_text(*app_, path_, style_),
        .err = std::move(hint)};
  }

  /// On stderr, as all hints: stdout is as the Go programs have it.
  std::string option_hint(std::string_view name) const {
    if (!at_root() && find_option(root_, name)) {
      return fmt::format("-{} is a global option: it stands before the command\n", name);
    }
    std::vector<std::string> names{"help"};
    for (const auto* option : app_->get_options()) {
      if (!is_hidden(*option)) names.insert(names.end(), option->get_lnames().begin(), option->get_lnames().end());
    }
    auto meant = closest(name, names);
    return meant ? fmt::format("did you mean --{}?\n", *meant) : "";
  }

  std::string command_hint(std::string_view word) const {
    std::vector<std::string> names{"help"};
    for (const auto* command : commands_of(*app_)) {
      if (!is_hidden(*command)) names.push_back(command->get_name());
    }
    auto meant = closest(word, names);
    return meant ? fmt::format("did you mean \"{}\"?\n", *meant) : "";
  }

  std::optional<Ending> take_option(const std::string& word, const std::vector<std::string>& arguments, size_t& i) {
    std::string_view name = word;
    name.remove_prefix(word.starts_with("--") ? 2 : 1);
    std::optional<std::string> value;
    if (size_t equals = name.find('='); equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    CLI::Option* option = find_option(*app_, name);
    if (!option && is_help_option(name)) {
      help_wanted_ = true;
      return std::nullopt;
    }
    if (!option && at_root() && (name == "version" || name == "v")) {
      return Ending{.out = fmt::format("{} version {}\n", root_.get_name(), style_.version)};
    }
    if (!option) return incorrect(fmt::format("flag provided but not defined: -{}", name), option_hint(name));
    if (is_flag(*option)) {
      option->add_result(value.value_or("true"));
    } else if (value) {
      option->add_result(*value);
    } else if (i + 1 < arguments.size()) {
      option->add_result(arguments[++i]);
    } else {
      return incorrect(fmt::format("flag needs an argument: -{}", name));
    }
    return convert(*option, name);
  }

  /// CLI11 turns the text into the bound variable's type.
  std::optional<Ending> convert(CLI::Option& option, std::string_view name) {
    try {
      option.run_callback();
      return std::nullopt;
    } catch (const CLI::Error&) {
      return incorrect(fmt::format("invalid value \"{}\" for flag -{}: parse error", option.results().back(), name));
    }
  }

  std::optional<Ending> take_word(const std::string& word) {
    if (!is_group()) {
      arguments_.push_back(word);
      return std::nullopt;
    }
    if (word == "help" || word == "h") {
      help_wanted_ = true;
      return std::nullopt;
    }
    CLI::App* command = find_command(*app_, word);
    if (!command) {
      auto error = fmt::format("No help topic for '{}'\n{}", word, command_hint(word));
      if (!at_root() || !style_.help_for_unknown) return Ending{.exit_code = 3, .err = std::move(error)};
      auto ending = help(style_.no_command_exit);
      ending.err = std::move(error);
      return ending;
    }
    app_ = command;
    path_ += " " + command->get_name();
    return std::nullopt;
  }

  std::expected<Selected, Ending> finish() {
    if (help_wanted_) return std::unexpected(help(0));
    if (is_group()) return std::unexpected(help(at_root() ? style_.no_command_exit : 0));
    for (auto* app : {&root_, app_}) {
      for (auto* option : app->get_options()) {
        if (option->count() > 0 || option->get_envname().empty()) continue;
        const char* value = std::getenv(option->get_envname().c_str());
        if (!value || !*value) continue;
        option->add_result(std::string(value));
        from_environment_.insert(option);
        if (auto ending = convert(*option, option->get_envname())) return std::unexpected(std::move(*ending));
      }
    }
    if (auto script = completion_script(*app_); !script.empty()) return std::unexpected(Ending{.out = script});
    return Selected{app_, path_, arguments_, from_environment_};
  }

  CLI::App& root_;
  const GoStyle& style_;
  CLI::App* app_;
  std::string path_;
  std::vector<std::string> arguments_;
  std::set<const CLI::Option*> from_environment_;
  bool only_arguments_ = false, help_wanted_ = false;
};

}  // namespace

std::expected<Selected, Ending> parse_go_style(CLI::App& root, const std::vector<std::string>& arguments,
                                               const GoStyle& style) {
  if (!arguments.empty() && arguments.front() == kCompleteWord) {
    return std::unexpected(Ending{.out = complete(root, {arguments.begin() + 1, arguments.end()})});
  }
  return Parser(root, style).run(arguments);
}

CLI::Option* add_duration(CLI::App* command, std::string names, Duration& value, std::string description) {
  return command->add_option_function<std::string>(
      std::move(names),
      [&value](const std::string& text) {
        auto duration = parse_go_duration(text);
        if (!duration) throw CLI::ValidationError(duration.error().message);
        value = *duration;
      },
      std::move(description));
}

}  // namespace ipfsc::cmd
