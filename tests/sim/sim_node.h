// SimNode: an IPFS node beside a simulated peer. It outlives crashes of the peer, can be slow, full, down or hang,
// takes the blocks of adds, and finds others only where the simulated world has them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/notifier.h"
#include "base/runtime.h"
#include "ipfs/test_node.h"
#include "ipld/peer_id.h"

namespace ipfsc::sim {

enum class NodeFault : uint8_t {
  kNone,
  kSlow,  ///< content takes seconds
  kFull,  ///< refuses pins
  kDown,  ///< refuses every call at once
  kHangs  ///< answers nothing
};

class SimNode;

/// The nodes of all peers, and who of them reaches whom.
struct Swarm {
  std::map<ipld::PeerId, SimNode*> nodes;
  std::function<bool(const ipld::PeerId& from, const ipld::PeerId& to)> connected;
  std::set<ipld::Cid> elsewhere;      ///< content that nodes outside of the cluster have
  std::map<ipld::Cid, Bytes> blocks;  ///< of adds; what else there is has one block, whose bytes nobody needs
  /// The block is with somebody whom the seeker can ask.
  bool finds(const ipld::Cid& cid, const ipld::PeerId& seeker) const;
  /// `root` and all that is below it.
  std::set<ipld::Cid> dag(const ipld::Cid& root) const;
};

/// I/O thread only. Blocks are never collected.
class SimNode final : public ipfs::UnusedNode {
 public:
  /// `swarm` outlives it and gets to know it. `id`: what it says that it is; empty: one of its own.
  SimNode(Runtime& runtime, ipld::PeerId peer, Swarm& swarm, std::string id = {});
  ~SimNode() override { swarm_.nodes.erase(peer_); }

  void set_fault(NodeFault fault);
  NodeFault fault() const { return fault_; }
  bool gives() const { return fault_ != NodeFault::kDown && fault_ != NodeFault::kHangs; }
  /// Somebody brought the block here, without a pin.
  void hold(const ipld::Cid& cid) { blocks_.insert(cid); }
  /// It has the block, or all that a pin of it needs.
  bool has_block(const ipld::Cid& cid) const { return blocks_.contains(cid); }
  bool holds(const ipld::Cid& cid, bool recursive = true) const { return lacks(cid, recursive).empty(); }
  void forget_pins() { pins_.clear(); }
  const std::map<ipld::Cid, ipfs::PinKind>& pins() const { return pins_; }

  Task<ipfs::NodeId> id() override;
  Task<> pin(ipfs::PinRequest request) override;
  Task<> unpin(ipld::Cid cid) override;
  Task<ipfs::PinKind> pinned(ipld::Cid cid, bool recursive_wanted) override;
  std::unique_ptr<ipfs::PinList> list_pins() override;
  Task<std::unique_ptr<ipfs::BlockWriter>> put_blocks(ipfs::WriterOptions options) override;
  Task<ipfs::RepoStat> stat() override;

 private:
  class Writer;

  Task<> answer();
  Task<> work_for(Duration time);
  std::vector<ipld::Cid> lacks(const ipld::Cid& cid, bool recursive) const;
  Task<> fetch(const ipfs::PinRequest& request);
  Result<> take(const ipfs::PinRequest& request);

  Runtime& runtime_;
  ipld::PeerId peer_;
  Swarm& swarm_;
  std::string id_;
  NodeFault fault_ = NodeFault::kNone;
  std::set<ipld::Cid> blocks_;
  std::map<ipld::Cid, ipfs::PinKind> pins_;
  Notifier changed_;
};

}  // namespace ipfsc::sim
