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
/// {"peer_name":…,"ipfs_id":…,"ipfs_addresses":[…]}, each left out when empty. Of the addresses the first 64 that
/// others can use: names, and IP addresses other than loopback, link-local, multicast and unspecified ones. What is
/// longer than `max_bytes` loses addresses from the end, then the name.
std::string ping_value(const PingFacts& facts, size_t max_bytes = MetricStoreOptions{}.max_value_bytes);
/// The value of a ping metric; members and addresses that cannot be read are left out. kInvalidArgument when it is no
/// JSON object. At most 64
/// addresses are read.
Result<PingFacts> ping_from_value(std::string_view value);
/// `ping`: ping_value() with weight 0.
Source ping_source(std::function<Task<PingFacts>()> facts);

}  // namespace ipfsc::monitor
