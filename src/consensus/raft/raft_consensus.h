// RaftConsensus: the replicated log of this peer. An actor on the I/O thread drives a RaftEngine, its LogStore and the
// State:
//
//   submit → WriteQueue ─(one entry)→ engine → LogStore ──fsync on the pool──→ engine → committed → State::apply on the
//   pool
//     ↑                                                                                                     │
//     └──────────────────────────────── outcomes ───────────────────────────────────────────────────────────┘
//
// While one entry is at the disk the next one collects, and while one is applied the next one is at the disk. One write
// and one apply are on the pool at a time, so order is kept without locks.
//
// Any error of the log or the state throws the engine away; log and state are opened anew (after a pause) and go on
// from what is durable. Only what a newer program has written ends it (given_up()).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "base/notifier.h"
#include "base/runtime.h"
#include "base/task_group.h"
#include "consensus/consensus.h"
#include "consensus/options.h"
#include "consensus/raft/checkpoint_fetcher.h"
#include "consensus/raft/checkpoint_server.h"
#include "consensus/raft/log_store.h"
#include "consensus/raft/snapshot_offers.h"
#include "consensus/raft/transport.h"
#include "consensus/raft/voters.h"
#include "consensus/raft/write_queue.h"
#include "rpc/rpc.h"

namespace ipfsc::consensus {

/// The way to other members. Both outlive the consensus; `router` gets its methods and is served only while it lives.
struct RaftNetwork {
  rpc::PeerClient& client;
  rpc::Router& router;
};

class RaftConsensus final : public Consensus {
 public:
  /// Opens or begins the log and starts taking part; a lone voter leads at once. `state` outlives it and has no other
  /// caller of apply(). Without a network it stays alone. Errors are those of open_log() (raft/recovery.h).
  static Task<std::unique_ptr<RaftConsensus>> open(Runtime& runtime, state::State& state, RaftOptions options,
                                                   std::optional<RaftNetwork> network = std::nullopt);
  /// Removes the log in the folder `path`, for a state that is put in the place of the old one while no peer runs.
  static Result<> remove_log(const std::string& path, rocksdb::Env* env = nullptr);
  ~RaftConsensus() override;

  Task<std::vector<state::Outcome>> submit(std::vector<proto::Operation> operations, SteadyTime deadline) override;
  std::optional<ipld::PeerId> leader() const override;
  bool hears_leader() const override;
  bool is_leader() const override { return role_ == RaftRole::kLeader && leads_since_ != LogIndex(); }
  std::vector<Member> members() const override;
  bool names(const ipld::PeerId& peer) const override;
  uint64_t term() const override { return log_ ? log_->hard_state().term.value : 0; }
  uint64_t former_id(const ipld::PeerId& peer) const override;
  Task<LogIndex> barrier(SteadyTime deadline) override;
  std::unique_ptr<state::ChangeStream> feed(state::FeedPosition from) override;
  Task<Bytes> add_member(ipld::PeerId peer, SteadyTime deadline) override;
  Task<> remove_member(ipld::PeerId peer, SteadyTime deadline) override;
  Task<> resign(SteadyTime deadline) override { return hand_over(conf_.voters, deadline); }
  Task<> wait_ready(SteadyTime deadline) override;
  std::optional<StateFetch> fetching() const override;
  Task<> stop() override;

  std::string trouble() const override;
  LogStart log_start() const override { return start_; }
  std::optional<Error> given_up() const override { return given_up_; }

  /// Whether this peer is the only voter.
  bool alone() const;
  /// What the log itself knows to be committed.
  LogIndex known_commit() const { return log_->hard_state().commit; }

 private:
  class Feed;
  struct Applied;
  /// A snapshot that the engine has not seen yet.
  struct HeldSnapshot {
    RaftId from;
    LogIndex index;
    Bytes message;
  };
  /// One that it has taken, and that is not durable yet.
  struct Restoring {
    uint64_t ready;
    LogIndex index;
  };

  /// An entry on its way to the leader (raft_forward.cpp).
  struct Forward;
  using ForwardPtr = std::shared_ptr<Forward>;

  RaftConsensus(Runtime& runtime, state::State& state, RaftOptions options);
  EngineOptions engine_options() const;
  Result<> start_engine(std::unique_ptr<LogStore> log);
  bool ready() const;
  bool idle() const { return !writing_ && !applying_ && jobs_ == 0; }
  std::string waiting_for() const;
  std::string name_of(RaftId id) const;
  std::string missing_voters() const;

  // Each step ends in pump(), which starts what can be started.
  void pump();
  void take_readies();
  void propose_waiting();
  void begin_cluster();
  void start_write();
  void written(LogWrite write, Result<> result);
  void start_apply();
  void applied(Applied applied);
  void start_flush();
  void keep_house();
  void fail_engine(Error error);
  void fail_state(Error error);
  void finish_failing();
  uint64_t next_entry_time();

  // raft_network.cpp
  void join_network(RaftNetwork network);
  bool passes_over(const RaftMessage& message) const;
  void send(std::vector<RaftMessage> messages);
  Task<> receive(rpc::CallInfo info, rpc::Stream& stream);
  void deliver(const ipld::PeerId& from, ByteView message);
  bool speaks_for(const ipld::PeerId& peer, RaftId id);
  const ipld::PeerId* peer_of(RaftId id) const;

