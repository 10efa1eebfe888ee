// The metric `ping`: that this peer lives, and which IPFS node is its own (reference: behaviour 4, wire 2).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ipld/multiaddr.h"
#include "monitor/informers.h"

namespace ipfsc::monitor {

/// What `ping` says of this peer.
struct PingFacts {
  std::string peername;
  std::string ipfs_id;
  std::vector<ipld::Multiaddr> ipfs_addresses;
  bool operator==(const PingFacts&) const = default;
};
/// `ping`: {"peer_name":…,"ipfs_id":…,"ipfs_addresses":[…]}, each left out when empty; of the addresses those that
/// others can use (names, and IP addresses other than loopback, link-local, multicast and unspecified
/// ones).
std::string ping_value(const PingFacts& facts);
/// The value of a ping metric; nothing but unknown or unreadable members is left out. kInvalidArgument when it is no
/// JSON object. At most 64 addresses are read.
Result<PingFacts> ping_from_value(std::string_view value);
/// `ping`: ping_value() with weight 0.
Source ping_source(std::function<Task<PingFacts>()> facts);

}  // namespace ipfsc::monitor
