// RaftEngine: the Raft state machine, stepped from outside by time (ticks) and messages. It has no clock, no thread and
// no disk: what is to be written, sent and applied comes out as a Ready value (raft-core/include/raft_core.h has the
// cycle).
//
// Ongaro, Ousterhout: In Search of an Understandable Consensus Algorithm (2014), with pre-vote, check-quorum, learners
// and leader transfer of Ongaro's thesis (2014). The same seed and inputs give the same outputs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "consensus/raft/log_types.h"

struct rc_node;

namespace ipfsc::consensus {

struct EngineOptions {
  RaftId id = kNobody;
  int election_ticks = 10;  ///< the timeout is drawn from [election_ticks, 2 × election_ticks)
  int heartbeat_ticks = 1;
  uint64_t max_message_bytes = 1 << 20;          ///< of entries in one message; a single larger entry still goes
  size_t max_inflight_messages = 64;             ///< to one follower without an answer
  uint64_t max_uncommitted_bytes = 64 << 20;     ///< proposals beyond are refused
  uint64_t max_committed_ready_bytes = 8 << 20;  ///< of Ready::committed; the rest comes with the next one
  bool pre_vote = true;
  bool check_quorum = true;
  uint64_t seed = 0;  ///< of the election timeouts
};

enum class RaftRole : uint8_t { kFollower = 0, kCandidate = 1, kLeader = 2, kPreCandidate = 3 };

struct RaftMessage {
  RaftId to = kNobody;
  uint32_t type = 0;  ///< eraftpb.MessageType
  Bytes data;
};

struct ReadState {
  LogIndex index;  ///< a read is linearizable when this is applied
  Bytes context;
};

/// One step's output. Order of work: stage (the engine has done it), send `messages`, make durable, then send
/// `persisted_messages` and tell RaftEngine::persisted(). `committed` may be applied at once.
struct Ready {
  uint64_t number = 0;
  bool must_sync = false;               ///< false: hard_state has only a new commit index, which may be lost
  RaftRole role = RaftRole::kFollower;  ///< as they are now
  RaftId leader = kNobody;
  std::optional<HardState> hard_state;
  std::optional<LogSnapshot> snapshot;  ///< the state must be replaced before anything else is applied
  std::vector<EntryPtr> entries;        ///< an index that the log has already replaces that entry and all behind it
  std::vector<RaftMessage> messages;
  std::vector<RaftMessage> persisted_messages;
  std::vector<EntryPtr> committed;
  std::vector<ReadState> reads;
};

/// The log as the engine reads it. Called from inside the engine's calls, on their thread.
class LogView {
 public:
  virtual ~LogView() = default;
  /// 1 + the index up to which the log was truncated.
  virtual LogIndex first_index() const = 0;
  virtual LogIndex last_index() const = 0;
  /// For [first_index() - 1, last_index()]; nullopt outside.
  virtual std::optional<Term> term(LogIndex index) const = 0;
  /// [low, high), at least one, then as many as fit into `max_bytes`. kOutOfRange when truncated.
  virtual Result<std::vector<EntryPtr>> read(LogIndex low, LogIndex high, uint64_t max_bytes) = 0;
  /// For a follower that needs what was truncated. kUnavailable = not at the moment; it is asked again.
  virtual Result<LogSnapshot> snapshot(LogIndex at_least, RaftId to) = 0;
  /// Makes what `ready` writes visible to the calls above, before it is durable.
  virtual void stage(const Ready& ready) = 0;
};

struct MemberProgress {
  RaftId id = kNobody;
  LogIndex matched;
  LogIndex next;
  enum State : uint8_t { kProbe = 0, kReplicate = 1, kSnapshot = 2 } state = kProbe;
  bool recently_active = false;
};

struct EngineStatus {
  HardState hard_state;
  RaftId leader = kNobody;
  RaftRole role = RaftRole::kFollower;
  LogIndex applied, last_index, persisted;
  RaftId transferring_to = kNobody;
  ConfState conf;
  std::vector<MemberProgress> progress;  ///< on a leader
};

struct ConfChange {
  enum Type : uint8_t { kAddVoter = 0, kRemove = 1, kAddLearner = 2 } type = kAddVoter;
  RaftId id = kNobody;
};

/// Where a proposal stands in the log, if it is ever committed: another entry there, or another term, means it was
/// lost.
struct Proposed {
  LogIndex index;
  Term term;
};

struct MessageInfo {
  uint32_t type = 0;
  RaftId from = kNobody, to = kNobody;
  Term term;
  LogIndex index;
  Term log_term;
  LogIndex commit;
  bool reject = false;
  size_t entries = 0;
  std::optional<LogSnapshot> snapshot;
};

/// One thread.
class RaftEngine {
 public:
  /// `log` outlives the engine. `applied` is what the state has applied, `conf` the configuration at that index.
  /// kDataLoss when the log does not hold what `hard_state` and `applied` say.
  static Result<std::unique_ptr<RaftEngine>> create(EngineOptions options, LogView& log, HardState hard_state,
                                                    ConfState conf, LogIndex applied);
  ~RaftEngine();
  RaftEngine(const RaftEngine&) = delete;
  RaftEngine& operator=(const RaftEngine&) = delete;

  void tick();
  /// kDataLoss: the message proves that this member lost committed entries; it must not go on as this member.
  /// Other errors: the message was not for us; it is dropped.
  Result<> step(ByteView message);
  /// kUnavailable: not the leader, or refused for now (leadership moves, too much is uncommitted).
  Result<Proposed> propose(ByteView data);
  /// One change is direct; several go through a joint configuration that ends by itself.
  Result<Proposed> propose_conf_change(const std::vector<ConfChange>& changes, ByteView context);
  /// When a committed entry that is not kNormal is applied: the configuration from then on.
  Result<ConfState> apply_conf_change(const LogEntry& entry);
  Result<> campaign();
  Result<> transfer_leader(RaftId to);
  void read_index(ByteView context);
  void report_unreachable(RaftId id);
  /// Must follow every message with a snapshot: nothing else is sent to that member before.
  void report_snapshot(RaftId id, bool arrived);

  bool has_ready() const;
  /// Has been staged when it returns.
  Ready take_ready();
  /// Readies are made durable in order: this one and all before.
  void persisted(uint64_t number);
  /// What the state has applied; also when a snapshot is in place, after the persisted() of its Ready.
  void applied(LogIndex index);

  EngineStatus status() const;
  Result<MessageInfo> inspect(ByteView message) const;
  /// An error of LogView::read: what was committed then did not come out, so the engine must be thrown away.
  const std::optional<Error>& read_error() const;

 private:
  struct Callbacks;
  RaftEngine();
  Error last_error(int code) const;

  std::unique_ptr<Callbacks> callbacks_;
  rc_node* node_ = nullptr;
};

}  // namespace ipfsc::consensus
