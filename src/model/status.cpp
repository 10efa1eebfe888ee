#include "model/status.h"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_map>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "model/json_writer.h"

namespace ipfsc::model {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, kStatusBits> kNames = {"undefined",
                                                              "cluster_error",
                                                              "pin_error",
                                                              "unpin_error",
                                                              "pinned",
                                                              "pinning",
                                                              "unpinning",
                                                              "unpinned",
                                                              "remote",
                                                              "pin_queued",
                                                              "unpin_queued",
                                                              "sharded",
                                                              "unexpectedly_unpinned"};

/// Base58 of a peer id costs more than all the rest of a line, and a listing repeats few of them.
constexpr size_t kMaxPeerTexts = 4096;
const std::string& peer_text(const ipld::PeerId& peer) {
  thread_local std::unordered_map<ipld::PeerId, std::string> texts;
  if (auto it = texts.find(peer); it != texts.end()) return it->second;
  if (texts.size() >= kMaxPeerTexts) texts.clear();
  return texts.emplace(peer, peer.to_string()).first->second;
}

void append_peers(std::string& out, const std::vector<ipld::PeerId>& peers) {
  out.push_back('[');
  for (size_t i = 0; i < peers.size(); ++i) {
    if (i > 0) out.push_back(',');
    out.push_back('"');
    out.append(peer_text(peers[i]));
    out.push_back('"');
  }
  out.push_back(']');
}

void append_summary(JsonObject& object, const PinSummary& pin) {
  auto& out = object.key("cid");
  out.push_back('"');
  pin.cid.append_to(out);
  out.push_back('"');
  object.text("name", pin.name);
  if (pin.in_pinset) {
    append_peers(object.key("allocations"), pin.allocations);
    object.plain_list("origins", pin.origins);
  } else {
    object.null("allocations");
    object.null("origins");
  }
  object.time("created", pin.created);
  object.string_map("metadata", pin.metadata, true);
}

void append_peer_member(std::string& out, const PinInfoShort& info) {
  out.push_back('"');
  out.append(info.on->peer_text);
  out.append("\":");
  append_json(out, info);
}

std::unexpected<Error> bad(std::string_view where, std::string_view what) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("{}: {}", where, what));
}

/// Reads optional members of one object; the first that is wrong is kept.
class Reader {
 public:
  Reader(const json::object& object, std::string where) : object_(object), where_(std::move(where)) {}

  const json::value* find(std::string_view key) const {
    const auto* value = object_.if_contains(key);
    return value && !value->is_null() ? value : nullptr;
  }
  void text(std::string_view key, std::string& out) {
    const auto* value = find(key);
    if (!value) return;
    if (!value->is_string()) return refuse(key, "expected a string");
    out = std::string_view(value->get_string());
  }
  template <class Int>
  void number(std::string_view key, Int& out) {
    const auto* value = find(key);
    if (!value) return;
    json::error_code ec;
    Int number = value->to_number<Int>(ec);
    if (ec || value->is_double()) return refuse(key, "expected a whole number in range");
    out = number;
  }
  void boolean(std::string_view key, bool& out) {
    const auto* value = find(key);
    if (!value) return;
    if (!value->is_bool()) return refuse(key, "expected true or false");
    out = value->get_bool();
  }
  void time(std::string_view key, std::optional<WallTime>& out) {
    std::string value;
    text(key, value);
    if (value.empty() || is_go_zero_time(value)) return;
    auto parsed = parse_rfc3339(value);
    if (!parsed) return refuse(key, parsed.error().message);
    out = *parsed;
  }
  template <class T>
  void list(std::string_view key, std::vector<T>& out) {
    const auto* value = find(key);
    if (!value) return;
    if (!value->is_array()) return refuse(key, "expected a list");
    for (const auto& item : value->get_array()) {
      if (!item.is_string()) return refuse(key, "expected a list of strings");
      auto parsed = T::parse(std::string_view(item.get_string()));
      if (!parsed) return refuse(key, parsed.error().message);
      out.push_back(*std::move(parsed));
    }
  }
  void refuse(std::string_view key, std::string_view what) {
    if (!error_) error_ = bad(where_ + std::string(key), what).error();
  }
  Result<> done() const { return error_ ? Result<>(std::unexpected(*error_)) : Result<>(); }

 private:
  const json::object& object_;
  std::string where_;
  std::optional<Error> error_;
};

