// RaftSim: engines on a virtual clock and network with disks that lose what was not synced. For tests.
//
// Everything that happens is drawn from one seed. After each step it checks: one leader a term; entries equal at equal
// (index, term); no two members apply different entries at an index; what was acknowledged stays.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "consensus/raft/engine.h"

namespace ipfsc::consensus::testing {

/// What a member has on disk.
struct DiskImage {
  LogIndex base;
  Term base_term;
  std::vector<EntryPtr> entries;  // base + 1 …
  HardState hard_state;
  std::map<LogIndex, ConfState> confs;

  LogIndex last() const { return LogIndex(base.value + entries.size()); }
  void write(const Ready& ready);
  ConfState conf_at(LogIndex index) const;
};

/// A log in memory: what is staged is seen at once, what is written survives a crash.
class MemLog final : public LogView {
 public:
  LogIndex first_index() const override { return LogIndex(now.base.value + 1); }
  LogIndex last_index() const override { return now.last(); }
  std::optional<Term> term(LogIndex index) const override;
  Result<std::vector<EntryPtr>> read(LogIndex low, LogIndex high, uint64_t max_bytes) override;
  Result<LogSnapshot> snapshot(LogIndex at_least, RaftId to) override;
  void stage(const Ready& ready) override { now.write(ready); }
  void truncate(LogIndex upto);

  DiskImage now, durable;
  std::optional<LogSnapshot> snapshot_offer;
};

struct SimOptions {
  int members = 3;
  uint64_t seed = 1;
  EngineOptions engine;
  int tick_ms = 50;
  // In microseconds.
  int min_delay_us = 500, max_delay_us = 2000;
  int min_sync_us = 100, max_sync_us = 1000;
  // Of a hundred messages.
  int lost = 0, doubled = 0, late = 0;
  int late_ms = 300;
  bool ticking = true;  // false: elections only by campaign()
};

class RaftSim {
 public:
  struct Node {
    RaftId id = kNobody;
    MemLog log;
    std::unique_ptr<RaftEngine> engine;             // null = crashed
    std::deque<std::pair<Ready, uint64_t>> writes;  // not durable yet, and when they are (µs)
    LogIndex applied, flushed;
    std::vector<ReadState> reads;
    RaftRole role = RaftRole::kFollower;
    uint64_t life = 0;  // counts restarts: events of an earlier life are dropped
    bool lost_its_log = false;
    int slow_us = 0;  // added to every sync
  };
  struct Sent {
    RaftId from, to;
    MessageInfo info;
  };

  explicit RaftSim(SimOptions options);

  Node& node(RaftId id) { return nodes_.at(id); }
  std::map<RaftId, Node>& nodes() { return nodes_; }
  uint64_t now_us() const { return now_; }
  /// A new peer with an empty log that knows the first configuration; a leader then makes it a member.
  void add_node(RaftId id);
  void crash(RaftId id, bool keep_unsynced = false);
  void restart(RaftId id);
  /// Messages between members of different groups are dropped; {} = all are connected.
  void partition(std::vector<std::set<RaftId>> groups) { groups_ = std::move(groups); }
  /// False = dropped. Called for every message when it is sent.
  std::function<bool(const Sent&)> filter;
  /// Called before a snapshot message is stepped; false = it is not ready to be.
  std::function<bool(Node&, const LogSnapshot&)> fetch;

  /// Proposes unique data at that member; remembered as acknowledged when it is applied there with its term.
  Result<Proposed> propose(RaftId id, std::string data = {});
  Result<Proposed> change(RaftId id, const std::vector<ConfChange>& changes);
  void flush_state(RaftId id) { node(id).flushed = node(id).applied; }
  /// Cuts the member's log and offers a snapshot of what it applied.
  void truncate(RaftId id, LogIndex upto);

  void run_us(uint64_t us);
  void run_ms(uint64_t ms) { run_us(ms * 1000); }
  /// Until `condition` or the limit; whether it came true.
  bool run_until(const std::function<bool()>& condition, uint64_t limit_ms = 60000);
  /// Handles what a member has ready (after calls on its engine).
  void pump(RaftId id);

  /// The one leader with the highest term among those running, or kNobody.
  RaftId leader();
  RaftId wait_for_leader(uint64_t limit_ms = 60000);
  /// True when every running member applied the same up to the highest committed.
  bool converged();
  EntryPtr committed(LogIndex index) const;
  LogIndex highest_committed() const { return committed_.empty() ? LogIndex(0) : committed_.rbegin()->first; }
  size_t acknowledged() const { return acknowledged_; }
  /// Everything that happened, as one number.
  uint64_t trace() const { return trace_; }
  /// Broken invariants, in words; empty = fine.
  const std::vector<std::string>& violations() const { return violations_; }
  uint64_t random(uint64_t below) { return random_() % below; }
  /// When an entry was proposed and first applied by its leader (µs).
  std::map<LogIndex, uint64_t> proposed_at, applied_at;

 private:
  void start(Node& node);
  void schedule(uint64_t at, std::function<void()> event);
  void send(Node& from, const std::vector<RaftMessage>& messages);
  void deliver(RaftId from, RaftId to, const Bytes& data);
  void report_snapshot(RaftId from, RaftId to, bool arrived);
  void write_done(RaftId id);
  void apply(Node& node, const EntryPtr& entry);
  void check_staged(const Ready& ready);
  bool connected(RaftId a, RaftId b) const;
  void note(uint64_t value) { trace_ = (trace_ ^ value) * 0x100000001b3; }
  void tick(RaftId id, uint64_t life);

  SimOptions options_;
  ConfState first_conf_;
  std::mt19937_64 random_;
  uint64_t now_ = 0;
  uint64_t next_event_ = 0;
  uint64_t next_data_ = 1;
  std::map<std::pair<uint64_t, uint64_t>, std::function<void()>> events_;
  std::map<RaftId, Node> nodes_;
  std::vector<std::set<RaftId>> groups_;
  std::map<Term, RaftId> leaders_;
  std::map<std::pair<LogIndex, Term>, EntryPtr> seen_;
  std::map<LogIndex, EntryPtr> committed_;
  std::map<std::pair<RaftId, LogIndex>, Term> waiting_;
  size_t acknowledged_ = 0;
  uint64_t trace_ = 0xcbf29ce484222325;
  std::vector<std::string> violations_;
};

}  // namespace ipfsc::consensus::testing
