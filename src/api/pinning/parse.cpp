#include "api/pinning/parse.h"

#include <algorithm>
#include <charconv>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/json.h"
#include "base/text.h"

namespace ipfsc::api::pinning {
namespace {

namespace json = boost::json;
using cluster::NameMatch;
using cluster::RequestStatus;

std::unexpected<Error> refuse(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }
std::unexpected<Error> refuse(std::string_view where, std::string_view what) {
  return refuse(fmt::format("{}: {}", where, what));
}

size_t characters(std::string_view utf8) {
  return static_cast<size_t>(std::ranges::count_if(utf8, [](char c) { return (c & 0xC0) != 0x80; }));
}

Result<std::string> take_name(std::string_view text) {
  if (!is_utf8(text)) return refuse("name", "it is not valid UTF-8");
  if (auto n = characters(text); n > kMaxNameCharacters) {
    return refuse("name", fmt::format("{} characters are more than the limit of {}", n, kMaxNameCharacters));
  }
  return std::string(text);
}

Result<ipld::Cid> take_cid(std::string_view text) {
  auto cid = ipld::Cid::parse(text);
  if (!cid) return refuse("cid", fmt::format("{}: {}", quoted(text), cid.error().message));
  return cid;
}

Result<std::map<std::string, std::string>> take_meta(const json::value& value) {
  if (!value.is_object()) return refuse("meta", "expected an object of strings");
  const auto& object = value.get_object();
  if (object.size() > kMaxMetaKeys) {
    return refuse("meta", fmt::format("{} keys are more than the limit of {}", object.size(), kMaxMetaKeys));
  }
  std::map<std::string, std::string> meta;
  size_t bytes = 0;
  for (const auto& [key, item] : object) {
    if (!item.is_string()) return refuse("meta", fmt::format("the value of {} is not a string", quoted(key)));
    bytes += key.size() + item.get_string().size();
    meta.insert_or_assign(std::string(key), std::string(std::string_view(item.get_string())));
  }
  if (bytes > kMaxMetaBytes) {
    return refuse("meta", fmt::format("{} bytes are more than the limit of {}", bytes, kMaxMetaBytes));
  }
  return meta;
}

Result<std::vector<ipld::Multiaddr>> take_origins(const json::value& value) {
  if (!value.is_array()) return refuse("origins", "expected a list of multiaddresses");
  const auto& list = value.get_array();
  if (list.size() > kMaxOrigins) {
    return refuse("origins", fmt::format("{} are more than the limit of {}", list.size(), kMaxOrigins));
  }
  std::vector<ipld::Multiaddr> origins;
  for (const auto& item : list) {
    if (!item.is_string()) return refuse("origins", "expected a list of multiaddresses");
    std::string_view text = item.get_string();
    auto address = ipld::Multiaddr::parse(text);
    if (!address) return refuse("origins", fmt::format("{}: {}", quoted(text), address.error().message));
    // As of the REST API: an HTTP gateway has no peer id.
    if (!address->peer_id() && !address->has("http") && !address->has("https")) {
      return refuse("origins", fmt::format("{} does not end with /p2p/ and a peer id", quoted(text)));
    }
    if (address->bytes().size() > kMaxOriginBytes) {
      return refuse("origins", fmt::format("{} is longer than {} bytes", quoted(text), kMaxOriginBytes));
    }
    if (std::ranges::find(origins, *address) == origins.end()) origins.push_back(*std::move(address));
  }
  return origins;
}

/// Each part of "a,b,c"; empty parts are errors.
template <class Take>
Result<> each_part(std::string_view name, std::string_view list, Take take) {
  for (;;) {
    auto comma = list.find(',');
    auto part = list.substr(0, comma);
    if (part.empty()) return refuse(name, "an empty element");
    TRY(take(part));
    if (comma == std::string_view::npos) return {};
    list.remove_prefix(comma + 1);
  }
}

Result<std::optional<WallTime>> take_time(const net::Query& query, std::string_view name) {
  auto text = query.get(name);
  if (!text) return std::nullopt;
  auto time = parse_rfc3339(*text);
  if (!time) return refuse(name, fmt::format("{}: {}", quoted(*text), time.error().message));
  return *time;
}

Result<NameMatch> take_match(std::string_view text) {
  if (text == "exact") return NameMatch::kExact;
  if (text == "iexact") return NameMatch::kIExact;
  if (text == "partial") return NameMatch::kPartial;
  if (text == "ipartial") return NameMatch::kIPartial;
  return refuse("match", fmt::format("{} is not one of exact, iexact, partial and ipartial", quoted(text)));
}

Result<> take_statuses(std::string_view list, cluster::PinningQuery& query) {
  return each_part("status", list, [&](std::string_view name) -> Result<> {
    for (size_t i = 0; i < cluster::kRequestStatuses; ++i) {
      if (name != to_string(static_cast<RequestStatus>(i))) continue;
      query.statuses[i] = true;
      return {};
    }
    return refuse("status", fmt::format("{} is not one of queued, pinning, pinned and failed", quoted(name)));
  });
}

}  // namespace

Result<cluster::PinningPin> parse_pin(std::string_view text) {
  auto value = parse_json(text);
  if (!value) return refuse("the request's body", value.error().message);
  if (!value->is_object()) return refuse("the request's body", "expected a JSON object");
  const auto& object = value->get_object();
  auto member = [&](std::string_view name) -> const json::value* {
    const auto* found = object.if_contains(name);
    return found && !found->is_null() ? found : nullptr;
  };
  cluster::PinningPin pin;
  const auto* cid = member("cid");
  if (!cid) return refuse("cid", "missing");
  if (!cid->is_string()) return refuse("cid", "expected a string");
  TRY_ASSIGN(pin.cid, take_cid(cid->get_string()));
  if (const auto* name = member("name")) {
    if (!name->is_string()) return refuse("name", "expected a string");
    TRY_ASSIGN(pin.name, take_name(name->get_string()));
  }
  if (const auto* origins = member("origins")) {
    TRY_ASSIGN(pin.origins, take_origins(*origins));
  }
  if (const auto* meta = member("meta")) {
    TRY_ASSIGN(pin.meta, take_meta(*meta));
  }
  return pin;
}

Result<cluster::PinningQuery> parse_list_query(const net::Query& query) {
  cluster::PinningQuery out;
  if (auto list = query.get("cid")) {
    TRY(each_part("cid", *list, [&](std::string_view text) -> Result<> {
      TRY_ASSIGN(auto cid, take_cid(text));
      if (out.filter.cids.size() == kMaxCids) return refuse("cid", fmt::format("more than {}", kMaxCids));
      out.filter.cids.push_back(std::move(cid));
      return {};
    }));
  }
  if (auto name = query.get("name"); name && !name->empty()) {
    TRY_ASSIGN(out.filter.name, take_name(*name));
  }
  if (auto match = query.get("match")) {
    TRY_ASSIGN(out.filter.match, take_match(*match));
  }
  if (auto list = query.get("status")) {
    TRY(take_statuses(*list, out));
  } else {
    out.statuses[static_cast<size_t>(RequestStatus::kPinned)] = true;
  }
  TRY_ASSIGN(out.filter.before, take_time(query, "before"));
  TRY_ASSIGN(out.filter.after, take_time(query, "after"));
  if (auto limit = query.get("limit")) {
    auto [end, ec] = std::from_chars(limit->data(), limit->data() + limit->size(), out.limit);
    bool whole = ec == std::errc{} && end == limit->data() + limit->size();
    if (!whole || out.limit < 1 || out.limit > kMaxLimit) {
      return refuse("limit", fmt::format("{} is not a number from 1 to {}", quoted(*limit), kMaxLimit));
    }
  }
  if (auto meta = query.get("meta")) {
    auto value = parse_json(*meta);
    if (!value) return refuse("meta", value.error().message);
    TRY_ASSIGN(out.filter.meta, take_meta(*value));
  }
  return out;
}

}  // namespace ipfsc::api::pinning
