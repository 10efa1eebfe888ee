// Addresses of peers on the command line.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "ipld/multiaddr.h"

namespace ipfsc::cmd::service {

/// "a,b" of addresses that each end in /p2p/<id>; kInvalidArgument naming the one that is wrong.
Result<std::vector<ipld::Multiaddr>> parse_peer_addresses(std::string_view list);

}  // namespace ipfsc::cmd::service
