#include "api/rest/schemas.h"

#include <algorithm>

#include "base/check.h"
#include "base/json.h"

namespace ipfsc::api::rest {
namespace {

namespace json = boost::json;

// Values as they are.
constexpr std::string_view kPlain = R"({
"CID": {"type": "string", "format": "cid", "minLength": 1, "examples": ["QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"]},
"PeerID": {"type": "string", "format": "peer-id", "minLength": 1, "examples": ["12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"]},
"Multiaddress": {"type": "string", "examples": ["/ip4/127.0.0.1/tcp/9096"]},
"Time": {"type": "string", "format": "date-time", "description": "RFC 3339; 0001-01-01T00:00:00Z is none."},
"Position": {"type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$", "description": "A place in the log, the same on every peer: incarnation, log index, operation.", "examples": ["1.42.0"]},
"PinType": {"type": "string", "enum": ["pin", "meta-pin", "clusterdag-pin", "shard-pin", "bad-type"]},
"PinMode": {"type": "string", "enum": ["recursive", "direct"]},
"Status": {"type": "string", "enum": ["undefined", "cluster_error", "pin_error", "unpin_error", "pinned", "pinning", "unpinning", "unpinned", "remote", "pin_queued", "unpin_queued", "sharded", "unexpectedly_unpinned"]},
"Role": {"type": "string", "enum": ["admin", "pinner", "reader", ""], "description": "\"\": a list of operations instead."},
"Operation": {"type": "string", "enum": ["read", "pin", "unpin", "add", "recover", "peers", "movements", "gc", "tokens", "admin"]},
"Names": {"type": "array", "items": {"type": "string"}},
"Upload": {"type": "object", "description": "A part for each file, folder (application/x-directory) or symlink (application/symlink); the file name is its path.", "properties": {"file": {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}}},
"RoundTrips": {"type": "object", "description": "Microseconds by peer id.", "additionalProperties": {"type": "integer"}},
"Document": {"type": "object"}
})";

// Objects. "": the description; "<": the members of that one come first; a member with '?' can be missing. A member is
// its type, or [type, description].
constexpr std::string_view kObjects = R"({
"Error": {"": "What went wrong, in one sentence.",
  "code": ["integer", "The HTTP status again."], "message": "string"},
"Pin": {"": "What the cluster is to keep.",
  "replication_factor_min": ["integer", "Copies at least; -1: on every peer."],
  "replication_factor_max": "integer", "name": "string", "mode": "PinMode", "shard_size": "integer",
  "user_allocations": ["PeerID[]|null", "Only in the answer to a request to pin."],
  "expire_at": "Time", "metadata": "string{}|null", "pin_update": "CID|null", "origins": "Multiaddress[]|null",
  "cid": "CID", "type": "PinType", "allocations": ["PeerID[]", "Empty for pins that all peers have."],
  "max_depth": ["integer", "-1: everything below; 0: the block alone."], "reference": "CID|null", "timestamp": "Time"},
"PinRequest": {"": "A line of many pins: as a listing of the pinset has them; all but the CID can be left out.",
  "cid": "CID", "replication_factor_min?": "integer", "replication_factor_max?": "integer", "name?": "string",
  "mode?": "PinMode", "shard_size?": "integer", "user_allocations?": "PeerID[]|null", "expire_at?": "Time",
  "metadata?": "string{}|null", "pin_update?": "CID|null", "origins?": "Multiaddress[]|null", "type?": "PinType",
  "max_depth?": "integer"},
"LineResult": {"": "What became of a line; the last one has no line when the rest was not done.",
  "line?": "integer", "cid?": "CID", "code?": ["integer", "An HTTP status: it was not done."], "message?": "string"},
"PinPreview": {"dry_run": "boolean", "pin": "Pin", "peers": "Verdict[]"},
"Verdict": {"peer": "PeerID", "chosen": "boolean", "holds": ["boolean", "It has a copy now."],
  "reason": "string"},
