// What the cluster says of its own health: alerts and the graph of connections. With their JSON, fields in Go's order
// (reference: rest-api 5.5); fields beyond Go come after them and only when there is something to say.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ipld/peer_id.h"
#include "model/info.h"

namespace ipfsc::model {

/// A metric of a peer that ceased to come; "ping" stands for the peer itself.
struct Alert {
  Metric metric;  ///< the newest that came
  WallTime triggered_at{};
  // Beyond Go:
  std::optional<WallTime> ended_at;  ///< none = it lasts
  uint32_t times = 1;                ///< how often it began: more than once when the peer flaps
  std::string reason;                ///< one sentence; may be empty

  bool operator==(const Alert&) const = default;
};

/// Who reaches whom. Peers that nothing is known of are absent.
struct ConnectGraph {
  ipld::PeerId cluster_id;  ///< the peer that answers
  std::map<ipld::PeerId, std::string> id_to_peername;
  std::map<std::string, std::vector<std::string>> ipfs_links;  ///< IPFS id to those in its swarm
  std::map<ipld::PeerId, std::vector<ipld::PeerId>> cluster_links;
  std::map<ipld::PeerId, bool> cluster_trust_links;
  std::map<ipld::PeerId, std::string> cluster_to_ipfs;
  // Beyond Go:
  std::map<ipld::PeerId, std::map<ipld::PeerId, Duration>> round_trips;  ///< of those in cluster_links
  std::map<ipld::PeerId, std::vector<ipld::PeerId>> one_way_links;       ///< reached by the first, but not the way back

  bool operator==(const ConnectGraph&) const = default;
};

/// {…Metric's fields…,"triggered_at":…} and, when set, "ended_at", "times" (above one), "reason".
void append_json(std::string& out, const Alert& alert);
/// Go's six members; then "round_trip_us": {id:{id:microseconds}} and "one_way_links": {id:[id]} when not empty. Keys
/// in the order of their text, as Go sorts map keys.
void append_json(std::string& out, const ConnectGraph& graph);

}  // namespace ipfsc::model
