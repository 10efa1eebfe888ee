// allocate(): which peers are to hold a pin. A pure function of values; ordered input gives one answer.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ipld/peer_id.h"

namespace ipfsc::allocator {

struct AllocationRequest {
  int replication_factor_min = -1;  ///< validated: both -1, or 1 <= min <= max
  int replication_factor_max = -1;
  std::vector<ipld::PeerId> current;     ///< what holds it now, without removed peers
  std::vector<ipld::PeerId> requested;   ///< user allocations, most wanted first
  std::vector<ipld::PeerId> candidates;  ///< all that may take it, best first
};

struct Allocation {
  std::vector<ipld::PeerId> peers;   ///< sorted; empty = everywhere
  std::vector<std::string> reasons;  ///< one for each of `peers`
};

/// Keeps what is in place, honours the requested peers, then takes candidates from the front up to the maximum; drops
/// the worst placed when there are too many. kFailedPrecondition with the Go program's message when the minimum cannot
/// be met; kInvalidArgument naming a requested peer that is not a candidate.
Result<Allocation> allocate(const AllocationRequest& request);

/// The Go program's rules for a pair of factors; kInvalidArgument with its message.
Result<> check_factors(int replication_factor_min, int replication_factor_max);

}  // namespace ipfsc::allocator