Result<PinInfoShort> read_short(std::string_view peer, const json::value& value) {
  if (!value.is_object()) return bad("peer_map", "expected objects");
  TRY_ASSIGN(auto id, ipld::PeerId::parse(peer));
  Reader reader(value.get_object(), fmt::format("peer_map.{}.", peer));
  std::string peername, ipfs_peer, status;
  std::vector<ipld::Multiaddr> addresses;
  PinInfoShort info;
  reader.text("peername", peername);
  reader.text("ipfs_peer_id", ipfs_peer);
  reader.list("ipfs_peer_addresses", addresses);
  reader.text("status", status);
  reader.time("timestamp", info.timestamp);
  reader.text("error", info.error);
  reader.number("attempt_count", info.attempt_count);
  reader.boolean("priority_pin", info.priority_pin);
  reader.text("reason", info.reason);
  reader.time("next_try", info.next_try);
  if (reader.find("bytes")) {
    info.bytes = 0;
    reader.number("bytes", *info.bytes);
  }
  TRY(reader.done());
  info.status = status_from(status);
  info.on = make_peer_facts(id, std::move(peername), std::move(ipfs_peer), std::move(addresses));
  return info;
}

}  // namespace

size_t status_bit(TrackerStatus status) { return static_cast<size_t>(std::countr_zero(static_cast<uint32_t>(status))); }

std::span<const std::string_view, kStatusBits> status_names() { return kNames; }

std::string_view to_string(TrackerStatus status) {
  auto bits = static_cast<uint32_t>(status);
  if (!std::has_single_bit(bits)) return kNames[0];
  size_t bit = status_bit(status);
  return bit > 0 && bit < kStatusBits ? kNames[bit] : kNames[0];
}

TrackerStatus status_from(std::string_view name) {
  for (size_t bit = 1; bit < kStatusBits; ++bit) {
    if (kNames[bit] == name) return static_cast<TrackerStatus>(1u << bit);
  }
  return TrackerStatus::kUndefined;
}

