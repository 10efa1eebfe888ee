// Blocks from peer to peer: what a peer's IPFS node lacks comes from the peers that hold the pin.
#pragma once

#include <map>

#include "base/runtime.h"
#include "ipfs/block_source.h"
#include "ipfs/ipfs_node.h"
#include "rpc/rpc.h"
#include "state/state.h"

namespace ipfsc::cluster {

/// Answers other peers' requests for blocks of `node`, which outlives the router's use.
void serve_blocks(rpc::Router& router, ipfs::IpfsNode& node);

struct BlockExchangeOptions {
  Duration block_timeout = std::chrono::seconds(30);  ///< for one peer to send one block
  Duration avoid_time = std::chrono::seconds(5);      ///< a peer that did not answer is asked last for so long
  size_t remembered_roots = 1024;                     ///< which peer had something of a pin
};

/// Asks the peers that hold the pin, then the others, one after another. A block is verified before it is believed, so
/// a peer that sends wrong bytes hides nobody.
class PeerSource final : public ipfs::BlockSource {
 public:
  /// All outlive it.
  PeerSource(Runtime& runtime, ipld::PeerId self, state::State& state, rpc::PeerClient& client,
             BlockExchangeOptions options = {});
  std::string name() const override { return "cluster peers"; }
  ipfs::SourceReach reach(const ipfs::FetchHints& hints) const override;
  Task<Bytes> fetch(ipld::Cid cid, ipfs::FetchHints hints, size_t max_bytes) override;

 private:
  std::vector<ipld::PeerId> order(const ipld::Cid& root);
  void remember(const ipld::Cid& root, const ipld::PeerId& peer);

  Runtime& runtime_;
  ipld::PeerId self_;
  state::State& state_;
  rpc::PeerClient& client_;
  BlockExchangeOptions options_;
  std::map<ipld::PeerId, SteadyTime> avoid_;  // until then
  std::map<ipld::Cid, ipld::PeerId> had_it_;  // by root
};

}  // namespace ipfsc::cluster
