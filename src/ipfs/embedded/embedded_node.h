// The IPFS node inside this process: blocks and pins in one RocksDB, no libp2p.
#pragma once

#include <memory>
#include <vector>

#include "base/runtime.h"
#include "base/task_group.h"
#include "ipfs/block_source.h"
#include "ipfs/ipfs_node.h"
#include "ipfs/options.h"

namespace ipfsc::ipfs {

struct Core;
class Collector;

/// Blocks. The format of a block store that nobody has open; nullopt: there is none.
Result<std::optional<uint32_t>> block_store_format(const EmbeddedOptions& options);

class EmbeddedNode final : public IpfsNode {
 public:
  /// Opens or makes the database of options.path (on the pool) and starts the watch over the disk. `sources` are asked
  /// for missing blocks, those of the cluster first. kFailedPrecondition when another process has it open.
  static Task<std::unique_ptr<EmbeddedNode>> open(Runtime& runtime, EmbeddedOptions options,
                                                  std::vector<std::shared_ptr<BlockSource>> sources);
  /// After stop() only (CHECK).
  ~EmbeddedNode() override;

  Task<NodeId> id() override;
  Task<> pin(PinRequest request) override;
  Task<> unpin(ipld::Cid cid) override;
  Task<PinKind> pinned(ipld::Cid cid, bool recursive_wanted) override;
  std::unique_ptr<PinList> list_pins() override;
  Task<std::unique_ptr<BlockWriter>> put_blocks(WriterOptions options) override;
  Task<Bytes> get_block(ipld::Cid cid) override;
  Task<std::vector<Result<Bytes>>> get_blocks(std::vector<ipld::Cid> cids) override;
  Task<bool> has(ipld::Cid cid) override;
  Task<RepoStat> stat() override;
  Task<GcResult> gc(std::function<void(const GcItem&)> on_item) override;
  Task<VerifyResult> verify(VerifyRequest request) override;
  Task<> connect(ipld::Multiaddr address) override;
  Task<ipld::Cid> resolve(std::string path) override;
  Task<> stop() override;

  /// For tests: the parts.
  Core& core() { return *core_; }

 private:
  EmbeddedNode(std::shared_ptr<Core> core, std::string id);
  Task<> watch_disk();
  Task<> measure();
  Task<> collect_when_high();

  std::shared_ptr<Core> core_;  // writers and pin lists share it
  std::unique_ptr<Collector> collector_;
  std::string id_;
  uint64_t used_bytes_ = 0;
  SteadyTime next_collection_{};
  TaskGroup background_;
  bool running_ = false;  // stop() is owed
};

}  // namespace ipfsc::ipfs
