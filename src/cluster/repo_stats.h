// RepoStats: what the IPFS nodes of all peers hold together.
#pragma once

#include "base/runtime.h"
#include "cluster/options.h"
#include "ipfs/ipfs_node.h"
#include "rpc/rpc.h"
#include "state/state.h"

namespace ipfsc::cluster {

/// I/O thread only.
class RepoStats {
 public:
  /// All outlive it.
  RepoStats(Runtime& runtime, const ClusterOptions& options, const state::State& state, ipfs::IpfsNode& node,
            rpc::PeerClient& client)
      : runtime_(runtime), options_(options), state_(state), node_(node), client_(client) {}

  /// Registers what other peers may ask of this one.
  void serve(rpc::Router& router);
  /// Sums over the nodes of all peers. Those that cannot be asked are left out; an error when none can.
  Task<ipfs::RepoStat> sum();

 private:
  Task<ipfs::RepoStat> at(ipld::PeerId peer);

  Runtime& runtime_;
  const ClusterOptions& options_;
  const state::State& state_;
  ipfs::IpfsNode& node_;
  rpc::PeerClient& client_;
};

}  // namespace ipfsc::cluster