"PastPin": {"": "A pin as it was at a time.", "<": "Pin", "at": "Time", "peers": "Holder[]"},
"Holder": {"peer": "PeerID", "peername": "string",
  "allocated": ["boolean|null", "By the log."],
  "confirmed": ["boolean|null", "By the peer's own journal; null: not known, and error says why."],
  "since?": "Time", "until?": "Time", "ended?": ["string", "unpinned or lost"], "error?": "string"},
"Change": {"": "A change of the log.",
  "position": "Position", "type": ["string", "pin, unpin, move, work, peer, record, cluster"], "time": "Time",
  "actor": "string", "cid?": "CID", "peer?": "PeerID", "record?": "string"},
"HistoryRecord": {"<": "Change", "before": "Pin|null", "after": "Pin|null"},
"Count": {"count": "integer"},
"GlobalPinInfo": {"": "A pin, and what each peer does about it.",
  "cid": "CID", "name": "string", "allocations": "PeerID[]|null", "origins": "Multiaddress[]|null", "created": "Time",
  "metadata": "string{}|null", "peer_map": ["PinInfo{}", "By peer id."]},
"PinInfo": {"peername": "string", "ipfs_peer_id?": "string", "ipfs_peer_addresses?": "Multiaddress[]",
  "status": "Status", "timestamp": "Time", "error": "string", "attempt_count": "integer", "priority_pin": "boolean",
  "reason?": ["string", "Why it is so."], "next_try?": "Time",
  "bytes?": ["integer", "Fetched or read by the attempt."]},
"ID": {"": "A peer.",
  "id": "PeerID", "addresses": "Multiaddress[]|null", "cluster_peers": "PeerID[]|null",
  "cluster_peers_addresses": "Multiaddress[]|null", "version": "string", "commit": "string",
  "rpc_protocol_version": "string", "error": ["string", "Set: the peer did not answer."], "ipfs": "IPFSID",
  "peername": "string", "standing?": "Standing"},
"IPFSID": {"id?": "string", "addresses": "Multiaddress[]|null", "error": "string"},
"Standing": {"role": ["string", "leader, voter, standby, agent"],
  "health": ["string", "up, suspected to be down, draining (and suspected to be down), down"],
  "lag": ["integer", "Entries of the log that others have applied and it has not."], "free_bytes?": "integer"},
"Version": {"version": "string"},
"PeerRequest": {"peer_id": "PeerID"},
"Movements": {"paused": "boolean", "under_way": "integer", "moves": "Movement[]"},
"Movement": {"cid": "CID", "from?": "PeerID", "to?": "PeerID", "reason": "string", "started?": "Time"},
"MovementPlan": {"summary": "string", "pins": "integer", "blocked_pins": "integer",
  "more": ["boolean", "There are more pins to move than a plan has."], "dry_run": "boolean", "moves": "Movement[]"},
"Ready": {"status": "string"},
"Metric": {"name": "string", "peer": "PeerID", "value": "string", "expire": ["integer", "Unix nanoseconds."],
  "valid": "boolean", "weight": "integer", "partitionable": "boolean",
  "received_at": ["integer", "Unix nanoseconds."]},
"Alert": {"": "A metric of a peer that ceased to come.", "<": "Metric", "triggered_at": "Time",
  "ended_at?": "Time", "times?": ["integer", "How often it began."], "reason?": "string"},
"ConnectGraph": {"": "Who reaches whom.",
  "cluster_id": "PeerID", "id_to_peername": "string{}", "ipfs_links": "Names{}", "cluster_links": "Names{}",
  "cluster_trust_links": "boolean{}", "cluster_to_ipfs": "string{}", "round_trip_us?": "RoundTrips{}",
  "one_way_links?": "Names{}"},
"Bandwidth": {"total_in": "integer", "total_out": "integer", "rate_in": ["number", "Bytes a second."], "rate_out": "number"},
"GlobalRepoGC": {"peer_map": "RepoGC{}"},
"RepoGC": {"peer": "PeerID", "peername": "string", "keys": "RepoGCKey[]", "error?": "string",
  "freed_disk_bytes?": "integer"},
