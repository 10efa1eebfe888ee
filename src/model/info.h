// What a peer tells about itself and its work: identity, metrics, garbage collection, adding. With their JSON, fields
// in Go's order (reference: rest-api 5.4, 5.5).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ipld/cid.h"
#include "ipld/multiaddr.h"
#include "ipld/peer_id.h"

namespace ipfsc::model {

class JsonObject;

struct IpfsId {
  std::string id;  ///< empty when unknown
  std::vector<ipld::Multiaddr> addresses;
  std::string error;
};

/// How a peer stands in the cluster, as the peer that is asked sees it. Beyond Go.
struct PeerStanding {
  std::string role;                    ///< "leader", "voter", "standby", "agent"
  std::string health;                  ///< "up", "suspected to be down", "draining" (then both, perhaps), "down"
  uint64_t lag = 0;                    ///< entries of the log that others have applied and it has not, when heard last
  std::optional<uint64_t> free_bytes;  ///< for content; none: not heard
};

struct PeerInfo {
  ipld::PeerId id;
  std::vector<ipld::Multiaddr> addresses;  ///< with /p2p/<id>
  std::vector<ipld::PeerId> cluster_peers;
  std::vector<ipld::Multiaddr> cluster_peers_addresses;
  std::string version;
  std::string commit;
  std::string rpc_protocol_version;
  std::string error;  ///< set: only id counts
  IpfsId ipfs;
  std::string peername;
  std::string trouble;  ///< why it can write nothing now, beyond Go; "" = it can
  std::optional<PeerStanding> standing;
};

struct Metric {
  std::string name;
  ipld::PeerId peer;
  std::string value;
  WallTime expire{};
  bool valid = false;
  int64_t weight = 0;
  bool partitionable = false;
  WallTime received_at{};
  bool operator==(const Metric&) const = default;
};

struct RepoGcKey {
  std::optional<ipld::Cid> key;
  std::string error;
};

struct RepoGc {
  ipld::PeerId peer;
  std::string peername;
  std::vector<RepoGcKey> keys;
  std::string error;
  uint64_t freed_disk_bytes = 0;  ///< beyond Go: measured on the file system
};

struct GlobalRepoGc {
  std::map<ipld::PeerId, RepoGc> peers;
};

/// One line of an add's answer.
struct AddedOutput {
  std::string name;
  std::optional<ipld::Cid> cid;  ///< none: progress
  uint64_t bytes = 0;
  uint64_t size = 0;
  std::vector<ipld::PeerId> allocations;
  std::vector<ipld::PeerId> left_behind;  ///< of these, who did not get everything and will fetch it; our own
};

void append_json(std::string& out, const PeerInfo& info);
void append_json(std::string& out, const Metric& metric);
/// The members of the object above, for objects that begin with them.
void append_members(JsonObject& object, const Metric& metric);
void append_json(std::string& out, const GlobalRepoGc& gc);
void append_json(std::string& out, const AddedOutput& added);

}  // namespace ipfsc::model
