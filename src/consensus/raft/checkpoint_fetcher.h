// CheckpointFetcher: gets the state of another member into a folder beside ours, checked and synced, ready for
// state::State::install().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/runtime.h"
#include "consensus/consensus.h"
#include "consensus/options.h"
#include "consensus/raft/checkpoint_files.h"
#include "proto/peer.pb.h"
#include "rpc/rpc.h"
#include "state/state.h"

namespace ipfsc::consensus {

struct FetchedCheckpoint {
  std::string path;
  state::StateInfo info;
};

/// I/O thread only, one fetch() at a time.
class CheckpointFetcher {
 public:
  /// `client` and `state` outlive it.
  CheckpointFetcher(Runtime& runtime, rpc::PeerClient& client, const state::State& state, CheckpointOptions options);
  ~CheckpointFetcher();

  /// A state that has applied the entry `least`. `still_wanted` is asked at every piece with the index of what comes;
  /// false ends it with kAborted. After a broken stream the next call goes on behind the last whole file, when the
  /// other one still has that checkpoint; else it begins anew. kDataLoss: what came is damaged, and was thrown away;
  /// kInvalidArgument: the other one sends nonsense; kFailedPrecondition: it is another cluster's,
  /// or of another format; kUnimplemented: this program is too old for the cluster;
  /// kResourceExhausted: no space, or too many are being served.
  Task<FetchedCheckpoint> fetch(ipld::PeerId from, LogIndex least, std::function<bool(LogIndex)> still_wanted);

  /// Files that the next fetch() need not get again.
  size_t kept_files() const;
  /// While fetch() runs and knows what comes.
  std::optional<StateFetch> progress() const;

 private:
  struct Download;

  Result<> begin(const proto::CheckpointHeader& header, LogIndex least);
  Result<> check_space(uint64_t bytes) const;
  Task<> receive(rpc::Stream& stream, const std::function<bool(LogIndex)>& still_wanted);
  Task<proto::CheckpointPiece> read(rpc::Stream& stream);
  Result<> write(Download& download, const proto::CheckpointPiece& piece) const;
  Result<state::StateInfo> verify(const Download& download) const;
  void report();

  Runtime& runtime_;
  rpc::PeerClient& client_;
  const state::State& state_;
  CheckpointOptions options_;
  std::unique_ptr<Download> download_;  // kept after a broken stream
  bool running_ = false;
};

}  // namespace ipfsc::consensus
