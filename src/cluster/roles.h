// Names of the roles that a peer may have in the log: auto, voter, standby, agent (docs/operations.md).
#pragma once

#include <string_view>

#include "base/result.h"
#include "proto/log.pb.h"

namespace ipfsc::cluster {

std::string_view role_name(proto::PeerRole role);
/// kInvalidArgument: it is none.
Result<proto::PeerRole> parse_role(std::string_view name);

}  // namespace ipfsc::cluster