"GCLine": {"": "How far a peer is, or, in the last line, what was removed.",
  "peer?": "PeerID", "removed?": ["integer", "Blocks by now."], "peer_map?": "RepoGC{}"},
"RepoGCKey": {"key": "CID|null", "error?": "string"},
"AddedOutput": {"": "A file or folder that was added, or with progress=true how far one is.",
  "name": "string", "cid": "CID|null", "bytes?": "integer", "size?": "integer", "allocations?": "PeerID[]",
  "left_behind?": ["PeerID[]", "Of these, who did not get everything and will fetch it."]},
"TokenRequest": {"": "A role, or a list of operations.",
  "name": "string", "role?": "Role", "operations?": "Operation[]",
  "expire_in?": ["string", "A Go duration; none: it does not end."]},
"Token": {"name": "string", "role": "Role", "operations": "Operation[]", "created_at": "Time",
  "expires_at": "Time", "expired": "boolean", "created_by": "string"},
"NewToken": {"<": "Token", "token": ["string", "The secret; it is told only now."]},
"JWT": {"token": "string"}
})";

const json::object& known() {
  static const json::object names = [] {
    json::object out = parse_json(kPlain)->as_object();
    const json::object objects = parse_json(kObjects)->as_object();
    for (const auto& [name, value] : objects) out.emplace(name, nullptr);
    return out;
  }();
  return names;
}

bool is_basic(std::string_view type) {
  return type == "integer" || type == "number" || type == "string" || type == "boolean" || type == "null";
}

/// Puts the members of an object into `properties` and `required`.
void add_members(const json::object& objects, const json::object& object, json::object& properties,
                 json::array& required) {
  for (const auto& [key, value] : object) {
    std::string_view name = key;
    if (name.empty()) continue;
    if (name == "<") {
      add_members(objects, objects.at(value.as_string()).as_object(), properties, required);
      continue;
    }
    bool optional = name.ends_with('?');
    if (optional) name.remove_suffix(1);
    auto schema = schema_of(value.is_array() ? value.as_array().at(0).as_string() : value.as_string());
    if (value.is_array()) schema["description"] = value.as_array().at(1);
    properties.emplace(name, std::move(schema));
    if (!optional) required.emplace_back(json::string_view(name));
  }
}

json::object make_all() {
  json::object out = parse_json(kPlain)->as_object();
  const json::object objects = parse_json(kObjects)->as_object();
  for (const auto& [name, value] : objects) {
    const auto& object = value.as_object();
    json::object schema{{"type", "object"}};
    if (const auto* text = object.if_contains("")) schema.emplace("description", *text);
    json::object properties;
    json::array required;
    add_members(objects, object, properties, required);
    schema.emplace("properties", std::move(properties));
    if (!required.empty()) schema.emplace("required", std::move(required));
    out.emplace(name, std::move(schema));
  }
  return out;
}

}  // namespace

json::object schema_of(std::string_view type) {
  if (type.find('|') != std::string_view::npos) {
    json::array any;
    for (auto rest = type; !rest.empty();) {
      auto one = rest.substr(0, rest.find('|'));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      any.emplace_back(schema_of(one));
    }
    return {{"anyOf", std::move(any)}};
  }
  auto inner = type.substr(0, type.size() - std::min<size_t>(type.size(), 2));
  if (type.ends_with("[]")) return {{"type", "array"}, {"items", schema_of(inner)}};
  if (type.ends_with("{}")) return {{"type", "object"}, {"additionalProperties", schema_of(inner)}};
  if (is_basic(type)) return {{"type", json::string_view(type)}};
  CHECK(known().contains(type));
  return {{"$ref", "#/components/schemas/" + std::string(type)}};
}

const json::object& all_schemas() {
  static const json::object all = make_all();
  return all;
}

}  // namespace ipfsc::api::rest
