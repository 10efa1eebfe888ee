#include "config/values.h"

#include <fmt/format.h>

#include <charconv>

#include <boost/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace ipfsc::config {
namespace {

namespace json = boost::json;

std::unexpected<Error> wrong(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

std::unexpected<Error> expected(std::string_view what, const json::value& found) {
  auto kind = json::to_string(found.kind());
  return wrong(fmt::format("expected {}, found {}", what, std::string_view(kind.data(), kind.size())));
}

Result<std::string_view> text_of(const json::value& value, std::string_view what) {
  if (!value.is_string()) return expected(what, value);
  return std::string_view(value.get_string());
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t end = text.find(separator);
    if (auto part = text.substr(0, end); !part.empty()) parts.push_back(part);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

struct Unit {
  std::string_view name;
  uint64_t bytes;
};
constexpr Unit kUnits[] = {
    // by size: the first that divides is the shortest text
    {"TiB", 1ull << 40},
    {"TB", 1000'000'000'000ull},
    {"GiB", 1ull << 30},
    {"GB", 1000'000'000ull},
    {"MiB", 1ull << 20},
    {"MB", 1000'000ull},
    {"KiB", 1ull << 10},
    {"kB", 1000ull},
    {"KB", 1000ull},
    {"B", 1},
    {"", 1},
};

Result<bool> parse_go_bool(std::string_view text) {
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return wrong(fmt::format("\"{}\" is neither true nor false", text));
}

Result<int64_t> parse_go_integer(std::string_view text) {
  std::string_view digits = text;
  bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  auto prefix = [&](std::string_view lower, std::string_view upper, int value) {
    if (!digits.starts_with(lower) && !digits.starts_with(upper)) return false;
    digits.remove_prefix(2);
    base = value;
    return true;
  };
  if (!prefix("0x", "0X", 16) && !prefix("0o", "0O", 8) && !prefix("0b", "0B", 2) && digits.size() > 1 &&
      digits[0] == '0') {
    digits.remove_prefix(1);
    base = 8;
  }
  uint64_t magnitude = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      magnitude > static_cast<uint64_t>(INT64_MAX)) {
    return wrong(fmt::format("\"{}\" is not a whole number", text));
  }
  auto value = static_cast<int64_t>(magnitude);
  return negative ? -value : value;
}

json::value list_or_one(std::vector<std::string> texts) {
  if (texts.size() == 1) return json::value(texts.front());
  json::array out;
  for (auto& text : texts) out.emplace_back(text);
  return out;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return "true or false";
    case Kind::kInteger:
      return "whole number";
    case Kind::kString:
      return "text";
    case Kind::kDuration:
      return "duration";
    case Kind::kByteSize:
      return "size";
    case Kind::kSecret:
      return "64 hexadecimal digits";
    case Kind::kAddress:
      return "multiaddress";
    case Kind::kAddresses:
      return "multiaddress or list of them";
    case Kind::kPeerIds:
      return "list of peer ids";
    case Kind::kStrings:
      return "list of texts";
    case Kind::kStringMap:
      return "map of texts";
    case Kind::kHeaders:
      return "map of lists";
    case Kind::kUsers:
      return "map of users";
  }
  return "";
}

Result<> decode(const json::value& in, bool& value) {
  if (!in.is_bool()) return expected("true or false", in);
  value = in.get_bool();
  return {};
}

Result<> decode(const json::value& in, int64_t& value) {
  json::error_code error;
  auto number = in.to_number<int64_t>(error);  // 1e6 is one as well
  if (error) return expected("a whole number", in);
  value = number;
  return {};
}

Result<> decode(const json::value& in, std::string& value) {
  TRY_ASSIGN(auto text, text_of(in, "a text"));
  value = text;
  return {};
}

Result<> decode(const json::value& in, Duration& value) {
  TRY_ASSIGN(auto text, text_of(in, "a duration like \"1h2m3s\""));
  if (text.empty()) return {};
  TRY_ASSIGN(value, parse_go_duration(text));
  return {};
}

Result<> decode(const json::value& in, ByteSize& value) {
  if (in.is_int64() && in.get_int64() >= 0) {
    value.bytes = static_cast<uint64_t>(in.get_int64());
    return {};
  }
  TRY_ASSIGN(auto text, text_of(in, "a size like \"500GB\""));
  if (text.empty()) return {};
  TRY_ASSIGN(value, parse_byte_size(text));
  return {};
}

Result<> decode(const json::value& in, Secret& value) {
  TRY_ASSIGN(auto text, text_of(in, "a text of 64 hexadecimal digits"));
  TRY_ASSIGN(auto bytes, from_hex(text));
  if (!bytes.empty() && bytes.size() != 32) {
    return wrong(fmt::format("a secret has 32 bytes (64 hexadecimal digits) or none, not {}", bytes.size()));
  }
  value.bytes = std::move(bytes);
  return {};
}

Result<> decode(const json::value& in, ipld::Multiaddr& value) {
  TRY_ASSIGN(auto text, text_of(in, "a multiaddress"));
  TRY_ASSIGN(value, ipld::Multiaddr::parse(text));
  return {};
}

Result<> decode(const json::value& in, std::vector<std::string>& value) {
  std::vector<std::string> texts;
  if (in.is_string()) {
    if (!in.get_string().empty()) texts.emplace_back(in.get_string());
  } else if (const auto* array = in.if_array()) {
    for (const auto& element : *array) {
      TRY_ASSIGN(auto text, text_of(element, "a list of texts"));
      texts.emplace_back(text);
    }
  } else {
    return expected("a text or a list of texts", in);
  }
  value = std::move(texts);
  return {};
}

Result<> decode(const json::value& in, Addresses& value) {
  std::vector<std::string> texts;
  TRY(decode(in, texts));
  Addresses parsed;
  for (const auto& text : texts) {
    auto address = ipld::Multiaddr::parse(text);
    if (!address) return fail(address.error().with_context("\"" + text + "\""));
    parsed.push_back(std::move(*address));
  }
  value = std::move(parsed);
  return {};
}

Result<> decode(const json::value& in, std::vector<ipld::PeerId>& value) {
  std::vector<std::string> texts;
  TRY(decode(in, texts));
  std::vector<ipld::PeerId> parsed;
  for (const auto& text : texts) {
    auto id = ipld::PeerId::parse(text);
    if (!id) return fail(id.error().with_context("\"" + text + "\""));
    parsed.push_back(std::move(*id));
  }
  value = std::move(parsed);
  return {};
}

Result<> decode(const json::value& in, std::vector<SpreadRule>& value) {
  std::vector<std::string> texts;
  TRY(decode(in, texts));
  std::vector<SpreadRule> parsed;
  for (const auto& text : texts) {
    auto colon = text.find(':');
    SpreadRule rule{.tag = text.substr(0, colon)};
    auto strength = colon == std::string::npos ? "soft" : text.substr(colon + 1);
    rule.hard = strength == "hard";
    if (rule.tag.empty() || (!rule.hard && strength != "soft")) {
      return wrong(fmt::format(R"("{}" is not a rule like "zone", "zone:soft" or "zone:hard")", text));
    }
    for (const auto& other : parsed) {
      if (other.tag == rule.tag) return wrong(fmt::format("there are two rules for the tag \"{}\"", rule.tag));
    }
    parsed.push_back(std::move(rule));
  }
  value = std::move(parsed);
  return {};
}

Result<> decode(const json::value& in, std::map<std::string, std::string>& value) {
  const auto* object = in.if_object();
  if (!object) return expected("an object of texts", in);
  std::map<std::string, std::string> parsed;
  for (const auto& [key, member] : *object) {
    auto text = text_of(member, "a text");
    if (!text) return fail(text.error().with_context(std::string_view(key)));
    parsed.emplace(std::string_view(key), *text);
  }
  value = std::move(parsed);
  return {};
}

Result<> decode(const json::value& in, std::optional<std::map<std::string, std::string>>& value) {
  if (in.is_null()) {
    value.reset();
    return {};
  }
  std::map<std::string, std::string> parsed;
  TRY(decode(in, parsed));
  if (parsed.empty()) return wrong("no user in it: leave it out (or null) for an API without passwords");
  value = std::move(parsed);
  return {};
}

Result<> decode(const json::value& in, std::map<std::string, std::vector<std::string>>& value) {
  const auto* object = in.if_object();
  if (!object) return expected("an object of lists", in);
  std::map<std::string, std::vector<std::string>> parsed;
  for (const auto& [key, member] : *object) {
    std::vector<std::string> texts;
    if (auto ok = decode(member, texts); !ok) return fail(ok.error().with_context(std::string_view(key)));
    parsed.emplace(std::string_view(key), std::move(texts));
  }
  value = std::move(parsed);
  return {};
}

Result<> decode(const json::value& in, ApiUsers& value) {
  const auto* object = in.if_object();
  if (!object) return wrong(R"(expected an object like {"alice": {"password": "…", "role": "admin"}})");
  ApiUsers parsed;
  for (const auto& [name, member] : *object) {
    auto of_user = [&name](std::string message) {
      return wrong(fmt::format("user \"{}\": {}", std::string_view(name), message));
    };
    const auto* fields = member.if_object();
    if (!fields) return of_user(R"(expected an object like {"password": "…", "role": "admin"})");
    ApiUser user;
    for (const auto& [key, field] : *fields) {
      if (key == "operations") {
        if (auto ok = decode(field, user.operations); !ok) return of_user("operations: " + ok.error().message);
      } else if (key == "password" || key == "role") {
        if (!field.is_string()) return of_user(fmt::format("{}: expected a text", std::string_view(key)));
        (key == "password" ? user.password : user.role) = field.get_string();
      } else {
        return of_user(
            fmt::format("unknown key \"{}\": there are password, role and operations", std::string_view(key)));
      }
    }
    parsed.emplace(std::string_view(name), std::move(user));
  }
  if (parsed.empty()) return wrong("no user in it: leave it out");
  value = std::move(parsed);
  return {};
}

json::value encode(bool value) { return value; }
json::value encode(int64_t value) { return value; }
json::value encode(const std::string& value) { return json::value(value); }
json::value encode(Duration value) { return json::value(format_go_duration(value)); }
json::value encode(const ByteSize& value) { return json::value(format_byte_size(value)); }
json::value encode(const Secret& value) { return json::value(to_hex(value.bytes)); }
json::value encode(const ipld::Multiaddr& value) { return json::value(value.to_string()); }

json::value encode(const Addresses& value) {
  std::vector<std::string> texts;
  for (const auto& address : value) texts.push_back(address.to_string());
  return list_or_one(std::move(texts));
}

json::value encode(const std::vector<ipld::PeerId>& value) {
  json::array out;
  for (const auto& id : value) out.emplace_back(id.to_string());
  return out;
}

json::value encode(const std::vector<std::string>& value) {
  json::array out;
  for (const auto& text : value) out.emplace_back(text);
  return out;
}

json::value encode(const std::vector<SpreadRule>& value) {
  json::array out;
  for (const auto& rule : value) out.emplace_back(rule.hard ? rule.tag + ":hard" : rule.tag);
  return out;
}

json::value encode(const std::map<std::string, std::string>& value) {
  json::object out;
  for (const auto& [key, text] : value) out.emplace(key, text);
  return out;
}

json::value encode(const std::optional<std::map<std::string, std::string>>& value) {
  return value ? encode(*value) : json::value(nullptr);
}

json::value encode(const std::map<std::string, std::vector<std::string>>& value) {
  json::object out;
  for (const auto& [key, texts] : value) out.emplace(key, encode(texts));
  return out;
}

json::value encode(const ApiUsers& value) {
  json::object out;
  for (const auto& [name, user] : value) {
    json::object fields;
    if (!user.password.empty()) fields["password"] = user.password;
    if (!user.role.empty()) fields["role"] = user.role;
    if (!user.operations.empty()) fields["operations"] = encode(user.operations);
    out.emplace(name, std::move(fields));
  }
  return out;
}

Result<json::value> from_environment(Kind kind, std::string_view text) {
  if (!is_utf8(text)) return wrong("not UTF-8");  // nobody could read the file that `init` makes of it
  switch (kind) {
    case Kind::kBool: {
      TRY_ASSIGN(bool value, parse_go_bool(text));
      return json::value(value);
    }
    case Kind::kInteger: {
      TRY_ASSIGN(int64_t value, parse_go_integer(text));
      return json::value(value);
    }
    case Kind::kString:
    case Kind::kDuration:
    case Kind::kByteSize:
    case Kind::kSecret:
    case Kind::kAddress:
      return json::value(json::string_view(text));
    case Kind::kAddresses:
    case Kind::kPeerIds:
    case Kind::kStrings: {
      json::array out;
      for (auto part : split(text, ',')) out.emplace_back(json::string_view(part));
      return json::value(std::move(out));
    }
    case Kind::kUsers:
      return parse_json(text);
    case Kind::kStringMap:
    case Kind::kHeaders: {
      json::object out;
      for (auto part : split(text, ',')) {
        size_t colon = part.find(':');
        if (colon == std::string_view::npos) return wrong(fmt::format("\"{}\" is not key:value", part));
        out.emplace(part.substr(0, colon), json::string_view(part.substr(colon + 1)));
      }
      return json::value(std::move(out));
    }
  }
  return wrong("not settable by a variable");
}

Result<ByteSize> parse_byte_size(std::string_view text) {
  std::string_view number = text.substr(0, text.find_first_not_of("0123456789"));
  std::string_view unit = text.substr(number.size());
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  uint64_t count = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
  if (!number.empty() && error == std::errc()) {
    for (const auto& candidate : kUnits) {
      uint64_t bytes = 0;
      if (unit == candidate.name && !__builtin_mul_overflow(count, candidate.bytes, &bytes)) return ByteSize{bytes};
    }
  }
  return wrong(fmt::format("\"{}\" is not a size like 500GB, 64MiB or 1048576", text));
}

std::string format_byte_size(ByteSize size) {
  if (size.bytes == 0) return "0";
  for (const auto& unit : kUnits) {
    if (size.bytes % unit.bytes == 0) return fmt::format("{}{}", size.bytes / unit.bytes, unit.name);
  }
  return std::to_string(size.bytes);
}

}  // namespace ipfsc::config
