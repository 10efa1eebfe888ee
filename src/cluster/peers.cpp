// Who this peer is, and its view of the cluster. One peer so far.
#include "base/deadline.h"
#include "cluster/cluster.h"

namespace ipfsc::cluster {
namespace {

/// The IPFS node is asked again when its answer is older than this.
constexpr Duration kIpfsIdAge = std::chrono::seconds(5);
constexpr Duration kIpfsIdTimeout = std::chrono::seconds(10);
constexpr std::string_view kRpcProtocol = "/ipfscluster/1.0/rpc";

}  // namespace

Task<> Cluster::refresh_ipfs_id() {
  auto now = runtime_.now();
  if (ipfs_id_seen_ && now - *ipfs_id_seen_ < kIpfsIdAge) co_return Result<>{};
  ipfs_id_seen_ = now;  // others that ask meanwhile get the last answer
  auto node = co_await with_deadline<ipfs::NodeId>(runtime_, now + kIpfsIdTimeout, "asking the IPFS node for its id",
                                                   ipfs_.id());
  if (node) {
    if (node->id != ipfs_id_.id || node->addresses != ipfs_id_.addresses) {
      tracker_.set_ipfs_identity(node->id, node->addresses);
    }
    ipfs_id_ = {.id = std::move(node->id), .addresses = std::move(node->addresses)};
  } else {
    if (node.error().kind == ErrorKind::kCancelled) co_return std::unexpected(node.error());
    ipfs_id_.error = node.error().message;
  }
  co_return Result<>{};
}

Task<model::PeerInfo> Cluster::id() {
  CO_TRY(co_await refresh_ipfs_id());
  model::PeerInfo info;
  info.id = options_.self;
  info.addresses = options_.addresses;
  for (const auto& member : consensus_.members()) info.cluster_peers.push_back(member.peer);
  info.version = options_.version;
  info.commit = options_.commit;
  info.rpc_protocol_version = kRpcProtocol;
  info.ipfs = ipfs_id_;
  info.peername = options_.peername;
  co_return info;
}

Task<std::vector<model::PeerInfo>> Cluster::peers() {
  CO_TRY_ASSIGN(auto self, co_await id());
  std::vector<model::PeerInfo> all;
  all.push_back(std::move(self));
  co_return all;
}

}  // namespace ipfsc::cluster
