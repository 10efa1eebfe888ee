// The terminal that a program talks to, and text for it.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace ipfsc::cmd {

bool is_terminal(FILE* file);
/// Of a terminal: what it says, else $COLUMNS, else 80.
size_t terminal_columns(FILE* file);
/// A terminal that knows colours, and nobody said no: neither `refused` nor NO_COLOR (https://no-color.org).
bool takes_colours(FILE* file, bool refused);

/// What others wrote cannot command the terminal: control characters but line ends and tabs, and bytes that are not
/// UTF-8, become U+FFFD.
std::string harmless(std::string_view text);

/// `text` with colours for the words that say how something is: PINNED, PIN_ERROR, "Health: up" …
std::string painted(std::string_view text);
std::string red(std::string_view text);

/// Columns that UTF-8 text takes; wide characters count two.
size_t display_width(std::string_view text);
/// At most `columns` wide, with "…" where something is left out: at the end or in the middle.
std::string shortened(std::string_view text, size_t columns, bool in_the_middle = false);

}  // namespace ipfsc::cmd