  // raft_forward.cpp
  void serve_proposals(rpc::Router& router);
  void forward_waiting();
  Task<> forward(WriteGroup group, ForwardPtr way, ipld::PeerId leader);
  Task<> ask_leader(ForwardPtr way, ipld::PeerId leader, Bytes request, SteadyTime deadline);
  bool forwarded(uint64_t origin, Proposed at, std::vector<state::Outcome>&& outcomes);
  void forwards_see(Term applied);
  void forwards_miss();
  Task<Bytes> take_proposal(Bytes request);

  // raft_members.cpp
  std::optional<RaftId> member_id(const ipld::PeerId& peer) const;
  Bytes grant_for(RaftId id) const;
  Task<> wait_for_members(SteadyTime deadline);
  Task<> change_members(std::vector<ConfChange> changes, Bytes context, SteadyTime deadline);
  std::vector<VoterCandidate> voter_candidates(const EngineStatus& status);
  Task<std::vector<VoterCandidate>> look_at_others(RaftId leaving, SteadyTime deadline);
  Result<std::vector<ConfChange>> changes_without(RaftId leaving, std::vector<VoterCandidate> others) const;
  std::vector<ConfChange> changes_to(const std::vector<RaftId>& chosen, bool demote) const;
  void adjust_voters();
  Task<> hand_over(std::vector<RaftId> to, SteadyTime deadline);

  // raft_snapshot.cpp
  Result<LogSnapshot> offer_snapshot(LogIndex at_least, RaftId to);
  void watch_offers();
  void lose_offer(RaftId id);
  void truncate_log();
  void hold_snapshot(MessageInfo info, ByteView message);
  bool needs_state() const;
  void step_held();
  void begin_restoring(uint64_t ready, const LogSnapshot& snapshot);
  void end_restoring(uint64_t written);
  ipld::PeerId state_source(size_t attempt) const;
  Task<> fetch_loop();
  void start_install();

  Task<> tick_loop();
  Task<> deadline_loop();
  Task<> reopen_loop();
  template <class Job, class Done>
  void on_pool(Job job, Done done) {
    runtime_.submit_blocking([this, job = std::move(job), done = std::move(done)]() mutable {
      auto result = job();
      boost::asio::post(runtime_.executor(),
                        [result = std::move(result), done = std::move(done)]() mutable { done(std::move(result)); });
    });
  }

  Runtime& runtime_;
  state::State& state_;
  RaftOptions options_;
  WriteQueue queue_;
  std::unique_ptr<LogStore> log_;
  std::unique_ptr<RaftEngine> engine_;  // null while failed or stopped
  RaftId self_ = kNobody;
  LogStart start_;
  std::map<RaftId, ipld::PeerId> peers_;
  std::map<RaftId, ipld::PeerId> strangers_;  // that the log does not name yet, by their own word
  RaftRole role_ = RaftRole::kFollower;
  RaftId leader_ = kNobody;
  ConfState conf_;
  LogIndex leads_since_;               // our first own entry that is applied; 0 = none since the last election
  bool cluster_begun_ = false;         // the state has its cluster id, or the entry that gives it is under way
  bool cluster_known_ = false;         // the state has its cluster id
  rpc::PeerClient* client_ = nullptr;  // null: alone for ever
  std::unique_ptr<RaftTransport> transport_;
  std::unique_ptr<CheckpointServer> server_;    // these two beside transport_
  std::unique_ptr<CheckpointFetcher> fetcher_;  //
  SnapshotOffers offers_;
  std::optional<HeldSnapshot> held_;
  std::optional<FetchedCheckpoint> fetched_;  // to be put in place
  bool installing_ = false;                   // it is being
  std::optional<Restoring> restoring_;
  uint64_t state_bytes_ = 0;                 // on disk, at the last flush
  std::map<uint64_t, ForwardPtr> forwards_;  // entries on their way to the leader, by origin
  Term applied_term_;                        // of the last entry that was applied in this life of the engine
  SteadyTime leader_heard_at_{};
  uint64_t ticks_ = 0;  // of the engine
  bool changing_members_ = false;
  bool handing_over_ = false;              // since another is to lead
  std::map<RaftId, SteadyTime> heard_at_;  // of the leader: when each member was heard last
  bool writing_ = false, applying_ = false;
  size_t jobs_ = 0;                 // others on the pool
  std::deque<EntryPtr> committed_;  // to apply
  LogIndex applied_;
  WallTime last_time_;           // of the last entry proposed
  LogIndex flushed_seen_;        // what the log was last truncated for
  uint64_t log_flushed_at_ = 0;  // LogStore::bytes() at its last flush
  uint64_t next_read_ = 0;
  std::map<uint64_t, std::optional<LogIndex>> reads_;  // barriers: what they wait for, once it is known
  std::optional<Error> failed_;
  bool state_failed_ = false;  // the state has to be opened anew as well
  std::optional<Error> given_up_;
  Duration reopen_after_;
  uint64_t life_ = 0;  // of the engine
  bool stopping_ = false, stopped_ = false;
  std::optional<SteadyTime> armed_;  // what deadline_loop() sleeps for
  Notifier changed_;                 // applied, leadership, failure, idle
  Notifier deadlines_changed_;
  TaskGroup tasks_;
  std::optional<boost::asio::executor_work_guard<boost::asio::any_io_executor>> work_;
};

}  // namespace ipfsc::consensus
