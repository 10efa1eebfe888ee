// Writing blocks into a Kubo by block/put.
#pragma once

#include <memory>

#include "base/runtime.h"
#include "ipfs/ipfs_node.h"
#include "ipfs/kubo/rpc.h"

namespace ipfsc::ipfs {

/// `verified`: the CIDs were computed from the bytes, so they are not hashed here. `rpc` must outlive the writer.
std::unique_ptr<BlockWriter> make_block_put(Runtime& runtime, KuboRpc& rpc, bool verified);

}  // namespace ipfsc::ipfs
