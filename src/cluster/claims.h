// Several may claim one CID: the REST API, and each request of the pinning service. What the pin is to be when one of
// them comes, changes or goes. Pure.
#pragma once

#include <optional>
#include <vector>

#include "state/state.h"

namespace ipfsc::cluster {

struct ClaimName {
  std::string owner, claim;  ///< both empty = the REST API's
  bool operator==(const ClaimName&) const = default;
};

/// What all together ask for when `who` asks for `pin`. User allocations are those of `pin`, others are not known.
model::Pin with_claim(const std::vector<state::Claim>& claims, const ClaimName& who, const model::Pin& pin);

/// What the others ask for; nullopt: there are none.
std::optional<model::Pin> without_claim(const std::vector<state::Claim>& claims, const ClaimName& who);

proto::Operation remove_claim(const ipld::Cid& cid, const ClaimName& who, std::string actor);

/// Allocates a pin that stays anew: from what `before` has to `after`; nothing when that is the same.
std::optional<proto::Operation> move_operation(const ipld::Cid& cid, const std::vector<ipld::PeerId>& before,
                                               const std::vector<ipld::PeerId>& after, std::string actor);

}  // namespace ipfsc::cluster
