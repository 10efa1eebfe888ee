// WriteQueue: the writes between submit() and their outcomes. What waits is grouped into one log entry at a time; each
// group is answered when its entry is applied.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/time.h"
#include "consensus/raft/engine.h"
#include "proto/log.pb.h"
#include "state/state.h"

namespace ipfsc::consensus {

struct WriteQueueLimits {
  uint64_t max_entry_bytes = 1 << 20;
  size_t max_waiting_writes = 1 << 16;
  uint64_t max_waiting_bytes = 64 << 20;
};

/// Tag and length of one operation in an entry, at most.
inline constexpr uint64_t kOperationOverhead = 6;

using WriteDone = std::move_only_function<void(Result<std::vector<state::Outcome>>)>;

/// One submit(). `done` is called once; empty = answered already.
struct PendingWrite {
  std::vector<proto::Operation> operations;  ///< until it is grouped
  size_t count = 0;                          ///< of operations
  uint64_t bytes = 0;                        ///< of the operations in an entry, kOperationOverhead each included
  SteadyTime deadline;
  LogIndex index;  ///< 0 = waiting
  bool committed = false;
  bool sent = false;  ///< on its way to the leader: waits no more, and has no index yet
  WriteDone done;
};
using PendingWritePtr = std::shared_ptr<PendingWrite>;

/// The writes of one entry.
struct WriteGroup {
  Term term;
  std::shared_ptr<proto::Entry> entry;  ///< as it was proposed: saves parsing it again
  std::vector<PendingWritePtr> writes;
};

/// Answers are collected and given by answer_all(): calling a waiter may call back into the queue's owner.
/// I/O thread only.
class WriteQueue {
 public:
  explicit WriteQueue(WriteQueueLimits limits) : limits_(limits) {}

  /// Whether a write may be added: kInvalidArgument, kResourceExhausted. `bytes` is of its operations in an entry.
  Result<> admit(uint64_t bytes) const;
  void add(PendingWritePtr write);
  bool waiting() const { return !waiting_.empty(); }
  size_t waiting_writes() const { return waiting_.size(); }

  /// Takes as many waiting writes as fit into one entry. Nothing waits: an empty group.
  WriteGroup next_group(uint64_t time_ms);
  /// The group's entry stands in the log there.
  void proposed(WriteGroup group, Proposed at);
  /// It could not be proposed: its writes wait again, before all others.
  void put_back(WriteGroup group);
  size_t proposed_entries() const { return groups_.size(); }

  /// An entry was committed: the group that proposed it, or null when it is another's. A group of another term at that
  /// index was lost with its leader.
  std::shared_ptr<proto::Entry> committed(LogIndex index, Term term);
  /// The entry was applied: `outcomes` are of all its operations. False, and they are untouched, when it was no
  /// group's.
  bool applied(LogIndex index, Term term, std::vector<state::Outcome>&& outcomes);
  /// The state went past the entries up to this one without their outcomes: it was replaced by a later one.
  void passed_over(LogIndex upto);
  /// Whether it was written is not known.
  void give_up(WriteGroup group, const std::string& reason);

  /// Gives up one write (its caller was cancelled).
  void cancel(PendingWrite& write);
  /// Gives up those whose deadline has passed; `why_waiting` says what those that were never proposed waited for.
  void expire(SteadyTime now, const std::string& why_waiting);
  void fail_waiting(const Error& error);
  /// Those that were proposed: the outcome is unknown, or known to be committed and not applied here.
  void fail_proposed(const std::string& reason);
  std::optional<SteadyTime> next_deadline() const;

  bool has_answers() const { return !answers_.empty(); }
  void answer_all();

 private:
  void answer(PendingWrite& write, Result<std::vector<state::Outcome>> result);
  void forget_waiting(const PendingWrite& write);

  WriteQueueLimits limits_;
  std::deque<PendingWritePtr> waiting_;
  uint64_t waiting_bytes_ = 0;
  std::map<LogIndex, WriteGroup> groups_;
  std::set<std::pair<SteadyTime, PendingWrite*>> deadlines_;
  std::vector<std::pair<WriteDone, Result<std::vector<state::Outcome>>>> answers_;
};

}  // namespace ipfsc::consensus
