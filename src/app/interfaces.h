// The addresses of this machine.
#pragma once

#include <vector>

#include "ipld/multiaddr.h"

namespace ipfsc::app {

bool is_loopback(const ipld::Multiaddr& address);

/// Addresses that listen on all interfaces become one for each interface that is up; loopback only where there is no
/// other, because to another machine it would mean itself.
std::vector<ipld::Multiaddr> with_real_hosts(const std::vector<ipld::Multiaddr>& addresses);

/// Whether one of `masks` is the address itself, or a network (/ip4/10.0.0.0/ipcidr/8) that its host is in.
bool is_covered(const ipld::Multiaddr& address, const std::vector<ipld::Multiaddr>& masks);

}  // namespace ipfsc::app
