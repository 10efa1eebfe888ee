// AddWriter: the blocks of one add on their way to every peer that is to hold them, all at once.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/notifier.h"
#include "base/task_group.h"
#include "cluster/traffic.h"
#include "ipfs/ipfs_node.h"
#include "rpc/rpc.h"

namespace ipfsc::cluster {

/// Peers that took nothing when an add sent to them: those that follow do not wait for them as long. One that stands
/// still would cost each add the whole patience otherwise.
class SlowPeers {
 public:
  static constexpr Duration kRemembered = std::chrono::minutes(1);

  void note(const ipld::PeerId& peer, SteadyTime now) { until_[peer] = now + kRemembered; }
  void forget(const ipld::PeerId& peer) { until_.erase(peer); }
  bool contains(const ipld::PeerId& peer, SteadyTime now) const {
    auto it = until_.find(peer);
    return it != until_.end() && now < it->second;
  }

 private:
  std::map<ipld::PeerId, SteadyTime> until_;
};

struct AddWriterOptions {
  ipld::PeerId self;  ///< so this peer's own copy is called
  size_t needed = 1;  ///< copies that must be durable for the add to succeed
  /// The leader's, without which other peers take nothing.
  Bytes reservation;
  /// Why a peer need not be tried; empty = all are.
  std::function<Result<>(const ipld::PeerId&)> worth_trying;
  size_t window_bytes = 8 << 20;  ///< that wait for one peer
  /// A peer that takes nothing for so long is left behind, when there are enough others.
  Duration patience = std::chrono::seconds(10);
  /// The same for one without which there are too few: then the add fails.
  Duration last_patience = std::chrono::minutes(2);
  /// And with one that was left behind a moment ago.
  Duration next_patience = std::chrono::milliseconds(500);
  std::shared_ptr<SlowPeers> slow = std::make_shared<SlowPeers>();  ///< shared by the adds of a peer
};

/// A peer that did not get everything, maybe this one; it fetches what it lacks when it pins.
struct LeftBehind {
  ipld::PeerId peer;
  std::string reason;
};

/// I/O thread only. As any BlockWriter: one call at a time, and dropping it before pinned() leaves the blocks to the
/// garbage collectors of all peers.
class AddWriter final : public ipfs::BlockWriter {
 public:
  /// `local` is this peer's own, null when it is to hold nothing. `tasks` and the others outlive it.
  AddWriter(Runtime& runtime, rpc::PeerClient& client, TaskGroup& tasks, Traffic& traffic,
            std::unique_ptr<ipfs::BlockWriter> local, std::vector<ipld::PeerId> peers, AddWriterOptions options);
  ~AddWriter() override;

  /// kUnavailable when too few peers are left.
  Task<> put(std::vector<ipld::Block> blocks) override;
  /// Returns when enough copies are durable and each other peer has finished as well or been left behind.
  Task<> finish() override;
  /// The log says that the root is pinned: the peers keep the blocks until they have pinned it themselves.
  void pinned(const ipld::Cid& root);

  bool here() const { return local_ != nullptr; }
  std::vector<LeftBehind> left_behind() const;

 private:
  struct Copy;
  using CopyPtr = std::shared_ptr<Copy>;

  static Task<> send(CopyPtr copy, std::unique_ptr<rpc::Stream> stream);
  static Task<> send_all(Copy& copy, rpc::Stream& stream);
  void queue(const std::vector<ipld::Block>& blocks);
  /// Waits until `wanted` holds for each copy that has not failed; gives up those that make no progress.
  template <class Wanted>
  Task<> wait_for_copies(Wanted wanted);
  Duration patience_with(const Copy& copy) const;
  Result<> enough() const;
  size_t alive() const;

  Runtime& runtime_;
  AddWriterOptions options_;
  std::unique_ptr<ipfs::BlockWriter> local_;
  std::optional<Error> local_error_;
  std::vector<CopyPtr> copies_;
  std::shared_ptr<Notifier> changed_;
};

}  // namespace ipfsc::cluster
