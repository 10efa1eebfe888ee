// Tests and benches only: what a node that does only a part is made of.
#pragma once

#include "ipfs/ipfs_node.h"

namespace ipfsc::ipfs {

/// Answers every call with kUnimplemented, and stops at once; override what is needed.
class UnusedNode : public IpfsNode {
 public:
  Task<NodeId> id() override { co_return unused(); }
  Task<> pin(PinRequest) override { co_return unused(); }
  Task<> unpin(ipld::Cid) override { co_return unused(); }
  Task<PinKind> pinned(ipld::Cid, bool) override { co_return unused(); }
  std::unique_ptr<PinList> list_pins() override { return nullptr; }
  Task<std::unique_ptr<BlockWriter>> put_blocks(WriterOptions) override { co_return unused(); }
  Task<Bytes> get_block(ipld::Cid) override { co_return unused(); }
  Task<bool> has(ipld::Cid) override { co_return unused(); }
  Task<RepoStat> stat() override { co_return unused(); }
  Task<GcResult> gc(std::function<void(const GcItem&)>) override { co_return unused(); }
  Task<VerifyResult> verify(VerifyRequest) override { co_return unused(); }
  Task<> connect(ipld::Multiaddr) override { co_return unused(); }
  Task<ipld::Cid> resolve(std::string) override { co_return unused(); }
  Task<> stop() override { co_return Result<>(); }

 private:
  static std::unexpected<Error> unused() { return fail(ErrorKind::kUnimplemented, "not used"); }
};

}  // namespace ipfsc::ipfs
