// Who this peer is, and its view of the cluster.
#include <algorithm>

#include "base/deadline.h"
#include "base/gather.h"
#include "cluster/cluster.h"
#include "cluster/members.h"

namespace ipfsc::cluster {
namespace {

/// The IPFS node is asked again when its answer is older than this.
constexpr Duration kIpfsIdAge = std::chrono::seconds(5);
constexpr std::string_view kRpcProtocol = "/ipfscluster/1.0/rpc";

}  // namespace

Task<> Cluster::refresh_ipfs_id() {
  auto now = runtime_.now();
  if (ipfs_id_seen_ && now - *ipfs_id_seen_ < kIpfsIdAge) co_return Result<>{};
  ipfs_id_seen_ = now;  // others that ask meanwhile get the last answer
  // Another peer that asks us shall hear that the node is silent, before it takes us for silent.
  auto node = co_await with_deadline<ipfs::NodeId>(runtime_, now + options_.peer_timeout / 2,
                                                   "asking the IPFS node for its id", ipfs_.id());
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
  info.cluster_peers = calls_.others();
  for (const auto& peer : info.cluster_peers) {
    auto known = state_.peer(peer);
    if (!known) continue;
    for (const auto& address : known->addresses) info.cluster_peers_addresses.push_back(address.with_peer_id(peer));
  }
  info.cluster_peers.push_back(options_.self);
  std::ranges::sort(info.cluster_peers, {}, &ipld::PeerId::to_string);
  info.version = options_.version;
  info.commit = options_.commit;
  info.rpc_protocol_version = kRpcProtocol;
  info.ipfs = ipfs_id_;
  info.peername = options_.peername;
  info.trouble = consensus_.trouble();
  co_return info;
}

Task<std::vector<std::string>> Cluster::swarm_here() {
  co_return co_await with_deadline(runtime_, runtime_.now() + options_.peer_timeout, "asking the IPFS node",
                                   ipfs_.swarm_peers());
}

Task<model::ConnectGraph> Cluster::graph() {
  auto peers = calls_.others();
  std::vector<Task<std::vector<std::string>>> asks;
  for (const auto& peer : peers) asks.push_back(calls_.swarm(peer));
  peers.push_back(options_.self);
  asks.push_back(swarm_here());
  auto answers = co_await gather(runtime_, std::move(asks));
  Heartbeats::Swarms swarms;
  for (size_t i = 0; i < peers.size(); ++i) {
    if (answers[i]) {
      swarms.emplace(peers[i], *std::move(answers[i]));
    } else if (answers[i].error().kind == ErrorKind::kCancelled) {
      co_return fail(answers[i].error());
    }
  }
  co_return heartbeats_.graph(std::move(swarms));
}

Task<std::vector<model::PeerInfo>> Cluster::peers() {
  CO_TRY_ASSIGN(auto self, co_await id());
  std::vector<Task<model::PeerInfo>> asks;
  for (const auto& peer : calls_.others()) asks.push_back(peer_info(peer));
  std::vector<model::PeerInfo> all;
  all.push_back(std::move(self));
  for (auto& answer : co_await gather(runtime_, std::move(asks))) {
    CO_TRY(answer);
    all.push_back(*std::move(answer));
  }
  std::ranges::sort(all, {}, [](const model::PeerInfo& info) { return info.id.to_string(); });
  add_standings(all);
  co_return all;
}

/// Whoever is drained stays so in the log when it dies: what has become of it is known from its silence alone.
std::string Cluster::health_of(const allocator::Candidate& candidate) const {
  using enum allocator::PeerState;
  std::string health(allocator::to_string(candidate.state));
  auto heard = candidate.state == kDraining ? heartbeats_.standing(candidate.peer) : std::nullopt;
  if (heard && heard->standing == monitor::Standing::kSuspect) health += fmt::format(", {}", to_string(kSuspect));
  return health;
}

void Cluster::add_standings(std::vector<model::PeerInfo>& peers) {
  auto applied_by = [this](const ipld::PeerId& peer) -> uint64_t {
    if (peer == options_.self) return state_.applied_index().value;
    const auto* heard = heartbeats_.last(peer);
    return heard ? heard->applied.value : 0;
  };
  uint64_t furthest = 0;
  for (const auto& info : peers) furthest = std::max(furthest, applied_by(info.id));
  auto leader = consensus_.leader();
  auto members = consensus_.members();
  for (auto& info : peers) {
    const auto* candidate = picture_.peers().find(info.id);
    auto member = std::ranges::find(members, info.id, &consensus::Member::peer);
    if (candidate == nullptr || member == members.end()) continue;
    auto known = state_.peer(info.id);
    bool leads = consensus_.is_leader() ? info.id == options_.self : leader == info.id;
    info.standing = {.role = leads                                              ? "leader"
                             : member->role == consensus::MemberRole::kVoter    ? "voter"
                             : known && known->role == proto::PEER_ROLE_STANDBY ? "standby"
                                                                                : "agent",
                     .health = health_of(*candidate),
                     .lag = furthest - applied_by(info.id),
                     .free_bytes = candidate->free_bytes};
  }
}

Task<model::PeerInfo> Cluster::peer_info(ipld::PeerId peer) {
  auto info = co_await calls_.id(peer);
  if (info || info.error().kind == ErrorKind::kCancelled) co_return info;
  model::PeerInfo silent;
  silent.id = peer;
  silent.error = info.error().message;
  if (auto known = state_.peer(peer)) silent.peername = known->name;
  co_return silent;
}

}  // namespace ipfsc::cluster
