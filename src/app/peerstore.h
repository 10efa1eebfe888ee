// The peerstore file: addresses of other peers, one a line, each ending in /p2p/<id> (Go ipfs-cluster's format).
#pragma once

#include <string>
#include <vector>

#include "ipld/multiaddr.h"

namespace ipfsc::app {

/// Lines that do not begin with a slash are passed over, and so, with a warning, are those that are no peer's address.
/// No file: nothing.
std::vector<ipld::Multiaddr> read_peerstore(const std::string& path);
/// Replaces the file as a whole.
Result<> write_peerstore(const std::string& path, const std::vector<ipld::Multiaddr>& addresses);

}  // namespace ipfsc::app
