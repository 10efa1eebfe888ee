// Addresses as gRPC names them.
#pragma once

#include <string>
#include <vector>

#include "ipld/multiaddr.h"

namespace ipfsc::rpc {

/// "ipv4:127.0.0.1:9096", "ipv6:[::1]:9096", "dns:name:9096"; addresses without IP or name and TCP are left out.
std::vector<std::string> grpc_targets(const std::vector<ipld::Multiaddr>& addresses);

/// "127.0.0.1:9096", "[::1]:9096" to listen on. kInvalidArgument naming an address that is not /ip4|ip6/…/tcp/<port>.
Result<std::string> listen_target(const ipld::Multiaddr& address);

}  // namespace ipfsc::rpc
