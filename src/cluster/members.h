// Who belongs to the cluster, as the log says.
#pragma once

#include <vector>

#include "state/state.h"

namespace ipfsc::cluster {

inline bool belongs(const state::Peer& peer) {
  return peer.member && peer.state != proto::PEER_STATE_REMOVED && peer.state != proto::PEER_STATE_BANNED;
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