Result<StatusSet> parse_status_filter(std::string_view text) {
  std::string compact;
  for (char c : text) {
    if (c != ' ') compact.push_back(c);
  }
  if (compact.empty() || compact == "undefined") return StatusSet();
  StatusSet set;
  for (std::string_view rest = compact;;) {
    size_t comma = rest.find(',');
    std::string_view name = rest.substr(0, comma);
    if (name == "error") {
      set = set | kErrorStatuses;
    } else if (name == "queued") {
      set = set | kQueuedStatuses;
    } else {
      set = set | status_from(name);
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (set.all()) return fail(ErrorKind::kInvalidArgument, "invalid filter value");
  return set;
}

std::string to_string(StatusSet set) {
  std::string out;
  for (size_t bit = 1; bit < kStatusBits; ++bit) {
    if ((set.bits >> bit & 1) == 0) continue;
    if (!out.empty()) out.push_back(',');
    out.append(kNames[bit]);
  }
  return out;
}

std::shared_ptr<const PeerFacts> make_peer_facts(const ipld::PeerId& peer, std::string peername,
                                                 std::string ipfs_peer_id,
                                                 std::vector<ipld::Multiaddr> ipfs_peer_addresses) {
  auto facts = std::make_shared<PeerFacts>();
  facts->peer = peer;
  facts->peer_text = peer.to_string();
  facts->peername = std::move(peername);
  facts->ipfs_peer_id = std::move(ipfs_peer_id);
  facts->ipfs_peer_addresses = std::move(ipfs_peer_addresses);
  JsonObject object(facts->json_head);
  object.text("peername", facts->peername);
  if (!facts->ipfs_peer_id.empty()) object.text("ipfs_peer_id", facts->ipfs_peer_id);
  if (!facts->ipfs_peer_addresses.empty()) object.plain_list("ipfs_peer_addresses", facts->ipfs_peer_addresses);
  facts->json_head.erase(0, 1);  // the brace
  return facts;
}

PinSummary PinSummary::of(const Pin& pin) { return of(Pin(pin)); }

PinSummary PinSummary::of(Pin&& pin) {
  return {.cid = std::move(pin.cid),
          .name = std::move(pin.options.name),
          .allocations = std::move(pin.allocations),
          .origins = std::move(pin.options.origins),
          .created = pin.timestamp,
          .metadata = std::move(pin.options.metadata),
          .in_pinset = true};
}

PinSummary PinSummary::missing(ipld::Cid cid) {
  PinSummary summary;
  summary.cid = std::move(cid);
  return summary;
}

GlobalPinInfo GlobalPinInfo::of(PinInfo info) {
  GlobalPinInfo global{.pin = std::move(info.pin), .peers = {}};
  global.peers.push_back(std::move(info.at));
  return global;
}

void GlobalPinInfo::add(PinInfoShort info) {
  auto it = std::lower_bound(peers.begin(), peers.end(), info.on->peer_text,
                             [](const PinInfoShort& a, const std::string& text) { return a.on->peer_text < text; });
  if (it != peers.end() && it->on->peer_text == info.on->peer_text) {
    *it = std::move(info);
  } else {
    peers.insert(it, std::move(info));
  }
}

bool GlobalPinInfo::matches(StatusSet set) const {
  return std::any_of(peers.begin(), peers.end(), [&](const PinInfoShort& info) { return set.has(info.status); });
}

void append_json(std::string& out, const PinInfoShort& info) {
  out.push_back('{');
  out.append(info.on->json_head);
  out.append(",\"status\":\"");
  out.append(to_string(info.status));
  out.append("\",\"timestamp\":");
  append_json_time(out, info.timestamp);
  out.append(",\"error\":");
  append_json_string(out, info.error);
  out.append(",\"attempt_count\":");
  append_json_number(out, static_cast<uint64_t>(info.attempt_count));
  out.append(info.priority_pin ? ",\"priority_pin\":true" : ",\"priority_pin\":false");
  if (!info.reason.empty()) {
    out.append(",\"reason\":");
    append_json_string(out, info.reason);
  }
  if (info.next_try) {
    out.append(",\"next_try\":");
    append_json_time(out, info.next_try);
  }
  if (info.bytes) {
    out.append(",\"bytes\":");
    append_json_number(out, *info.bytes);
  }
  out.push_back('}');
}

void append_json(std::string& out, const GlobalPinInfo& info) {
  JsonObject object(out);
  append_summary(object, info.pin);
  object.key("peer_map").push_back('{');
  for (size_t i = 0; i < info.peers.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_peer_member(out, info.peers[i]);
  }
  out.push_back('}');
  object.end();
}

void append_json(std::string& out, const PinInfo& info) {
  JsonObject object(out);
  append_summary(object, info.pin);
  object.key("peer_map").push_back('{');
  append_peer_member(out, info.at);
  out.push_back('}');
  object.end();
}

Result<GlobalPinInfo> global_pin_info_from_json(std::string_view text) {
  unsigned char buffer[4096];
  json::monotonic_resource memory(buffer, sizeof buffer);
  json::error_code ec;
  json::parse_options options;
  options.max_depth = 8;
  auto value = json::parse(text, ec, &memory, options);
  if (ec) return fail(ErrorKind::kInvalidArgument, "not a JSON object: " + ec.message());
  if (!value.is_object()) return fail(ErrorKind::kInvalidArgument, "expected a JSON object with the status of a pin");

  GlobalPinInfo info;
  Reader reader(value.get_object(), "");
  std::string cid;
  reader.text("cid", cid);
  reader.text("name", info.pin.name);
  reader.list("allocations", info.pin.allocations);
  reader.list("origins", info.pin.origins);
  reader.time("created", info.pin.created);
  if (const auto* metadata = reader.find("metadata")) {
    if (!metadata->is_object()) return bad("metadata", "expected an object of strings");
    for (const auto& [key, item] : metadata->get_object()) {
      if (!item.is_string()) return bad("metadata", "expected an object of strings");
      info.pin.metadata.insert_or_assign(std::string(key), std::string(std::string_view(item.get_string())));
    }
  }
  info.pin.in_pinset = reader.find("allocations") != nullptr;
  TRY(reader.done());
  if (!cid.empty()) {
    TRY_ASSIGN(info.pin.cid, ipld::Cid::parse(cid));
  }
  if (const auto* map = reader.find("peer_map")) {
    if (!map->is_object()) return bad("peer_map", "expected an object");
    for (const auto& [peer, item] : map->get_object()) {
      TRY_ASSIGN(auto one, read_short(peer, item));
      info.add(std::move(one));
    }
  }
  return info;
}

}  // namespace ipfsc::model
