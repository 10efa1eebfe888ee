// BlockLink: this peer's questions for blocks to one other peer. What is wanted while an answer is on its way goes out
// together, so many small blocks cost few messages.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/notifier.h"
#include "base/task_group.h"
#include "cluster/options.h"
#include "ipld/cid.h"
#include "rpc/rpc.h"

namespace ipfsc::cluster {

/// I/O thread only. Ends with its task group.
class BlockLink {
 public:
  /// The others outlive it and what it spawned in `tasks`.
  BlockLink(Runtime& runtime, rpc::PeerClient& client, TaskGroup& tasks, ipld::PeerId peer, BlockLinkOptions options);

  /// The bytes that the peer sent, not verified. kNotFound when it does not have the block; kUnavailable,
  /// kDeadlineExceeded when it does not answer.
  Task<Bytes> fetch(ipld::Cid cid);

 private:
  struct Want {
    Want(Runtime& runtime, ipld::Cid c) : cid(std::move(c)), answered(runtime) {}
    ipld::Cid cid;
    std::optional<Result<Bytes>> answer;
    Notifier answered;
  };
  using WantPtr = std::shared_ptr<Want>;
  struct Shared;

  static Task<> lane(std::shared_ptr<Shared> shared);
  static Task<> exchange(Shared& shared, rpc::Stream& stream, const std::vector<WantPtr>& batch);

  TaskGroup& tasks_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace ipfsc::cluster
