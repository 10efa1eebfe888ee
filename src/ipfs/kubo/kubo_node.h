// KuboNode: an IpfsNode that is a Kubo daemon, reached by its RPC.
#pragma once

#include <memory>

#include "base/runtime.h"
#include "ipfs/block_source.h"
#include "ipfs/ipfs_node.h"
#include "ipfs/kubo/options.h"
#include "ipfs/kubo/rpc.h"

namespace ipfsc::ipfs {

/// Durability is Kubo's: finish() of a writer returns when Kubo has taken the blocks. A block that an add has put and
/// nobody has pinned yet is not safe from a garbage collection that somebody else starts on that Kubo.
class KuboNode final : public IpfsNode {
 public:
  /// `peers`: where blocks come from that its own network may not have; null = nowhere. It outlives the pins.
  KuboNode(Runtime& runtime, KuboOptions options, std::shared_ptr<BlockSource> peers = nullptr);

  Task<NodeId> id() override;
  Task<> pin(PinRequest request) override;
  Task<> unpin(ipld::Cid cid) override;
  Task<PinKind> pinned(ipld::Cid cid, bool recursive_wanted) override;
  std::unique_ptr<PinList> list_pins() override;
  Task<std::unique_ptr<BlockWriter>> put_blocks(WriterOptions options) override;
  Task<Bytes> get_block(ipld::Cid cid) override;
  Task<bool> has(ipld::Cid cid) override;
  Task<RepoStat> stat() override;
  Task<GcResult> gc(std::function<void(const GcItem&)> on_item) override;
  Task<VerifyResult> verify(VerifyRequest request) override;
  Task<> connect(ipld::Multiaddr address) override;
  Task<std::vector<std::string>> swarm_peers() override;
  Task<ipld::Cid> resolve(std::string path) override;
  Task<> stop() override;

 private:
  Task<bool> is_pinned(ipld::Cid cid, std::string_view type);
  Task<> find_and_pin(const PinRequest& request);
  Task<> pin_content(const PinRequest& request);
  Task<> connect_origins(std::vector<ipld::Multiaddr> origins);

  Runtime& runtime_;
  const KuboOptions options_;
  KuboRpc rpc_;
  std::shared_ptr<BlockSource> peers_;
  bool collecting_ = false;
};

}  // namespace ipfsc::ipfs
