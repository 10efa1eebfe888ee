// The addresses of this machine.
#pragma once

#include <vector>

#include "ipld/multiaddr.h"

namespace ipfsc::app {

bool is_loopback(const ipld::Multiaddr& address);

/// Addresses that listen on all interfaces become one for each interface that is up; loopback only where there is no
/// other, because to another machine it would mean itself.
std::vector<ipld::Multiaddr> with_real_hosts(const std::vector<ipld::Multiaddr>& addresses);

}  // namespace ipfsc::app
