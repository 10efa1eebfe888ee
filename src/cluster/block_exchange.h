// Blocks from peer to peer: what a peer's IPFS node lacks comes from the peers that hold the pin.
#pragma once

#include <map>

#include "base/rate_limiter.h"
#include "base/runtime.h"
#include "base/task_group.h"
#include "cluster/block_link.h"
#include "cluster/traffic.h"
#include "ipfs/block_source.h"
#include "ipfs/ipfs_node.h"
#include "rpc/rpc.h"
#include "state/state.h"

namespace ipfsc::cluster {

/// Bytes a second in one direction; 0 = no limit.
inline RateLimiter byte_limiter(uint64_t bytes_per_second) {
  auto rate = static_cast<double>(bytes_per_second);
  return {rate, rate};
}

/// Answers other peers' requests for blocks of `node`, which, as the others, outlives the router's use.
void serve_blocks(Runtime& runtime, rpc::Router& router, ipfs::IpfsNode& node, Traffic& traffic, RateLimiter& sending);

/// Asks the peers that hold the pin, then the others, one after another. A block is verified before it is believed, so
/// a peer that sends wrong bytes hides nobody. stop() before destruction.
class PeerSource final : public ipfs::BlockSource {
 public:
  /// All outlive it.
  PeerSource(Runtime& runtime, ipld::PeerId self, state::State& state, rpc::PeerClient& client, Traffic& traffic,
             BlockExchangeOptions options = {});
  std::string name() const override { return "cluster peers"; }
  ipfs::SourceReach reach(const ipfs::FetchHints& hints) const override;
  Task<Bytes> fetch(ipld::Cid cid, ipfs::FetchHints hints, size_t max_bytes) override;
  /// From now on; 0 = no limit.
  void set_rate(uint64_t bytes_per_second) { receiving_ = byte_limiter(bytes_per_second); }
  /// Ends what is under way; later fetches are cancelled.
  Task<> stop();

 private:
  BlockLink& link_to(const ipld::PeerId& peer);
  std::vector<ipld::PeerId> order(const ipld::Cid& root);
  void remember(const ipld::Cid& root, const ipld::PeerId& peer);

  Runtime& runtime_;
  ipld::PeerId self_;
  state::State& state_;
  rpc::PeerClient& client_;
  Traffic& traffic_;
  BlockExchangeOptions options_;
  RateLimiter receiving_;
  TaskGroup tasks_;
  std::map<ipld::PeerId, BlockLink> links_;
  std::map<ipld::PeerId, SteadyTime> avoid_;  // until then
  std::map<ipld::Cid, ipld::PeerId> had_it_;  // by root
};

/// The node of this peer with the blocks of all others behind it: for reading through the gateway. What comes from
/// others is not kept.
class ReadThroughNode final : public ipfs::IpfsNode {
 public:
  /// Both outlive it.
  ReadThroughNode(ipfs::IpfsNode& node, std::shared_ptr<PeerSource> peers) : node_(node), peers_(std::move(peers)) {}

  Task<Bytes> get_block(ipld::Cid cid) override;
  Task<ipld::Cid> resolve(std::string path) override;

  Task<ipfs::NodeId> id() override { return node_.id(); }
  Task<> pin(ipfs::PinRequest request) override { return node_.pin(std::move(request)); }
  Task<> unpin(ipld::Cid cid) override { return node_.unpin(std::move(cid)); }
  Task<ipfs::PinKind> pinned(ipld::Cid cid, bool recursive) override { return node_.pinned(std::move(cid), recursive); }
  std::unique_ptr<ipfs::PinList> list_pins() override { return node_.list_pins(); }
  Task<std::unique_ptr<ipfs::BlockWriter>> put_blocks(ipfs::WriterOptions options) override {
    return node_.put_blocks(options);
  }
  Task<bool> has(ipld::Cid cid) override { return node_.has(std::move(cid)); }
  Task<ipfs::RepoStat> stat() override { return node_.stat(); }
  Task<ipfs::GcResult> gc(std::function<void(const ipfs::GcItem&)> on_item) override {
    return node_.gc(std::move(on_item));
  }
  Task<ipfs::VerifyResult> verify(ipfs::VerifyRequest request) override { return node_.verify(std::move(request)); }
  Task<> connect(ipld::Multiaddr address) override { return node_.connect(std::move(address)); }
  Task<> stop() override { co_return Result<>{}; }  // its owner stops the node

 private:
  ipfs::IpfsNode& node_;
  std::shared_ptr<PeerSource> peers_;
};

}  // namespace ipfsc::cluster
