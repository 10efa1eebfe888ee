// RaftTransport: carries the engine's messages to other members, each over one stream that is made anew when it breaks.
// Messages may be lost: the engine repeats what matters.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "base/notifier.h"
#include "base/runtime.h"
#include "base/task_group.h"
#include "consensus/raft/engine.h"
#include "rpc/rpc.h"

namespace ipfsc::proto {
class RaftBatch;
}

namespace ipfsc::consensus {

inline constexpr std::string_view kMessagesMethod = "Raft/Messages";

struct TransportOptions {
  size_t max_queued_bytes = 16 << 20;  ///< for one member; what comes beyond is dropped
  size_t max_batch_bytes = 1 << 20;
  Duration reconnect = std::chrono::milliseconds(100);
  Duration sure_after = std::chrono::seconds(1);  ///< a stream that lasts so long reaches the peer
};

/// I/O thread only. stop() before destruction.
class RaftTransport {
 public:
  /// `empty_batch` says of which cluster the messages are; `unreachable` is told of a member that messages to it were
  /// lost.
  RaftTransport(Runtime& runtime, rpc::PeerClient& client, TransportOptions options,
                std::function<proto::RaftBatch()> empty_batch, std::function<void(RaftId)> unreachable);
  ~RaftTransport();

  void send(const ipld::PeerId& peer, RaftMessage message);
  /// False when the last messages to that member were lost.
  bool reaches(RaftId id) const;
  boost::asio::awaitable<void> stop();

 private:
  struct Link;
  Task<> run(std::shared_ptr<Link> link);

  Runtime& runtime_;
  rpc::PeerClient& client_;
  TransportOptions options_;
  std::function<proto::RaftBatch()> empty_batch_;
  std::function<void(RaftId)> unreachable_;
  std::map<RaftId, std::shared_ptr<Link>> links_;
  TaskGroup tasks_;
};

}  // namespace ipfsc::consensus
