// Filling a Kubo before it pins: blocks that only the cluster's peers have are put into it.
#pragma once

#include <memory>

#include "base/runtime.h"
#include "ipfs/block_source.h"
#include "ipfs/ipfs_node.h"
#include "ipfs/kubo/rpc.h"

namespace ipfsc::ipfs {

/// Looks what the Kubo lacks of the request's DAG and fetches it from `source`, until nothing is missing or the source
/// does not have it: then the Kubo may find it in its own network. The error says why the source could not give it.
/// `progress` grows as blocks come. All outlive the task.
Task<> fill_kubo(Runtime& runtime, KuboRpc& rpc, BlockSource& source, const PinRequest& request, PinProgress& progress);

}  // namespace ipfsc::ipfs
