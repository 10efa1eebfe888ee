// What happens between the log's database and the state before the engine starts.
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "consensus/options.h"
#include "consensus/raft/log_store.h"
#include "state/state.h"

namespace ipfsc::consensus {

/// A peer's number in the log of a cluster that it began itself.
inline constexpr RaftId kFirstRaftId = 1;

/// Pool thread. Opens the log (and begins one behind the state when there is none: a new cluster, or a state that was
/// imported) and applies to the state what it has not: after a crash that is what came after its last flush.
/// kDataLoss when log and state do not fit together.
/// `random` is that of this start (log_start.h).
Result<std::unique_ptr<LogStore>> open_log(const RaftOptions& options, state::State& state, uint64_t random);

/// Pool thread. Begins the log of a peer that joins, as the leader's add_member() said. kFailedPrecondition when there
/// is a log already.
Result<> begin_log(const RaftOptions& options, ByteView grant);

/// Blocks. The format of a log that nobody has open; nullopt: there is none.
Result<std::optional<uint32_t>> log_format_of(const RaftOptions& options);

/// Pool thread. Whether this peer takes part in a log already.
Result<bool> has_log(const RaftOptions& options);

/// Pool thread, on a stopped peer of a cluster that has lost its majority for good. Applies all that the log holds,
/// also what was not yet known to be committed (what was acknowledged may be among it), and begins the cluster's next
/// incarnation: without the log, which the caller sets aside, this peer is its only voter. Can be repeated after a
/// crash.
struct Recovered {
  uint64_t uncertain_entries = 0;  ///< that were not known to be committed
  uint64_t incarnation = 0;
};
/// `on_applied`, when there is one, hears now and then how many of the `total` entries that the state lacked it has.
using OnApplied = std::function<void(uint64_t done, uint64_t total)>;
Result<Recovered> begin_incarnation(const RaftOptions& options, state::State& state, WallTime now,
                                    const OnApplied& on_applied = {});

/// Whom a change of the members brings in.
std::map<RaftId, ipld::PeerId> members_added_by(const LogEntry& entry);

/// What an entry has for the state; nothing of a first one of a term and of a change of the members. kDataLoss.
Result<std::shared_ptr<const proto::Entry>> parse_entry(const LogEntry& entry);
/// Pool thread. Applies one entry.
Result<std::vector<state::Outcome>> apply_entry(state::State& state, const LogEntry& entry, const proto::Entry& parsed);

}  // namespace ipfsc::consensus
