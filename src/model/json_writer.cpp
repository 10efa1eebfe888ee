#include "model/json_writer.h"

#include <array>
#include <charconv>

namespace ipfsc::model {
namespace {

// 1 = copied as it is.
constexpr std::array<bool, 256> plain_characters() {
  std::array<bool, 256> table{};
  for (int c = 0x20; c < 0x7f; ++c) table[c] = true;
  for (char c : {'"', '\\', '<', '>', '&'}) table[static_cast<unsigned char>(c)] = false;
  return table;
}
constexpr auto kPlain = plain_characters();
constexpr char kHex[] = "0123456789abcdef";

void append_u_escape(std::string& out, unsigned code) {
  out.append("\\u00");
  out.push_back(kHex[code >> 4 & 15]);
  out.push_back(kHex[code & 15]);
}

/// Length of the well-formed UTF-8 sequence at the front, 0 when there is none (Unicode 15, table 3-7).
size_t utf8_length(std::string_view text) {
  auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto tail = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  unsigned lead = at(0);
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
    unsigned high = lead == 0xed ? 0x9f : 0xbf;
    return at(1) >= low && at(1) <= high && tail(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
    return at(1) >= low && at(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

/// Appends the escaped form of the character at the front and returns how many bytes it took.
size_t append_escaped(std::string& out, std::string_view text) {
  auto c = static_cast<unsigned char>(text.front());
  switch (c) {
    case '"':
      out.append("\\\"");
      return 1;
    case '\\':
      out.append("\\\\");
      return 1;
    case '\b':
      out.append("\\b");
      return 1;
    case '\f':
      out.append("\\f");
      return 1;
    case '\n':
      out.append("\\n");
      return 1;
    case '\r':
      out.append("\\r");
      return 1;
    case '\t':
      out.append("\\t");
      return 1;
    default:
      break;
  }
  if (c == 0x7f) {
    out.push_back(static_cast<char>(c));
    return 1;
  }
  if (c < 0x80) {
    append_u_escape(out, c);
    return 1;
  }
  size_t length = utf8_length(text);
  if (length == 0) {
    out.append("\\ufffd");
    return 1;
  }
  if (text.starts_with("\xe2\x80\xa8")) {
    out.append("\\u2028");
  } else if (text.starts_with("\xe2\x80\xa9")) {
    out.append("\\u2029");
  } else {
    out.append(text.substr(0, length));
  }
  return length;
}

template <class T>
void append_integer(std::string& out, T value) {
  char buffer[24];
  auto [end, ec] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    size_t run = 0;
    while (run < text.size() && kPlain[static_cast<unsigned char>(text[run])]) ++run;
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    if (!text.empty()) text.remove_prefix(append_escaped(out, text));
  }
  out.push_back('"');
}

void append_json_time(std::string& out, const std::optional<WallTime>& time) {
  out.push_back('"');
  if (time) {
    append_rfc3339(out, *time);
  } else {
    out.append(kGoZeroTime);
  }
  out.push_back('"');
}

void append_json_number(std::string& out, int64_t value) { append_integer(out, value); }
void append_json_number(std::string& out, uint64_t value) { append_integer(out, value); }

void JsonObject::string_map(std::string_view name, const std::map<std::string, std::string>& map,
                            bool null_when_empty) {
  auto& out = key(name);
  if (map.empty() && null_when_empty) {
    out.append("null");
    return;
  }
  out.push_back('{');
  bool first = true;
  for (const auto& [k, v] : map) {
    if (!first) out.push_back(',');
    first = false;
    append_json_string(out, k);
    out.push_back(':');
    append_json_string(out, v);
  }
  out.push_back('}');
}

}  // namespace ipfsc::model
