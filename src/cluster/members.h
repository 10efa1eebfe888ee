// Who belongs to the cluster, as the log says.
#pragma once

#include <vector>

#include "state/state.h"

namespace ipfsc::cluster {

inline bool belongs(const state::Peer& peer) {
  return peer.member && peer.state != proto::PEER_STATE_REMOVED && peer.state != proto::PEER_STATE_BANNED;
}

/// The entry that makes the log say of `peer` what this value does.
inline proto::Operation put_peer(const state::Peer& peer, std::string actor) {
  proto::Operation operation;
  operation.set_actor(std::move(actor));
  auto& put = *operation.mutable_peer_put();
  put.set_peer(peer.id.bytes());
  put.set_name(peer.name);
  put.set_role(peer.role);
  put.set_configured_role(peer.configured_role);
  put.set_state(peer.state);
  for (const auto& address : peer.addresses) put.add_addresses(address.bytes());
  return operation;
}

// Records of the log about peers, under the peer's binary id.
inline constexpr std::string_view kApprovals = "peer approved";     ///< it may join
inline constexpr std::string_view kReplacements = "peer replaced";  ///< value: the one that gets what it gives away

inline proto::Operation put_record(std::string_view kind, ByteView key, ByteView value) {
  proto::Operation operation;
  operation.set_actor("membership");
  auto& put = *operation.mutable_record_put();
  put.set_kind(std::string(kind));
  put.set_key(std::string(key));
  put.set_value(std::string(value));
  return operation;
}

inline proto::Operation remove_record(std::string_view kind, ByteView key) {
  proto::Operation operation;
  operation.set_actor("membership");
  operation.mutable_record_remove()->set_kind(std::string(kind));
  operation.mutable_record_remove()->set_key(std::string(key));
  return operation;
}

/// By peer id.
inline std::vector<ipld::PeerId> other_members(const state::State& state, const ipld::PeerId& self) {
  std::vector<ipld::PeerId> out;
  for (const auto& peer : state.peers()) {
    if (belongs(peer) && peer.id != self) out.push_back(peer.id);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace ipfsc::cluster
