// Names of the roles that a peer may be given.
#pragma once

#include <array>
#include <string_view>

namespace ipfsc::model {

/// In the order of proto::PeerRole (docs/operations.md).
inline constexpr std::array<std::string_view, 4> kPeerRoles = {"auto", "voter", "standby", "agent"};

}  // namespace ipfsc::model
