// CheckpointServer: hands the state of this peer to members that need it, as the files of a checkpoint.
//
// A checkpoint is made when one is asked for, serves all that it is new enough for, and goes when it was not used for a
// while. There is one at a time; it lies beside the state (docs/formats.md).
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "base/notifier.h"
#include "base/runtime.h"
#include "consensus/options.h"
#include "rpc/rpc.h"
#include "state/state.h"

namespace ipfsc::consensus {

inline constexpr std::string_view kCheckpointMethod = "Feed/Checkpoint";

/// Where a checkpoint for others lies, and one that is being fetched.
std::string made_checkpoint_path(const state::StateOptions& options);
std::string fetched_checkpoint_path(const state::StateOptions& options);
/// Pool thread, before either is used: removes what an earlier run left.
Result<> remove_checkpoints(const state::StateOptions& options);

/// I/O thread only.
class CheckpointServer {
 public:
  /// `state` outlives it.
  CheckpointServer(Runtime& runtime, state::State& state, CheckpointOptions options);
  ~CheckpointServer();

  /// The handler of kCheckpointMethod. kResourceExhausted: others are served now, come again; kUnavailable: the state
  /// is not so far, or the peer is stopping.
  Task<> serve(rpc::CallInfo info, rpc::Stream& stream);
  /// Removes a checkpoint that nobody uses; until it is cancelled.
  Task<> clean_loop();
  /// Refuses more, ends what is under way at its next piece, and removes the checkpoint when nobody reads it.
  Task<> stop();

  /// The entry that the checkpoint at hand ends with.
  std::optional<LogIndex> at_hand() const;
  /// When that peer was sent something last.
  std::optional<SteadyTime> last_sent(const ipld::PeerId& peer) const;

 private:
  struct Checkpoint;
  struct Use;

  Task<std::shared_ptr<Checkpoint>> get(LogIndex least);
  Task<std::shared_ptr<Checkpoint>> make();
  Task<> remove();
  Task<> send(const ipld::PeerId& to, Checkpoint& checkpoint, uint64_t first_file, rpc::Stream& stream);
  Task<> send_file(const ipld::PeerId& to, const std::string& path, uint64_t size_bytes, rpc::Stream& stream);
  Task<> write(const ipld::PeerId& to, rpc::Stream& stream, Bytes message);

  Runtime& runtime_;
  state::State& state_;
  CheckpointOptions options_;
  std::shared_ptr<Checkpoint> current_;
  bool changing_ = false;  // it is being made or removed
  size_t streams_ = 0;
  std::map<ipld::PeerId, SteadyTime> last_sent_;  // of this run: members only
  bool stopping_ = false;
  Notifier changed_;
};

}  // namespace ipfsc::consensus
