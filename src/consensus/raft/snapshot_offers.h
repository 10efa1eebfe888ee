// SnapshotOffers: what a leader remembers of the snapshots that it has sent to members that are far behind.
//
// raft-rs sends nothing else to a member between a snapshot and the word that it arrived or was lost. The member says
// itself that it arrived; that it was lost is concluded here from silence. Until the member has caught up, the log
// behind the offered index is kept for it, within a bound.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "consensus/raft/engine.h"

namespace ipfsc::consensus {

class SnapshotOffers {
 public:
  /// A member that was sent nothing of the state for so long is offered it again.
  explicit SnapshotOffers(Duration offer_again) : offer_again_(offer_again) {}

  bool empty() const { return offers_.empty(); }
  void clear() { offers_.clear(); }
  /// The index that was offered to that member and is held for it.
  std::optional<LogIndex> offered(RaftId to) const;
  /// A snapshot of `index` goes to that member.
  void offer(RaftId to, LogIndex index, SteadyTime now) { offers_[to] = {index, now}; }
  /// The smallest offered index: the log behind it is needed.
  std::optional<LogIndex> oldest() const;

  /// When a member was sent a part of the state last.
  using LastSent = std::function<std::optional<SteadyTime>(RaftId)>;
  /// At times, on the leader: forgets offers that are done or older than `least`, and returns the members whose
  /// snapshot is to be reported as lost.
  std::vector<RaftId> watch(const EngineStatus& status, LogIndex least, SteadyTime now, const LastSent& last_sent);

 private:
  struct Offer {
    LogIndex index;
    SteadyTime at;
  };
  Duration offer_again_;
  std::map<RaftId, Offer> offers_;
};

}  // namespace ipfsc::consensus
