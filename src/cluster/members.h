// Who belongs to the cluster, as the log says.
#pragma once

#include <vector>

#include "state/state.h"

namespace ipfsc::cluster {

/// It was a member, or it never may be one.
inline bool was_removed(const state::Peer& peer) {
  return peer.state == proto::PEER_STATE_REMOVED || peer.state == proto::PEER_STATE_BANNED;
}

inline bool belongs(const state::Peer& peer) { return peer.member && !was_removed(peer); }

/// The entry that makes the log say of `peer` what this value does, and that it is a member.
proto::Operation put_peer(const state::Peer& peer, std::string actor);
/// The entry that changes what `change` has of a member; by rules of the log that know no such entry, the whole of what
/// `state` says of it now, with the change.
proto::Operation change_peer(const state::State& state, proto::PeerChange change, std::string actor);

/// The same of its state alone; with `if_state` only while it is that.
proto::Operation change_state(const state::State& state, const ipld::PeerId& peer, proto::PeerState to,
                              std::string actor, std::optional<proto::PeerState> if_state = {});

/// The fields of `addresses` as an entry has them.
proto::PeerAddresses binary(const std::vector<ipld::Multiaddr>& addresses);

// Records of the log about peers, under the peer's binary id.
inline constexpr std::string_view kApprovals = "peer approved";     ///< it may join
inline constexpr std::string_view kReplacements = "peer replaced";  ///< value: the one that gets what it gives away

/// By peer id.
std::vector<ipld::PeerId> other_members(const state::State& state, const ipld::PeerId& self);

}  // namespace ipfsc::cluster
