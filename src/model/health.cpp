#include "model/health.h"

#include "model/json_writer.h"

namespace ipfsc::model {
namespace {

const std::string& text_of(const std::string& id) { return id; }
std::string text_of(const ipld::PeerId& id) { return id.to_string(); }

/// "name":{id:value,…}, where write(out, value) appends the value.
template <class Map, class Write>
void append_map(JsonObject& object, std::string_view name, const Map& map, Write write) {
  std::map<std::string, const typename Map::mapped_type*> by_text;
  for (const auto& [id, value] : map) by_text.emplace(text_of(id), &value);
  auto& out = object.key(name);
  out.push_back('{');
  bool first = true;
  for (const auto& [text, value] : by_text) {
    if (!first) out.push_back(',');
    first = false;
    append_json_string(out, text);
    out.push_back(':');
    write(out, *value);
  }
  out.push_back('}');
}

constexpr auto kWriteText = [](std::string& out, const std::string& text) { append_json_string(out, text); };
constexpr auto kWriteIds = [](std::string& out, const auto& ids) {
  out.push_back('[');
  bool first = true;
  for (const auto& id : ids) {
    if (!first) out.push_back(',');
    first = false;
    append_json_string(out, text_of(id));
  }
  out.push_back(']');
};

void append_round_trips(std::string& out, const std::map<ipld::PeerId, Duration>& round_trips) {
  std::map<std::string, Duration> by_text;
  for (const auto& [id, time] : round_trips) by_text.emplace(id.to_string(), time);
  JsonObject object(out);
  for (const auto& [id, time] : by_text) {
    object.number(id, static_cast<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count()));
  }
  object.end();
}

}  // namespace

void append_json(std::string& out, const Alert& alert) {
  JsonObject object(out);
  append_members(object, alert.metric);
  object.time("triggered_at", alert.triggered_at);
  if (alert.ended_at) object.time("ended_at", alert.ended_at);
  if (alert.times > 1) object.number("times", uint64_t{alert.times});
  if (!alert.reason.empty()) object.text("reason", alert.reason);
  object.end();
}

void append_json(std::string& out, const ConnectGraph& graph) {
  JsonObject object(out);
  object.plain("cluster_id", graph.cluster_id.to_string());
  append_map(object, "id_to_peername", graph.id_to_peername, kWriteText);
  append_map(object, "ipfs_links", graph.ipfs_links, kWriteIds);
  append_map(object, "cluster_links", graph.cluster_links, kWriteIds);
  append_map(object, "cluster_trust_links", graph.cluster_trust_links,
             [](std::string& to, bool trusted) { to.append(trusted ? "true" : "false"); });
  append_map(object, "cluster_to_ipfs", graph.cluster_to_ipfs, kWriteText);
  if (!graph.round_trips.empty()) append_map(object, "round_trip_us", graph.round_trips, append_round_trips);
  if (!graph.one_way_links.empty()) append_map(object, "one_way_links", graph.one_way_links, kWriteIds);
  object.end();
}

}  // namespace ipfsc::model
