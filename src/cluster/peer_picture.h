// PeerPicture: the peers as allocation sees them at this moment, put together from the log, the heartbeats and what was
// given away since.
#pragma once

#include <map>
#include <set>

#include "allocator/candidate.h"
#include "allocator/reservations.h"
#include "base/runtime.h"
#include "cluster/heartbeats.h"
#include "cluster/options.h"
#include "state/state.h"

namespace ipfsc::cluster {

/// The metrics without which a peer gets no new copies: those of allocate_by, and the tags of hard rules.
std::vector<std::string> needed_metrics(const ClusterOptions& options);

/// I/O thread only.
class PeerPicture {
 public:
  /// All outlive it.
  PeerPicture(Runtime& runtime, const ClusterOptions& options, const state::State& state, const Heartbeats& heartbeats)
      : runtime_(runtime),
        options_(options),
        state_(state),
        heartbeats_(heartbeats),
        reservations_({.expire = options.promise_lifetime}) {}

  /// At most a moment old.
  const allocator::Peers& peers();
  /// Metrics that no peer has are left out of it: they could only refuse everybody.
  const allocator::Policy& policy();
  /// Each of `peers` was just given the pin; `size_bytes` none: not known.
  void promised(const std::vector<ipld::PeerId>& peers, const ipld::Cid& cid, std::optional<uint64_t> size_bytes);
  /// What was promised under this name comes under another, or not at all.
  void released(const ipld::Cid& cid);
  /// Takes a new look, whatever the age of the last. To be called now and then on every peer, so that it sees at once
  /// when the log calls another one down.
  void refresh();

 private:
  void look();
  std::optional<WallTime> down_since(const state::Peer& peer);

  Runtime& runtime_;
  const ClusterOptions& options_;
  const state::State& state_;
  const Heartbeats& heartbeats_;
  allocator::Peers peers_;
  allocator::Policy policy_;
  allocator::Reservations reservations_;
  struct SeenDown {
    SteadyTime at;
    bool at_once;  // it was seen up before
  };
  std::set<ipld::PeerId> seen_up_;
  std::map<ipld::PeerId, SeenDown> seen_down_;  // for the first time
  std::map<ipld::PeerId, WallTime> measured_;   // reception of the last freespace
  std::optional<SteadyTime> looked_;
};

}  // namespace ipfsc::cluster
