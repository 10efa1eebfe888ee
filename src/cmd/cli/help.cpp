// The text of --help.
#include <fmt/format.h>

#include "cmd/cli/go_style.h"
#include "cmd/cli/tree.h"

namespace ipfsc::cmd {
namespace {

constexpr size_t kHelpColumns = 110;

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

void append_paths(std::vector<std::string>& out, const CLI::App& app, const std::string& path) {
  for (const auto* command : commands_of(app)) {
    std::string its_path = path + " " + command->get_name();
    out.push_back(its_path);
    append_paths(out, *command, its_path);
  }
}

}  // namespace

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
      if (!is_hidden(*member)) rows.emplace_back(member->get_name(), member->get_description());
    }
    rows.emplace_back("help, h", "Shows a list of commands or help for one command");
    out += "\nCOMMANDS:\n";
    append_rows(out, rows);
  }
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto* option : command.get_options()) {
    if (is_hidden(*option)) continue;
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

}  // namespace ipfsc::cmd
