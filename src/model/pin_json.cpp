#include "model/pin_json.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace ipfsc::model {
namespace {

namespace json = boost::json;

void append_optional_cid(JsonObject& object, std::string_view key, const std::optional<ipld::Cid>& cid) {
  if (cid && !cid->empty()) {
    object.plain(key, cid->to_string());
  } else {
    object.null(key);
  }
}

std::unexpected<Error> bad(std::string_view field, std::string_view what) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("{}: {}", field, what));
}

/// Reads the fields of one object; the first problem is kept and everything later is skipped.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  void text(std::string_view key, std::string& out) {
    with(key, [&](const json::value& v) {
      if (!v.is_string()) return refuse(key, "expected a string");
      out = std::string_view(v.get_string());
    });
  }
  template <class Int>
  void integer(std::string_view key, Int& out) {
    with(key, [&](const json::value& v) {
      json::error_code ec;
      Int value = v.to_number<Int>(ec);
      if (ec || v.is_double()) return refuse(key, "expected a whole number in range");
      out = value;
    });
  }
  void time(std::string_view key, std::optional<WallTime>& out) {
    with(key, [&](const json::value& v) {
      if (!v.is_string()) return refuse(key, "expected a time");
      std::string_view text = v.get_string();
      if (text.empty() || is_go_zero_time(text)) return;
      auto parsed = parse_rfc3339(text);
      if (!parsed) return refuse(key, parsed.error().message);
      out = *parsed;
    });
  }
  template <class T>
  void parsed(std::string_view key, std::optional<T>& out) {
    with(key, [&](const json::value& v) {
      if (!v.is_string()) return refuse(key, "expected a string");
      if (v.get_string().empty()) return;
      auto value = T::parse(std::string_view(v.get_string()));
      if (!value) return refuse(key, value.error().message);
      out = *std::move(value);
    });
  }
  template <class T>
  void list(std::string_view key, std::vector<T>& out) {
    with(key, [&](const json::value& v) {
      if (!v.is_array()) return refuse(key, "expected a list");
      out.reserve(v.get_array().size());
      for (const auto& item : v.get_array()) {
        if (!item.is_string()) return refuse(key, "expected a list of strings");
        auto value = T::parse(std::string_view(item.get_string()));
        if (!value) return refuse(key, value.error().message);
        out.push_back(*std::move(value));
      }
    });
  }
  void map(std::string_view key, std::map<std::string, std::string>& out) {
    with(key, [&](const json::value& v) {
      if (!v.is_object()) return refuse(key, "expected an object of strings");
      for (const auto& [k, item] : v.get_object()) {
        if (!item.is_string()) return refuse(key, "expected an object of strings");
        out.insert_or_assign(std::string(k), std::string(std::string_view(item.get_string())));
      }
    });
  }
  void refuse(std::string_view key, std::string_view what) {
    if (!error_) error_ = bad(key, what).error();
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  template <class F>
  void with(std::string_view key, F use) {
    if (error_) return;
    const auto* value = object_.if_contains(key);
    if (value && !value->is_null()) use(*value);
  }

  const json::object& object_;
  std::optional<Error> error_;
};

}  // namespace

void append_json(std::string& out, const Pin& pin, PinJsonStyle style) {
  JsonObject object(out);
  add_fields(object, pin, style);
  object.end();
}

void add_fields(JsonObject& object, const Pin& pin, PinJsonStyle style) {
  const auto& options = pin.options;
  bool stored = style == PinJsonStyle::kStored;
  object.number("replication_factor_min", options.replication_factor_min);
  object.number("replication_factor_max", options.replication_factor_max);
  object.text("name", options.name);
  object.plain("mode", to_string(options.mode));
  object.number("shard_size", options.shard_size);
  if (stored || options.user_allocations.empty()) {
    object.null("user_allocations");
  } else {
    object.plain_list("user_allocations", options.user_allocations);
  }
  object.time("expire_at", options.expire_at);
  object.string_map("metadata", options.metadata, stored);
  append_optional_cid(object, "pin_update", options.pin_update);
  if (!stored && options.origins.empty()) {
    object.null("origins");
  } else {
    object.plain_list("origins", options.origins);
  }
  object.plain("cid", pin.cid.to_string());
  object.plain("type", to_string(pin.type));
  object.plain_list("allocations", pin.allocations);
  object.number("max_depth", pin.max_depth);
  append_optional_cid(object, "reference", pin.reference);
  object.time("timestamp", pin.timestamp);
}

Result<Pin> pin_from_json(std::string_view text) {
  unsigned char buffer[4096];
  json::monotonic_resource memory(buffer, sizeof buffer);
  json::error_code ec;
  json::parse_options parse_options;
  parse_options.max_depth = 8;
  auto value = json::parse(text, ec, &memory, parse_options);
  if (ec) return fail(ErrorKind::kInvalidArgument, "not a JSON object: " + ec.message());
  if (!value.is_object()) return fail(ErrorKind::kInvalidArgument, "expected a JSON object with a pin");

  Pin pin;
  auto& options = pin.options;
  Reader reader(value.get_object());
  std::optional<ipld::Cid> cid;
  std::string type = "pin", mode;
  std::optional<int> max_depth;
  reader.parsed("cid", cid);
  reader.integer("replication_factor_min", options.replication_factor_min);
  reader.integer("replication_factor_max", options.replication_factor_max);
  reader.text("name", options.name);
  reader.text("mode", mode);
  reader.integer("shard_size", options.shard_size);
  reader.time("expire_at", options.expire_at);
  reader.map("metadata", options.metadata);
  reader.parsed("pin_update", options.pin_update);
  reader.list("origins", options.origins);
  reader.text("type", type);
  reader.list("user_allocations", options.user_allocations);
  reader.list("allocations", pin.allocations);
  reader.parsed("reference", pin.reference);
  reader.time("timestamp", pin.timestamp);
  if (value.get_object().contains("max_depth")) {
    max_depth = 0;
    reader.integer("max_depth", *max_depth);
  }
  if (reader.error()) return std::unexpected(*reader.error());
  if (!cid) return bad("cid", "missing");
  auto known_type = pin_type_from(type);
  if (!known_type) return bad("type", fmt::format("unknown pin type \"{}\"", type.substr(0, 32)));
  if (!mode.empty() && mode != "recursive" && mode != "direct") {
    return bad("mode", fmt::format("\"{}\" is neither recursive nor direct", mode.substr(0, 32)));
  }
  pin.cid = *std::move(cid);
  pin.type = *known_type;
  pin.max_depth = max_depth.value_or(mode == "direct" ? kDepthDirect : kDepthRecursive);
  options.mode = pin.direct() ? PinMode::kDirect : PinMode::kRecursive;
  return pin;
}

}  // namespace ipfsc::model
