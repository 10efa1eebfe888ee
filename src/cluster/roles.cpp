#include "cluster/roles.h"

#include <fmt/format.h>

namespace ipfsc::cluster {

std::string_view role_name(proto::PeerRole role) {
  switch (role) {
    case proto::PEER_ROLE_VOTER:
      return "voter";
    case proto::PEER_ROLE_STANDBY:
      return "standby";
    case proto::PEER_ROLE_AGENT:
      return "agent";
    default:
      return "auto";
  }
}

Result<proto::PeerRole> parse_role(std::string_view name) {
  for (auto role : {proto::PEER_ROLE_AUTO, proto::PEER_ROLE_VOTER, proto::PEER_ROLE_STANDBY, proto::PEER_ROLE_AGENT}) {
    if (role_name(role) == name) return role;
  }
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("role: expected auto, voter, standby or agent, found \"{}\"", name));
}

}  // namespace ipfsc::cluster
