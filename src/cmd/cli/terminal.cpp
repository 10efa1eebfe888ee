#include "cmd/cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "base/text.h"

namespace ipfsc::cmd {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::string_view kEllipsis = "…";
constexpr std::string_view kGreen = "32", kYellow = "33", kRed = "31";

struct Paint {
  std::string_view text, colour;
};
// Whole words only, the longer ones first where one begins with another.
constexpr Paint kPaints[] = {
    {"UNEXPECTEDLY_UNPINNED", kRed},
    {"CLUSTER_ERROR", kRed},
    {"UNPIN_ERROR", kRed},
    {"PIN_ERROR", kRed},
    {"IPFS ERROR", kRed},
    {"ERROR", kRed},
    {"UNDEFINED", kRed},
    {"PINNED", kGreen},
    {"PINNING", kYellow},
    {"UNPINNING", kYellow},
    {"PIN_QUEUED", kYellow},
    {"UNPIN_QUEUED", kYellow},
    {"HELD", kGreen},
    {"NOT HELD", kRed},
    {"Health: up", kGreen},
    {"Health: suspected to be down", kYellow},
    {"Health: draining", kYellow},
    {"Health: down", kRed},
    {"TAKES NO WRITES", kRed},
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::string in_colour(std::string_view colour, std::string_view text) {
  return fmt::format("\033[{}m{}\033[0m", colour, text);
}

/// One character of UTF-8 text, or one bad byte.
struct Character {
  size_t bytes;
  uint32_t code;  // 0xFFFD for a bad one
};

Character first_character(std::string_view text) {
  auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {1, lead};
  size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (bytes > text.size() || !is_utf8(text.substr(0, bytes))) return {1, 0xfffd};
  uint32_t code = lead & (0xffU >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  return {bytes, code};
}

size_t width_of(uint32_t code) {
  if ((code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200f) || (code >= 0xfe00 && code <= 0xfe0f)) {
    return 0;  // combining marks, joiners, variations
  }
  bool wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
              (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
              (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
              (code >= 0x1f300 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    size_t bytes = first_character(text).bytes;
    out.push_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return out;
}

/// As many of the characters as fit.
template <class Iterator>
std::vector<std::string_view> fitting(Iterator from, Iterator end, size_t columns) {
  std::vector<std::string_view> out;
  for (; from != end; ++from) {
    size_t width = width_of(first_character(*from).code);
    if (width > columns) break;
    columns -= width;
    out.push_back(*from);
  }
  return out;
}

}  // namespace

bool is_terminal(FILE* file) { return ::isatty(::fileno(file)) == 1; }

size_t terminal_columns(FILE* file) {
  winsize size{};
  if (::ioctl(::fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  size_t columns = 0;
  if (const char* text = std::getenv("COLUMNS")) {
    std::string_view view(text);
    std::from_chars(view.data(), view.data() + view.size(), columns);
  }
  return columns > 0 ? columns : 80;
}

bool takes_colours(FILE* file, bool refused) {
  const char* none = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  return !refused && !(none && *none) && kind && std::string_view(kind) != "dumb" && is_terminal(file);
}

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    auto [bytes, code] = first_character(text);
    bool control = (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code <= 0x9f);
    if (control || code == 0xfffd) {
      out += kReplacement;
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return out;
}

std::string painted(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    bool begins = at == 0 || !is_word(text[at - 1]);
    const auto* paint = !begins ? std::end(kPaints) : std::ranges::find_if(kPaints, [&](const Paint& p) {
      size_t end = at + p.text.size();
      return text.substr(at).starts_with(p.text) && (end == text.size() || !is_word(text[end]));
    });
    if (paint != std::end(kPaints)) {
      out += in_colour(paint->colour, paint->text);
      at += paint->text.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string red(std::string_view text) { return in_colour(kRed, text); }

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (auto character : characters_of(text)) width += width_of(first_character(character).code);
  return width;
}

std::string shortened(std::string_view text, size_t columns, bool in_the_middle) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return "";
  auto characters = characters_of(text);
  size_t room = columns - 1, behind = in_the_middle ? room / 2 : 0;
  auto front = fitting(characters.begin(), characters.end(), room - behind);
  auto back = fitting(characters.rbegin(), characters.rend(), behind);
  std::ranges::reverse(back);
  return fmt::format("{}{}{}", fmt::join(front, ""), kEllipsis, fmt::join(back, ""));
}

}  // namespace ipfsc::cmd
