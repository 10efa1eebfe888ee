// What follows from a pin's row: rows of the indexes, and counters. Inside state/ only.
#pragma once

#include "state/stored_pin.h"

namespace ipfsc::state {

/// Calls f(FamilyId, Bytes key) for each index row of the pin; their values are empty. Texts that are cut may give the
/// same row twice.
template <class F>
void each_index_row(const PinView& pin, ByteView cid, F f) {
  if (pin.held_everywhere()) f(kByPeer, key::by_peer(PeerNumber(0), cid));
  if (pin.held_by_name()) {
    for (auto number : pin.allocations) f(kByPeer, key::by_peer(PeerNumber(number), cid));
  }
  if (!pin.name.empty()) f(kByName, key::by_name(pin.name, cid));
  for (const auto& [name, value] : pin.metadata) f(kByMeta, key::by_meta(name, value, cid));
  f(kByTime, key::by_time(pin.timestamp.value_or(0), cid));
  if (pin.expire_at) f(kByExpiry, key::by_expiry(*pin.expire_at, cid));
}

/// `step` is 1, or -1 modulo 2^64. `peer_pins` has a place for each of the pin's allocations.
inline void count_pin(const PinView& pin, uint64_t step, Counters& counters, std::vector<uint64_t>& peer_pins) {
  counters.pins += step;
  counters.by_type[static_cast<size_t>(pin.type)] += step;
  if (pin.max_depth == model::kDepthDirect) counters.direct += step;
  if (pin.expire_at) counters.expiring += step;
  if (pin.held_everywhere()) counters.everywhere += step;
  if (pin.held_by_name()) {
    for (auto number : pin.allocations) peer_pins[number] += step;
  }
}

}  // namespace ipfsc::state
