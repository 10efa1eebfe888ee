#include "state/peer_table.h"

#include "state/codec.h"
#include "state/head.h"

namespace ipfsc::state {

PeerNumber PeerTable::find(const ipld::PeerId& id) const {
  auto it = numbers_.find(id);
  return it == numbers_.end() ? PeerNumber(0) : it->second;
}

const Peer* PeerTable::at(PeerNumber number) const {
  if (number.value == 0 || number.value > peers_.size()) return nullptr;
  return &peers_[number.value - 1];
}
Peer* PeerTable::at(PeerNumber number) { return const_cast<Peer*>(std::as_const(*this).at(number)); }

PeerNumber PeerTable::add(const ipld::PeerId& id) {
  PeerNumber next(static_cast<uint32_t>(peers_.size() + 1));
  auto [it, added] = numbers_.try_emplace(id, next);
  if (added) peers_.push_back({.number = next, .id = id});
  return it->second;
}

Bytes PeerTable::encode(const Peer& peer) {
  Bytes out;
  put_bytes(out, peer.id.bytes());
  put_number(out, peer.member ? 1 : 0);
  put_bytes(out, peer.name);
  put_number(out, peer.role);
  put_number(out, peer.state);
  put_number(out, peer.addresses.size());
  for (const auto& address : peer.addresses) put_bytes(out, address.bytes());
  put_number(out, peer.configured_role);
  put_number(out, static_cast<uint64_t>(peer.since.time_since_epoch() / std::chrono::milliseconds(1)));
  return out;
}

Result<> PeerTable::load(PeerNumber number, ByteView row) {
  Reader in(row);
  auto id = ipld::PeerId::from_bytes(in.bytes());
  if (!id || number.value != peers_.size() + 1) return bad_row("peer");
  Peer peer{.number = number, .id = *std::move(id)};
  peer.member = in.number() != 0;
  peer.name = in.bytes();
  peer.role = static_cast<proto::PeerRole>(in.number());
  peer.state = static_cast<proto::PeerState>(in.number());
  uint64_t addresses = in.number();
  for (uint64_t i = 0; i < addresses && in.ok(); ++i) {
    auto address = ipld::Multiaddr::from_bytes(in.bytes());
    if (!address) return bad_row("peer address");
    peer.addresses.push_back(*std::move(address));
  }
  if (!in.finished()) peer.configured_role = static_cast<proto::PeerRole>(in.number());
  if (!in.finished()) peer.since = from_ms(in.number());  // rows that were written before it was kept end here
  if (!in.finished()) return bad_row("peer");
  numbers_[peer.id] = number;
  peers_.push_back(std::move(peer));
  return {};
}

}  // namespace ipfsc::state
