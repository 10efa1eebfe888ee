// The peerstore file: one multiaddress of a known peer a line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ipld/multiaddr.h"

namespace ipfsc::cmd::service {

/// "a,b" of addresses that each end in /p2p/<id>; kInvalidArgument naming the one that is wrong.
Result<std::vector<ipld::Multiaddr>> parse_peer_addresses(std::string_view list);
/// Replaces the file.
Result<> write_peerstore(const std::string& path, const std::vector<ipld::Multiaddr>& addresses);

}  // namespace ipfsc::cmd::service
