// The starts of a peer's log: by them an old copy of it is told from the log itself.
//
// Each start is counted in the log's own database and drawn a number at random, and the cluster's state has the newest
// start of every member that was written into it. A log that was put back from a backup counts on from there: it says a
// start that is earlier than the one known, or the same with another number. It has forgotten votes and entries that it
// had acknowledged, so nobody may count on what it says.
#pragma once

#include <optional>

#include "proto/log.pb.h"
#include "state/state.h"

namespace ipfsc::consensus {

struct LogStart {
  uint64_t raft_id = 0;
  uint64_t count = 0;   ///< of starts of this log so far; 0 = not said
  uint64_t random = 0;  ///< of this start
  bool operator==(const LogStart&) const = default;
};

struct KnownStart {
  LogStart start;
  uint64_t revision = 0;  ///< of the record; 0 = there is none
};
/// The newest start of that member that the state knows, in its incarnation of the cluster.
Result<KnownStart> known_start(const state::State& state, uint64_t raft_id);
/// kDataLoss, in one sentence, when the state knows a later start of this log.
Result<> check_not_old(const LogStart& start, const LogStart& known);
/// Makes it the newest, if `known` still is.
proto::Operation record_start(const state::State& state, const LogStart& start, const KnownStart& known);

}  // namespace ipfsc::consensus
