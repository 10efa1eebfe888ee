#include "base/text.h"

#include <cstdint>

namespace ipfsc {
namespace {

// Bytes of the character at the front of `text` (not empty); 0 when it is not UTF-8.
size_t utf8_length(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  // The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
  uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

void append_escaped(std::string& out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  auto byte = static_cast<uint8_t>(c);
  if (c == '\n') {
    out += "\\n";
  } else {
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string quoted(std::string_view text, size_t max_bytes) {
  std::string out = "\"";
  size_t at = 0;
  while (at < text.size()) {
    char c = text[at];
    size_t length = utf8_length(text.substr(at));
    if (at + (length == 0 ? 1 : length) > max_bytes) break;
    bool control = static_cast<uint8_t>(c) < 0x20 || c == 0x7f;
    if (length == 0 || control) {
      append_escaped(out, c);
      ++at;
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out.append(text.substr(at, length));
    at += length;
  }
  out += '"';
  if (at < text.size()) out += "…";
  return out;
}

std::vector<std::string_view> comma_separated(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    auto element = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), element.size() + 1));
    while (element.starts_with(' ')) element.remove_prefix(1);
    while (element.ends_with(' ')) element.remove_suffix(1);
    if (!element.empty()) out.push_back(element);
  }
  return out;
}

}  // namespace ipfsc
