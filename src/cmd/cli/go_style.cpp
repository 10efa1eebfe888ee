#include "cmd/cli/go_style.h"

#include <fmt/format.h>

#include <cstdlib>

namespace ipfsc::cmd {
namespace {

constexpr size_t kHelpColumns = 110;

std::vector<CLI::App*> commands_of(CLI::App& app) {
  return app.get_subcommands([](CLI::App*) { return true; });
}
std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }
bool hidden(const CLI::Option& option) { return option.get_group().empty(); }
bool is_help_option(std::string_view name) { return name == "help" || name == "h"; }

CLI::Option* find_option(CLI::App& app, std::string_view name) {
  for (auto* option : app.get_options()) {
    for (const auto* names : {&option->get_lnames(), &option->get_snames()}) {
      if (std::find(names->begin(), names->end(), name) != names->end()) return option;
    }
  }
  return nullptr;
}

CLI::App* find_command(CLI::App& app, std::string_view name) {
  for (auto* command : commands_of(app)) {
    const auto& aliases = command->get_aliases();
    if (command->get_name() == name || std::find(aliases.begin(), aliases.end(), name) != aliases.end()) return command;
  }
  return nullptr;
}

/// Words of `text` in lines of the given width, continued with `indent` spaces.
void append_wrapped(std::string& out, std::string_view text, size_t column, size_t indent) {
  while (!text.empty()) {
    size_t end = text.find(' ');
    std::string_view word = text.substr(0, end);
    if (column + 1 + word.size() > kHelpColumns && column > indent) {
      out.append("\n").append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

void append_rows(std::string& out, const std::vector<std::pair<std::string, std::string>>& rows) {
  size_t width = 0;
  for (const auto& [left, right] : rows) width = std::max(width, std::min<size_t>(left.size(), 40));
  for (const auto& [left, right] : rows) {
    out += "   " + left;
    size_t column = 3 + left.size();
    size_t indent = 3 + width + 2;
    if (column + 2 > indent) {
      out += '\n';
      column = 0;
    }
    out.append(indent - column, ' ');
    append_wrapped(out, right, indent, indent);
    out += '\n';
  }
}

std::string option_names(const CLI::Option& option) {
  std::string out;
  for (const auto& name : option.get_lnames()) {
    out += out.empty() ? "" : ", ";
    out += "--" + name + (is_flag(option) ? "" : " value");
  }
  for (const auto& name : option.get_snames()) {
    out += out.empty() ? "" : ", ";
    out += "-" + name + (is_flag(option) ? "" : " value");
  }
  return out;
}

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

  Ending incorrect(std::string_view reason) const {
    return {.exit_code = 1,
            .out = fmt::format("Incorrect Usage{} {}\n\n", at_root() ? "." : ":", reason) +
                   help_text(*app_, path_, style_)};
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
    if (!option) return incorrect(fmt::format("flag provided but not defined: -{}", name));
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
      if (at_root() && style_.help_for_unknown) return help(style_.no_command_exit);
      return Ending{.exit_code = 3, .err = fmt::format("No help topic for '{}'\n", word)};
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
        if (auto ending = convert(*option, option->get_envname())) return std::unexpected(std::move(*ending));
      }
    }
    return Selected{app_, path_, arguments_};
  }

  CLI::App& root_;
  const GoStyle& style_;
  CLI::App* app_;
  std::string path_;
  std::vector<std::string> arguments_;
  bool only_arguments_ = false, help_wanted_ = false;
};

void append_paths(std::vector<std::string>& out, const CLI::App& app, const std::string& path) {
  for (const auto* command : commands_of(app)) {
    std::string its_path = path + " " + command->get_name();
    out.push_back(its_path);
    append_paths(out, *command, its_path);
  }
}

}  // namespace

std::expected<Selected, Ending> parse_go_style(CLI::App& root, const std::vector<std::string>& arguments,
                                               const GoStyle& style) {
  return Parser(root, style).run(arguments);
}

std::string help_text(const CLI::App& command, std::string_view path, const GoStyle& style) {
  bool root = command.get_parent() == nullptr;
  auto commands = commands_of(command);
  std::string out = "NAME:\n   ";
  std::string title = fmt::format("{} - {}", path, command.get_description());
  append_wrapped(out, title, 3, 3);
  out += fmt::format("\n\nUSAGE:\n   {}{}{}\n", path,
                     root                ? " [global options] command [command options] [arguments...]"
                     : !commands.empty() ? " command [command options] [arguments...]"
                                         : " [command options]",
                     command.get_footer().empty() ? "" : " " + command.get_footer());
  if (root) out += fmt::format("\nVERSION:\n   {}\n", style.version);
  if (!commands.empty()) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const auto* member : commands) {
      if (!member->get_group().empty()) rows.emplace_back(member->get_name(), member->get_description());
    }
    rows.emplace_back("help, h", "Shows a list of commands or help for one command");
    out += "\nCOMMANDS:\n";
    append_rows(out, rows);
  }
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto* option : command.get_options()) {
    if (hidden(*option)) continue;
    std::string text = option->get_description();
    if (!option->get_default_str().empty()) text += fmt::format(" (default: {})", option->get_default_str());
    if (!option->get_envname().empty()) text += fmt::format(" [${}]", option->get_envname());
    rows.emplace_back(option_names(*option), text);
  }
  rows.emplace_back("--help, -h", "show help");
  if (root) rows.emplace_back("--version, -v", "print the version");
  out += root ? "\nGLOBAL OPTIONS:\n" : "\nOPTIONS:\n";
  append_rows(out, rows);
  return out;
}

std::vector<std::string> command_paths(const CLI::App& root) {
  std::vector<std::string> out;
  append_paths(out, root, root.get_name());
  return out;
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
