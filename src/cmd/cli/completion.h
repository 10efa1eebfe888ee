// Completion of command lines in bash, zsh and fish.
//
// The shells' scripts know nothing of the commands: they call the program with kCompleteWord and the words of the line,
// and it answers from the table that it parses with. So they cannot differ.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace ipfsc::cmd {

inline constexpr std::string_view kCompleteWord = "__complete";

/// What may stand in the place of the last of `words` (those behind the program's name; the last may be empty or
/// begun). The first line says what it is: "words", "list" (no space behind it), "files" or "folders"; then a candidate
/// each, with a tab and its description when it has one.
std::string complete(CLI::App& root, const std::vector<std::string>& words);

/// Declares `completion bash|zsh|fish`, which parse_go_style() answers itself.
void declare_completion(CLI::App& root);
/// The script when `command` is one of them, else "".
std::string completion_script(const CLI::App& command);

}  // namespace ipfsc::cmd
