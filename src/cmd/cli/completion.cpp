#include "cmd/cli/completion.h"

#include <algorithm>
#include <set>

#include "cmd/cli/tree.h"
#include "cmd/cli/values.h"

namespace ipfsc::cmd {
namespace {

/// Follows the words of a line as the parser does.
class Line {
 public:
  explicit Line(CLI::App& root) : app_(&root), root_(root) {}

  void pass(const std::string& word) {
    if (value_of_ != nullptr) {
      value_of_ = nullptr;
    } else if (is_option(word)) {
      pass_option(word);
    } else if (commands_of(*app_).empty()) {
      ++arguments_;
    } else if (word != "help" && word != "h") {
      auto* command = find_command(*app_, word);
      nonsense_ |= command == nullptr;
      if (command) app_ = command;
    }
  }

  std::string complete(const std::string& word) {
    if (nonsense_) return "words\n";
    if (value_of_ != nullptr) return values(*value_of_, "", word);
    if (is_option(word) || word == "-") {
      size_t equals = word.find('=');
      if (equals == std::string::npos) return options(word);
      auto* option = find_option(*app_, name_of(word));
      if (!option) return "words\n";
      return values(*option, word.substr(0, equals + 1), word.substr(equals + 1));
    }
    if (!commands_of(*app_).empty()) return commands();
    const auto* argument = argument_of(*app_, arguments_);
    return argument ? values(*argument, "", word) : "words\n";
  }

 private:
  bool is_option(const std::string& word) const { return !only_arguments_ && word.size() > 1 && word[0] == '-'; }

  static std::string_view name_of(std::string_view word) {
    word.remove_prefix(word.starts_with("--") ? 2 : 1);
    return word.substr(0, word.find('='));
  }

  void pass_option(const std::string& word) {
    if (word == "--") {
      only_arguments_ = true;
      return;
    }
    auto* option = find_option(*app_, name_of(word));
    if (!option) return;
    given_.insert(option);
    if (!is_flag(*option) && word.find('=') == std::string::npos) value_of_ = option;
  }

  static void add(std::string& out, std::string_view word, std::string_view text) {
    out.append(word);
    if (!text.empty()) out.append("\t").append(text);
    out += '\n';
  }

  std::string commands() const {
    std::string out = "words\n";
    for (const auto* command : commands_of(*app_)) {
      if (!is_hidden(*command)) add(out, command->get_name(), command->get_description());
    }
    add(out, "help", "Shows a list of commands or help for one command");
    return out;
  }

  /// With as many dashes as were typed: Go's programs take one or two.
  std::string options(std::string_view begun) const {
    std::string out = "words\n";
    bool one_dash = begun.size() > 1 && begun[1] != '-';
    auto add_names = [&](const std::vector<std::string>& names, std::string_view text) {
      for (const auto& name : names) add(out, (one_dash ? "-" : "--") + name, text);
    };
    for (const auto* option : app_->get_options()) {
      bool again = option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
      if (is_hidden(*option) || (given_.contains(option) && !again)) continue;
      add_names(option->get_lnames(), option->get_description());
      if (one_dash) add_names(option->get_snames(), option->get_description());
    }
    add_names({"help"}, "show help");
    if (app_ == &root_) add_names({"version"}, "print the version");
    return out;
  }

  /// `before` is what stands in the same word in front of the value.
  static std::string values(const CLI::Option& option, const std::string& before, const std::string& begun) {
    std::string out = "words\n";
    if (is_flag(option)) {
      for (auto word : {"true", "false"}) add(out, before + word, "");
      return out;
    }
    auto values = values_of(option);
    switch (values.kind) {
      case Values::Kind::kAnything:
        return out;
      case Values::Kind::kFile:
        return "files\n";
      case Values::Kind::kFolder:
        return "folders\n";
      case Values::Kind::kOneOf:
        for (const auto& word : values.words) add(out, before + word, "");
        return out;
      case Values::Kind::kListOf:
        break;
    }
    // Behind the last comma; behind a colon of "component:level" too.
    size_t separator = begun.find_last_of(",:");
    std::string chosen = separator == std::string::npos ? "" : begun.substr(0, separator + 1);
    out = "list\n";
    for (const auto& word : values.words) {
      bool there = ("," + chosen).find("," + word + ",") != std::string::npos;
      if (!there) add(out, before + chosen + word, "");
    }
    return out;
  }

  CLI::App* app_;
  CLI::App& root_;
  CLI::Option* value_of_ = nullptr;  // whose value the next word is
  std::set<const CLI::Option*> given_;
  size_t arguments_ = 0;
  bool only_arguments_ = false, nonsense_ = false;
};

}  // namespace

std::string complete(CLI::App& root, const std::vector<std::string>& words) {
  Line line(root);
  for (size_t i = 0; i + 1 < words.size(); ++i) line.pass(words[i]);
  return line.complete(words.empty() ? "" : words.back());
}

}  // namespace ipfsc::cmd
