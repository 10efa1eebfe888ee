// "Did you mean …": the word that a mistyped one was probably meant to be.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipfsc::cmd {

/// The first candidate with the fewest edits (a letter more, fewer, another one, two exchanged), when these are few for
/// the length of the word: none for one letter, one up to four letters, else two; or the only one that begins with the
/// word. Words of more than 64 bytes have none.
std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace ipfsc::cmd
