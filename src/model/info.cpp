#include "model/info.h"

#include "model/json_writer.h"

namespace ipfsc::model {
namespace {

template <class T>
void append_list(JsonObject& object, std::string_view name, const std::vector<T>& list) {
  if (list.empty()) {
    object.null(name);  // as Go prints a nil slice
  } else {
    object.plain_list(name, list);
  }
}

int64_t unix_nanoseconds(WallTime time) { return time.time_since_epoch().count(); }

void append_ipfs(std::string& out, const IpfsId& ipfs) {
  JsonObject object(out);
  if (!ipfs.id.empty()) object.text("id", ipfs.id);
  append_list(object, "addresses", ipfs.addresses);
  object.text("error", ipfs.error);
  object.end();
}

void append_gc(std::string& out, const RepoGc& gc) {
  JsonObject object(out);
  object.plain("peer", gc.peer.to_string());
  object.text("peername", gc.peername);
  auto& keys = object.key("keys");
  keys.push_back('[');
  bool first = true;
  for (const auto& key : gc.keys) {
    if (!first) keys.push_back(',');
    first = false;
    JsonObject item(keys);
    if (key.key) {
      item.plain("key", key.key->to_string());
    } else {
      item.null("key");
    }
    if (!key.error.empty()) item.text("error", key.error);
    item.end();
  }
  keys.push_back(']');
  if (!gc.error.empty()) object.text("error", gc.error);
  if (gc.freed_disk_bytes > 0) object.number("freed_disk_bytes", gc.freed_disk_bytes);
  object.end();
}

}  // namespace

void append_json(std::string& out, const PeerInfo& info) {
  JsonObject object(out);
  object.plain("id", info.id.to_string());
  append_list(object, "addresses", info.addresses);
  append_list(object, "cluster_peers", info.cluster_peers);
  append_list(object, "cluster_peers_addresses", info.cluster_peers_addresses);
  object.text("version", info.version);
  object.text("commit", info.commit);
  object.text("rpc_protocol_version", info.rpc_protocol_version);
  object.text("error", info.error);
  append_ipfs(object.key("ipfs"), info.ipfs);
  object.text("peername", info.peername);
  if (!info.trouble.empty()) object.text("trouble", info.trouble);
  if (info.standing) {
    JsonObject standing(object.key("standing"));
    standing.text("role", info.standing->role);
    standing.text("health", info.standing->health);
    standing.number("lag", info.standing->lag);
    if (info.standing->free_bytes) standing.number("free_bytes", *info.standing->free_bytes);
    standing.end();
  }
  object.end();
}

void append_members(JsonObject& object, const Metric& metric) {
  object.text("name", metric.name);
  object.plain("peer", metric.peer.to_string());
  object.text("value", metric.value);
  object.number("expire", unix_nanoseconds(metric.expire));
  object.boolean("valid", metric.valid);
  object.number("weight", metric.weight);
  object.boolean("partitionable", metric.partitionable);
  object.number("received_at", unix_nanoseconds(metric.received_at));
}

void append_json(std::string& out, const Metric& metric) {
  JsonObject object(out);
  append_members(object, metric);
  object.end();
}

void append_json(std::string& out, const GlobalRepoGc& gc) {
  JsonObject object(out);
  auto& map = object.key("peer_map");
  JsonObject peers(map);
  // Keys in the order of their text, as Go sorts map keys.
  std::map<std::string, const RepoGc*> by_text;
  for (const auto& [peer, item] : gc.peers) by_text.emplace(peer.to_string(), &item);
  for (const auto& [text, item] : by_text) append_gc(peers.key(text), *item);
  peers.end();
  object.end();
}

void append_json(std::string& out, const AddedOutput& added) {
  JsonObject object(out);
  object.text("name", added.name);
  if (added.cid) {
    object.plain("cid", added.cid->to_string());
  } else {
    object.null("cid");
  }
  if (added.bytes > 0) object.number("bytes", added.bytes);
  if (added.size > 0) object.number("size", added.size);
  if (!added.allocations.empty()) object.plain_list("allocations", added.allocations);
  if (!added.left_behind.empty()) object.plain_list("left_behind", added.left_behind);
  object.end();
}

}  // namespace ipfsc::model
