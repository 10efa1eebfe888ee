// Consensus: the one ordered log of the cluster, as the rest of a peer sees it.
//
// A write is a list of operations; it becomes (part of) one entry of the log, is applied to the state of every peer in
// the same order, and its outcomes come back from this peer's state. Reads do not come here: they ask state::State.
// raft/raft_consensus.h is the implementation.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "consensus/log_start.h"
#include "ipld/peer_id.h"
#include "proto/log.pb.h"
#include "state/feed.h"
#include "state/state.h"

namespace ipfsc::consensus {

enum class MemberRole : uint8_t { kVoter, kLearner };

/// A peer that takes part in the replicated log. Agents are not members.
struct Member {
  ipld::PeerId peer;
  uint64_t raft_id = 0;  ///< given at joining, never used again
  MemberRole role = MemberRole::kVoter;
  bool self = false;
};

/// How far this peer is with getting the state of another one, because the log has no more what it needs.
struct StateFetch {
  ipld::PeerId from;
  LogIndex index;  ///< that the state will have
  uint64_t bytes = 0, total_bytes = 0;
};

/// I/O thread only. Every call can be cancelled; cancelling does not take back what has already been proposed.
class Consensus {
 public:
  virtual ~Consensus() = default;

  /// Orders `operations` and returns one outcome for each, in their order, once they are durable on a majority and
  /// applied to this peer's state: a read that follows sees them. All of them go into one entry, but each decides for
  /// itself (a guard that fails does not touch the others). Errors: kInvalidArgument (empty, or larger than one entry
  /// can be); kResourceExhausted (the queue is full: try again later); kUnavailable (no leader until the deadline, or
  /// the log cannot be written now: nothing was done); kDeadlineExceeded (the message says whether the write was
  /// committed, or that the outcome is unknown: a repetition with the same request_id is safe).
  virtual Task<std::vector<state::Outcome>> submit(std::vector<proto::Operation> operations, SteadyTime deadline) = 0;

  /// Whom this peer takes for the leader now.
  virtual std::optional<ipld::PeerId> leader() const = 0;
  /// False: nobody leads, or the leader has not been heard for some seconds.
  virtual bool hears_leader() const { return leader().has_value(); }
  /// Whether this peer is the leader and has applied the first entry of its term: its state is then the newest, and it
  /// plans.
  virtual bool is_leader() const = 0;
  /// Of the log now; it rises with each election. 0 = not known.
  virtual uint64_t term() const { return 0; }
  virtual std::vector<Member> members() const = 0;
  /// Whether the peer is a member, or was one.
  virtual bool names(const ipld::PeerId& peer) const = 0;
  /// The last number of a peer that was a member and is none now; else 0.
  virtual uint64_t former_id(const ipld::PeerId& peer) const = 0;

  /// Returns when this peer's state contains everything that was acknowledged before the call, anywhere; the value is
  /// the log index that it waited for. A read that follows is linearizable.
  virtual Task<LogIndex> barrier(SteadyTime deadline) = 0;

  /// The changes after `from`, in order, without an end: next() waits for news. The stream must not outlive the
  /// Consensus; its next() fails with kUnavailable after stop().
  virtual std::unique_ptr<state::ChangeStream> feed(state::FeedPosition from) = 0;

  /// The leader only (else kUnavailable): makes the peer a member under a number that nobody had before. Returns what
  /// its log is to begin with. A peer that is a member already gets a new number: it has lost its log.
  virtual Task<Bytes> add_member(ipld::PeerId peer, SteadyTime deadline) = 0;
  /// The leader only. The peer takes part no more; nothing happens when it is no member.
  virtual Task<> remove_member(ipld::PeerId peer, SteadyTime deadline) = 0;

  /// The leader gives its leadership to another voter that has everything; returns when it has, or cannot.
  virtual Task<> resign(SteadyTime deadline) = 0;

  /// Why nothing can be written now; empty = it can.
  virtual std::string trouble() const = 0;

  /// Why this program can never go on with the log, which a newer program writes: it has to end. Nothing was done then
  /// that a newer program would not do.
  virtual std::optional<Error> given_up() const { return std::nullopt; }

  /// Of this peer's log, since it was opened last.
  virtual LogStart log_start() const { return {}; }

  /// Returns when the log has a leader whose first entry is applied here and the cluster has its id.
  virtual Task<> wait_ready(SteadyTime deadline) = 0;

  /// Nothing while the log suffices.
  virtual std::optional<StateFetch> fetching() const { return std::nullopt; }

  /// Refuses new writes, lets those under way end, flushes the state and closes the log. The destructor needs it.
  virtual Task<> stop() = 0;
};

}  // namespace ipfsc::consensus
