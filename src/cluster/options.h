// Options of the peer as a whole (service.json's `cluster` section and what belongs to it).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "allocator/candidate.h"
#include "base/time.h"
#include "ipld/multiaddr.h"
#include "ipld/peer_id.h"
#include "proto/log.pb.h"

namespace ipfsc::cluster {

struct ClusterOptions {
  ipld::PeerId self;
  std::string peername;
  std::string version;
  std::string commit;
  std::vector<ipld::Multiaddr> addresses;        ///< of this peer, with /p2p/<id>
  proto::PeerRole role = proto::PEER_ROLE_AUTO;  ///< until somebody says otherwise (Cluster::set_role())
  bool approve_joins = false;                    ///< a new peer is let in by Cluster::approve_peer() only
  int replication_factor_min = -1;
  int replication_factor_max = -1;
  bool follower_mode = false;
  /// So many peers without a vote tell every voter of themselves each second; more tell one voter each, in turn.
  size_t most_heard_at_once = 12;
  size_t most_relayed = 12;  ///< heartbeats of others in an answer, unless a round of all of them would take too long
  std::vector<std::string> allocate_by = {"tag:group", "freespace"};  ///< metrics, the most important first
  std::vector<allocator::SpreadRule> spread;                          ///< the most important first
  bool disable_repinning = false;
  Duration repin_grace = std::chrono::minutes(5);  ///< before a down peer's copies are made elsewhere
  double moves_per_second = 0;                     ///< copies that begin to move, whatever for; 0 = no limit

  bool rebalance_on_join = false;  ///< a peer that joins gets its share of the copies

  Duration write_timeout = std::chrono::seconds(30);  ///< of one write, unless the caller says less
  Duration peer_timeout = std::chrono::seconds(3);    ///< for another peer's answer to a question about its pins
  size_t max_name_bytes = 64 * 1024;
  size_t max_metadata_bytes = 64 * 1024;  ///< keys and values together
  size_t max_origins = 64;

  /// Expiry: at most so many pins in one write, and at least this pause after a failed one.
  size_t expire_batch = 500;
  Duration expire_retry = std::chrono::seconds(5);
  /// History and old request outcomes are trimmed this often (the leader proposes it).
  Duration trim_interval = std::chrono::minutes(10);
  Duration history_retention = std::chrono::hours(24 * 90);  ///< 0 = for ever
  Duration request_retention = std::chrono::hours(24);
  uint64_t requests_keep = 1'000'000;

  /// Adds: bytes of content that one upload has in flight between the network and the disk.
  size_t add_window_bytes = 8 << 20;

  Duration promise_lifetime = std::chrono::minutes(30);  ///< of room on a peer for content that does not come

  Duration connect_swarms_delay{};  ///< from the start until the IPFS nodes are connected with each other; 0 = never
  Duration metric_ttl = std::chrono::seconds(30);  ///< of disk and numpin
  Duration ping_ttl = std::chrono::seconds(30);
  Duration tags_ttl = std::chrono::seconds(30);
  Duration pinqueue_ttl = std::chrono::seconds(30);
  std::optional<Duration> bandwidth_ttl, rtt_ttl;  ///< none: there is no such metric of this peer
  std::map<std::string, std::string> tags;         ///< of this peer, for allocation
  int64_t pinqueue_bucket = 100'000;               ///< of the metric pinqueue
  int64_t bandwidth_bucket_bytes = 1 << 20;        ///< of the metric bandwidth
};

struct BlockLinkOptions {
  size_t lanes = 2;          ///< exchanges at once: a small block need not wait for a large one
  size_t most_at_once = 32;  ///< blocks in one exchange
  Duration answer_timeout = std::chrono::seconds(30);  ///< for the next message of an answer
  Duration idle_timeout = std::chrono::seconds(10);    ///< before a lane that has nothing to do closes its stream
};

struct BlockExchangeOptions {
  /// Bytes that this peer sends to others, or takes from them, for pins and reads; adds are not counted. 0 = no limit.
  uint64_t send_bytes_per_second = 0;
  uint64_t receive_bytes_per_second = 0;
  BlockLinkOptions link;
  Duration avoid_time = std::chrono::seconds(5);  ///< a peer that did not answer is asked last for so long
  size_t remembered_roots = 1024;                 ///< which peer had something of a pin
};

}  // namespace ipfsc::cluster
