// The PinTracker: the loops between feed, table, dispatcher and node. Callers use tracker.h.
#pragma once

#include <deque>
#include <memory>

#include "base/notifier.h"
#include "base/task_group.h"
#include "tracker/dispatcher.h"
#include "tracker/listing.h"
#include "tracker/status_reads.h"
#include "tracker/table.h"
#include "tracker/tracker.h"

namespace ipfsc::tracker {

/// All changes of the table go through one queue and one loop: a round takes what waits, up to max_batch, writes it as
/// one batch on the worker pool, and hands what follows to the dispatcher. Work that lies in the table only (more than
/// max_ready, or due again) is read in the same rounds, so nothing read is older than what was decided later.
class TrackerImpl final : public PinTracker {
 public:
  TrackerImpl(Runtime& runtime, state::State& state, ipfs::IpfsNode& node, FeedFactory feed, TrackerOptions options,
              std::unique_ptr<Table> table);
  ~TrackerImpl() override;

  Task<> stop() override;
  Task<model::PinInfo> status(ipld::Cid cid) override;
  Task<std::vector<model::PinInfo>> status_of(std::vector<ipld::Cid> cids) override;
  Result<std::unique_ptr<StatusCursor>> list(StatusQuery query) override;
  StatusCounts counts() const override;
  Activity activity() const override;
  Duration oldest_pending() const override;
  Task<model::PinInfo> recover(ipld::Cid cid) override;
  std::unique_ptr<StatusCursor> recover_all() override;
  Task<model::PinInfo> sync(ipld::Cid cid) override;
  Task<SyncReport> sync_all(std::function<Task<>(SyncFinding)> on_finding) override;
  Task<std::vector<Holding>> journal(ipld::Cid cid, size_t max) override;
  Task<PastHoldings> held_at(std::vector<ipld::Cid> cids, WallTime time) override;
  Task<> wait_for(LogIndex index, SteadyTime deadline) override;
  void set_ipfs_identity(std::string ipfs_peer_id, std::vector<ipld::Multiaddr> addresses) override;
  std::shared_ptr<const model::PeerFacts> facts() const override { return facts_; }

  // --- for the parts of the tracker that are in files of their own
  Runtime& runtime() { return runtime_; }
  ipfs::IpfsNode& node() { return node_; }
  Table& table() { return *table_; }
  const TrackerOptions& options() const { return options_; }
  RunningMap running() const { return dispatcher_.snapshot(); }
  /// Writes the mutations (in order, maybe in several rounds) and returns an outcome for each, in their order.
  /// kCancelled at stop().
  Task<std::vector<Outcome>> submit(std::vector<Mutation> mutations);
  /// The answer for entries that were read; they are moved from.
  std::vector<model::PinInfo> show(std::vector<Entry> entries, const RunningMap& running) const;
  model::PinInfo show_error(const ipld::Cid& cid, const Error& error) const;

 private:
  /// Someone who waits for outcomes.
  struct Ticket {
    std::vector<Outcome> outcomes;
    size_t expected = 0;
  };
  struct Pending {
    Mutation mutation;
    bool has_mutation = false;                    // false: only a position
    std::optional<state::FeedPosition> position;  // behind this one, everything up to here is handled
    std::shared_ptr<Ticket> ticket;
  };
  /// One trip to the worker pool and back.
  struct Round {
    std::vector<Pending> taken;
    std::vector<Mutation> mutations;
    std::optional<state::FeedPosition> position;
    Moment moment;
    bool refill = false, due = false;
    ipld::Cid refill_after;
    Bytes due_cursor;
    size_t max_jobs = 0;
    // results
    Table::Applied applied;
    Table::Queued queued;
    Table::Due due_jobs;
    bool due_behind = false;  ///< a next try is due before those that were looked at
  };

  void push(Mutation mutation, std::optional<state::FeedPosition> position = std::nullopt);
  void push_position(const state::FeedPosition& position);
  bool backlogged() const { return pending_.size() >= 2 * options_.max_batch; }

  Task<> feed_loop();
  Task<> follow(unsigned& failures);
  Task<> rebuild();
  Task<> room_for_more();
  Task<> write_loop();
  Task<> wait_for_work();
  bool refill_wanted() const;
  bool due_wanted() const;
  void look_at_all_due();
  Round take_round();
  Result<> run_round(Round& round) const;  // worker pool
  void put_back(Round& round);
  void finish_round(Round& round);
  void finish_mutations(Round& round);
  void finish_reads(Round& round);
  Task<> recover_table(const Error& error, unsigned failures);
  Duration clock_offset() const;
  void check_clock();
  bool needs_watching();
  void dispatch();
  Task<> watch_loop();
  Task<> probe_loop();
  Task<> probe_node();
  Task<> sync_loop();
  Task<> trim_loop();
  Task<> write_rest();
  ShowContext show_context() const;

  Runtime& runtime_;
  state::State& state_;
  ipfs::IpfsNode& node_;
  const FeedFactory feed_;
  const TrackerOptions options_;
  std::unique_ptr<Table> table_;
  Dispatcher dispatcher_;
  std::shared_ptr<const model::PeerFacts> facts_;

  std::deque<Pending> pending_;
  state::FeedPosition fed_;  // changes up to here are in pending_ or written
  state::FeedPosition written_;
  Notifier work_;              // there is something for the write loop
  Notifier progress_;          // a round is done
  Notifier started_;           // attempts run: there is something to watch
  Notifier suspicion_;         // the node should be probed
  bool refill_ = true;         // the table may have queued rows that the dispatcher does not
  bool refill_again_ = false;  // … also before refill_after_
  ipld::Cid refill_after_;
  WallTime due_at_{};  // when to look for work that is due; max = there is none
  Bytes due_cursor_;
  Duration clock_offset_{};  // of the wall clock to the steady one
  bool syncing_ = false;
  bool stopped_ = false;
  TaskGroup tasks_;
  StatusReads reads_;
};

/// sync.cpp: what the node holds against what the table has.
Task<Outcome> verify_one(TrackerImpl& tracker, const ipld::Cid& cid);
Task<SyncReport> compare_all(TrackerImpl& tracker, const std::function<Task<>(SyncFinding)>& on_finding);

}  // namespace ipfsc::tracker
