// What peers say of themselves when they meet. Inside cluster/ only.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/version.h"
#include "ipld/multiaddr.h"
#include "proto/peer.pb.h"

namespace ipfsc::cluster {

inline constexpr std::string_view kJoin = "Membership/Join";

inline constexpr size_t kMaxAddressesOfPeer = 32;

inline std::vector<ipld::Multiaddr> addresses_of(const proto::PeerEntry& entry) {
  std::vector<ipld::Multiaddr> out;
  for (const auto& bytes : entry.addresses()) {
    auto address = ipld::Multiaddr::from_bytes(bytes);
    if (address && out.size() < kMaxAddressesOfPeer) out.push_back(*std::move(address));
  }
  return out;
}

template <class Message>
void set_protocol(Message& message) {
  message.set_protocol(kVersions.protocol);
  message.set_least_protocol(kVersions.least_protocol);
}

/// Two programs talk to each other when each speaks what the other needs.
template <class Message>
Result<> check_protocol(const ipld::PeerId& peer, const Message& message) {
  uint32_t theirs = std::max(message.protocol(), 1u), least = std::max(message.least_protocol(), 1u);
  if (theirs >= kVersions.least_protocol && least <= kVersions.protocol) return {};
  return fail(
      ErrorKind::kFailedPrecondition,
      fmt::format("the peer {} speaks versions {} to {} of the protocol between peers, and this one ({}) speaks "
                  "{} to {}: the older program is to be upgraded first",
                  peer.to_string(), least, theirs, kVersion, kVersions.least_protocol, kVersions.protocol));
}

}  // namespace ipfsc::cluster
