#include "allocator/candidate.h"

#include <algorithm>

#include "base/check.h"

namespace ipfsc::allocator {

std::string_view to_string(PeerState state) {
  switch (state) {
    case PeerState::kUp:
      return "up";
    case PeerState::kSuspect:
      return "suspected to be down";
    case PeerState::kDraining:
      return "draining";
    case PeerState::kDown:
      return "down";
    case PeerState::kRemoved:
      return "removed";
  }
  return "?";
}

Peers::Peers(std::vector<Candidate> candidates) : candidates_(std::move(candidates)) {
  std::ranges::sort(candidates_, {}, &Candidate::peer);
  CHECK(std::ranges::adjacent_find(candidates_, {}, &Candidate::peer) == candidates_.end());
}

Peers Peers::plain(const std::vector<ipld::PeerId>& peers) {
  std::vector<Candidate> candidates;
  for (const auto& peer : peers) candidates.push_back({.peer = peer});
  return Peers(std::move(candidates));
}

const Candidate* Peers::find(const ipld::PeerId& peer) const {
  auto at = std::ranges::lower_bound(candidates_, peer, {}, &Candidate::peer);
  return at != candidates_.end() && at->peer == peer ? &*at : nullptr;
}

void Peers::promise(const ipld::PeerId& peer, const Promised& more) {
  auto at = std::ranges::lower_bound(candidates_, peer, {}, &Candidate::peer);
  if (at == candidates_.end() || at->peer != peer) return;
  at->promised.bytes += more.bytes;
  at->promised.guessed_bytes += more.guessed_bytes;
  at->promised.pins += more.pins;
}

uint64_t seed_of(const ipld::Cid& cid) {
  // FNV-1a: the same on every machine, unlike std::hash.
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : cid.bytes()) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

}  // namespace ipfsc::allocator
