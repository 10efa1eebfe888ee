#include "cluster/members.h"

#include <algorithm>

#include "cluster/apply_version.h"

namespace ipfsc::cluster {
namespace {

proto::Operation by(std::string actor) {
  proto::Operation operation;
  operation.set_actor(std::move(actor));
  return operation;
}

}  // namespace

proto::PeerAddresses binary(const std::vector<ipld::Multiaddr>& addresses) {
  proto::PeerAddresses out;
  for (const auto& address : addresses) out.add_addresses(address.bytes());
  return out;
}

proto::Operation put_peer(const state::Peer& peer, std::string actor) {
  auto operation = by(std::move(actor));
  auto& put = *operation.mutable_peer_put();
  put.set_peer(peer.id.bytes());
  put.set_name(peer.name);
  put.set_role(peer.role);
  put.set_configured_role(peer.configured_role);
  put.set_state(peer.state);
  *put.mutable_addresses() = std::move(*binary(peer.addresses).mutable_addresses());
  return operation;
}

proto::Operation change_peer(const state::State& state, proto::PeerChange change, std::string actor) {
  auto id = ipld::PeerId::from_bytes(change.peer());
  auto known = id ? state.peer(*id) : std::nullopt;
  if (!known || state.info().apply_version >= kPartialChanges) {
    auto operation = by(std::move(actor));
    *operation.mutable_peer_change() = std::move(change);
    return operation;
  }
  auto operation = put_peer(*known, std::move(actor));
  auto& put = *operation.mutable_peer_put();
  if (change.has_name()) put.set_name(change.name());
  if (change.has_role()) put.set_role(change.role());
  if (change.has_configured_role()) put.set_configured_role(change.configured_role());
  if (change.has_state()) put.set_state(change.state());
  if (change.has_addresses()) *put.mutable_addresses() = std::move(*change.mutable_addresses()->mutable_addresses());
  return operation;
}

proto::Operation change_state(const state::State& state, const ipld::PeerId& peer, proto::PeerState to,
                              std::string actor, std::optional<proto::PeerState> if_state) {
  proto::PeerChange change;
  change.set_peer(peer.bytes());
  change.set_state(to);
  if (if_state) change.set_if_state(*if_state);
  return change_peer(state, std::move(change), std::move(actor));
}

std::vector<ipld::PeerId> other_members(const state::State& state, const ipld::PeerId& self) {
  std::vector<ipld::PeerId> out;
  for (const auto& peer : state.peers()) {
    if (belongs(peer) && peer.id != self) out.push_back(peer.id);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace ipfsc::cluster
