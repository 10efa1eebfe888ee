#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <boost/json.hpp>

namespace ipfsc {
namespace {

namespace json = boost::json;

std::string place(std::string_view text, size_t offset) {
  size_t line = 1, column = 1;
  for (char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  return fmt::format("line {} column {}", line, column);
}

void print(std::string& out, const json::value& value, int indent, int level) {
  auto new_line = [&](int at) { out.append("\n").append(static_cast<size_t>(indent * at), ' '); };
  if (const auto* object = value.if_object(); object && !object->empty()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : *object) {
      if (!std::exchange(first, false)) out += ',';
      new_line(level + 1);
      out += json::serialize(json::string_view(key));
      out += ": ";
      print(out, member, indent, level + 1);
    }
    new_line(level);
    out += '}';
  } else if (const auto* array = value.if_array(); array && !array->empty()) {
    out += '[';
    bool first = true;
    for (const auto& element : *array) {
      if (!std::exchange(first, false)) out += ',';
      new_line(level + 1);
      print(out, element, indent, level + 1);
    }
    new_line(level);
    out += ']';
  } else if (const auto* number = value.if_double()) {
    out += fmt::format("{}", *number);  // Boost writes 0.3 as 3E-1
  } else {
    out += json::serialize(value);
  }
}

/// Boost reads 1e400 as infinity, and writes that as a word which is not JSON.
bool all_finite(const json::value& value) {
  if (const auto* number = value.if_double()) return std::isfinite(*number);
  if (const auto* array = value.if_array()) return std::ranges::all_of(*array, all_finite);
  const auto* object = value.if_object();
  return !object || std::ranges::all_of(*object, [](const auto& member) { return all_finite(member.value()); });
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  json::stream_parser parser(json::storage_ptr(), json::parse_options{.max_depth = 64});
  json::error_code error;
  size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && used < text.size()) {
    // A complete value; only white space may follow it.
    size_t rest = text.find_first_not_of(" \t\r\n", used);
    if (rest != std::string_view::npos) {
      return fail(ErrorKind::kInvalidArgument, "more after the end of the JSON value, at " + place(text, rest));
    }
  }
  if (!error) parser.finish(error);
  if (error) return fail(ErrorKind::kInvalidArgument, fmt::format("{} at {}", error.message(), place(text, used)));
  auto value = parser.release();
  if (!all_finite(value)) return fail(ErrorKind::kInvalidArgument, "a number is larger than any that can be kept");
  return value;
}

std::string pretty_json(const json::value& value, int indent) {
  std::string out;
  print(out, value, indent, 0);
  return out;
}

}  // namespace ipfsc
