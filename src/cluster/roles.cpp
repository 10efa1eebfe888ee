#include "cluster/roles.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "model/peer_roles.h"

namespace ipfsc::cluster {

std::string_view role_name(proto::PeerRole role) {
  auto at = static_cast<size_t>(role);
  return model::kPeerRoles[at < model::kPeerRoles.size() ? at : 0];
}

Result<proto::PeerRole> parse_role(std::string_view name) {
  if (auto it = std::ranges::find(model::kPeerRoles, name); it != model::kPeerRoles.end()) {
    return static_cast<proto::PeerRole>(it - model::kPeerRoles.begin());
  }
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("role: expected one of {}, found \"{}\"", fmt::join(model::kPeerRoles, ", "), name));
}

}  // namespace ipfsc::cluster
