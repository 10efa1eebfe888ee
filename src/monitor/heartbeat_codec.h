// A heartbeat as a value, and its form on the wire (proto/monitor.proto).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/strong.h"
#include "ipld/multiaddr.h"
#include "model/status.h"
#include "monitor/metric_store.h"
#include "monitor/peer_health.h"
#include "monitor/reachability.h"

namespace ipfsc::proto {
class Heartbeat;
enum PeerRole : int;
}  // namespace ipfsc::proto

namespace ipfsc::monitor {

/// What a peer tells the voters of itself every second.
struct Heartbeat {
  uint64_t run = 0;       ///< random, drawn when the sender's process started: another one = it restarted
  uint64_t sequence = 0;  ///< rises by one within a run: a lower one than the last is late and worthless
  Duration interval{};    ///< until the receiver gets the next one; zero: as usual
  Bytes cluster_id;
  uint64_t incarnation = 0;
  LogIndex applied;
  Bytes state_hash;            ///< of the state at `applied`: members at the same index are equal or damaged
  uint32_t apply_version = 0;  ///< the newest that the sender's program knows
  proto::PeerRole role{};
  std::string version;
  std::string peername;
  std::vector<ipld::Multiaddr> addresses;
  std::vector<Reading> metrics;
  std::array<uint64_t, model::kStatusBits> tracker_counts{};  ///< index: model::status_bit()
  HealthView health;                                          ///< its observer is the sender
  LinkView links;                                             ///< its observer is the sender
  bool operator==(const Heartbeat&) const = default;
};

/// Of one heartbeat, on both sides.
struct HeartbeatLimits {
  size_t max_bytes = 512 << 10;                     ///< encoded
  size_t max_text_bytes = 1024;                     ///< version, peername, cluster id, state hash: each
  Duration max_interval = std::chrono::minutes(1);  ///< a longer one is taken for this
  size_t max_addresses = 32;
  size_t max_metrics = 64;
  size_t max_name_bytes = 256;       ///< of a metric
  size_t max_value_bytes = 4 << 10;  ///< of a metric
  size_t max_peers = 1024;           ///< doubts and links: each
};

/// Always gives a heartbeat that the other side takes: what is beyond a limit is left out or cut, the links first, then
/// metrics, addresses and doubts. Durations are cut to milliseconds (round trips: microseconds), φ to a float.
void to_proto(const Heartbeat& heartbeat, proto::Heartbeat* out, const HeartbeatLimits& limits = {});
/// kInvalidArgument names the field that cannot be read or is beyond its limit. Metrics and views are the sender's,
/// whatever was sent. Statuses and roles that this program does not know are left out (a newer one sent it).
Result<Heartbeat> heartbeat_from_proto(const proto::Heartbeat& in, const ipld::PeerId& sender,
                                       const HeartbeatLimits& limits = {});

Bytes encode_heartbeat(const Heartbeat& heartbeat, const HeartbeatLimits& limits = {});
/// heartbeat_from_proto() of bytes; also kInvalidArgument when there are too many or they are no message. Memory while
/// it runs: at most about 50 times max_bytes, for bytes made to that end.
Result<Heartbeat> decode_heartbeat(ByteView bytes, const ipld::PeerId& sender, const HeartbeatLimits& limits = {});

}  // namespace ipfsc::monitor
