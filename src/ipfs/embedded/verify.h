#pragma once

#include "ipfs/embedded/core.h"

namespace ipfsc::ipfs {

/// Re-hashes every block, in slices on the pool. Blocks that come or go meanwhile may be missed.
Task<VerifyResult> verify_store(Core& core, const VerifyRequest& request);

}  // namespace ipfsc::ipfs
