// Appends JSON text to a string, field by field, in the order of the calls: Go's field order is part of the API, and
// listings print hundreds of thousands of objects a second.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace ipfsc::model {

/// A quoted JSON string. Control characters, quotes and backslashes are escaped, and as in Go also <, >, & and
/// U+2028/9; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
/// A quoted RFC 3339 time, or Go's zero time for none.
void append_json_time(std::string& out, const std::optional<WallTime>& time);
void append_json_number(std::string& out, int64_t value);
void append_json_number(std::string& out, uint64_t value);

/// {"a":…,"b":…}: writes the braces, commas and keys.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_.push_back('{'); }
  JsonObject(const JsonObject&) = delete;

  /// `"key":` — the caller appends the value to the string itself.
  std::string& key(std::string_view name) {
    if (!first_) out_.push_back(',');
    first_ = false;
    out_.push_back('"');
    out_.append(name);  // our own keys need no escaping
    out_.append("\":");
    return out_;
  }
  void text(std::string_view name, std::string_view value) { append_json_string(key(name), value); }
  /// A value known to need no escaping (CIDs, peer ids).
  void plain(std::string_view name, std::string_view value) {
    auto& out = key(name);
    out.push_back('"');
    out.append(value);
    out.push_back('"');
  }
  void number(std::string_view name, int64_t value) { append_json_number(key(name), value); }
  void number(std::string_view name, uint64_t value) { append_json_number(key(name), value); }
  void number(std::string_view name, int value) { append_json_number(key(name), static_cast<int64_t>(value)); }
  void boolean(std::string_view name, bool value) { key(name).append(value ? "true" : "false"); }
  void null(std::string_view name) { key(name).append("null"); }
  void time(std::string_view name, const std::optional<WallTime>& value) { append_json_time(key(name), value); }
  void raw(std::string_view name, std::string_view json) { key(name).append(json); }
  /// ["a","b"] of each element's to_string(), escaped: names and paths in addresses may have quotes in them.
  template <class List>
  void plain_list(std::string_view name, const List& list) {
    elements(name, list, [this](const auto& item) { append_json_string(out_, item.to_string()); });
  }
  /// [{…},…]: `write` puts the fields of an element into its object.
  template <class List, class Write>
  void objects(std::string_view name, const List& list, Write write) {
    elements(name, list, [this, &write](const auto& item) {
      JsonObject object(out_);
      write(object, item);
      object.end();
    });
  }
  /// null when empty, else {"k":"v",…}.
  void string_map(std::string_view name, const std::map<std::string, std::string>& map, bool null_when_empty);
  void end() { out_.push_back('}'); }

 private:
  template <class List, class Append>
  void elements(std::string_view name, const List& list, Append append) {
    key(name).push_back('[');
    bool first = true;
    for (const auto& item : list) {
      if (!first) out_.push_back(',');
      first = false;
      append(item);
    }
    out_.push_back(']');
  }

  std::string& out_;
  bool first_ = true;
};

}  // namespace ipfsc::model
