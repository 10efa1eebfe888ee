// LogStore: the Raft log of this peer on disk, in its own database with a synced write-ahead log.
//
// What the engine hands out is staged at once (the engine reads it back from memory) and becomes durable when the write
// that take_write() collects has been made on a pool thread. While one write is at the disk, more is staged; the next
// write takes all of it.
//
// Threads: I/O thread, except those functions that say "pool thread". docs/formats.md has the keys.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "consensus/log_start.h"
#include "consensus/raft/engine.h"
#include "ipld/peer_id.h"
#include "storage/database.h"

namespace ipfsc::consensus {

struct LogStoreOptions {
  std::string path;
  rocksdb::Env* env = nullptr;      ///< null = the machine's; else outlives the store
  uint64_t keep_bytes = 256 << 20;  ///< of entries before the index given to truncate_behind()
  uint64_t recent_bytes = 4 << 20;  ///< of durable entries kept in memory as well
  size_t write_buffer_bytes = 16 << 20;
  size_t read_cache_bytes = 4 << 20;
  bool background_compaction = true;
};

/// One write to the disk: everything staged since the one before.
struct LogWrite {
  storage::WriteBatch batch;
  bool sync = false;
  uint64_t number = 0;                ///< of the last Ready in it; 0 = none
  LogIndex last;                      ///< last index when it was taken
  uint64_t cuts = 0;                  ///< how often the log had been cut shorter by then
  std::optional<LogIndex> drop;       ///< truncation: files wholly before this index can go when it is written
  std::vector<RaftMessage> messages;  ///< to send when it is durable
};

class LogStore final : public LogView {
 public:
  /// Pool thread. kDataLoss when committed entries are missing or the database is damaged; those of
  /// storage::check_format().
  static Result<std::unique_ptr<LogStore>> open(LogStoreOptions options);
  /// Pool thread. Of a log that nobody has open; nullopt: there is none.
  static Result<std::optional<uint32_t>> format(const std::string& path, rocksdb::Env* env);
  ~LogStore() override;

  /// True until bootstrap(): a folder that never held a log.
  bool empty() const { return self_ == kNobody; }
  /// Pool thread, before anything else. Begins a log behind `base` (index 0 for a new cluster) with this configuration.
  Result<> bootstrap(RaftId self, LogIndex base, Term base_term, const ConfState& conf,
                     const std::map<RaftId, ipld::PeerId>& members);

  RaftId self() const { return self_; }
  /// Pool thread, before the log is used. Durable when it returns.
  Result<> count_start(uint64_t random);
  const LogStart& start() const { return start_; }
  const HardState& hard_state() const { return hard_state_; }
  /// The configuration after `applied`, which is base() or behind it.
  ConfState conf_at(LogIndex applied) const;
  /// Every member that ever was, by its number.
  const std::map<RaftId, ipld::PeerId>& members() const { return members_; }

  LogIndex first_index() const override { return LogIndex(base_.value + 1); }
  LogIndex last_index() const override { return last_; }
  std::optional<Term> term(LogIndex index) const override;
  Result<std::vector<EntryPtr>> read(LogIndex low, LogIndex high, uint64_t max_bytes) override;
  /// What the source answers; kUnavailable without one.
  Result<LogSnapshot> snapshot(LogIndex at_least, RaftId to) override;
  void stage(const Ready& ready) override;
  /// Asked by snapshot(), from inside the engine's calls.
  using SnapshotSource = std::function<Result<LogSnapshot>(LogIndex at_least, RaftId to)>;
  void set_snapshot_source(SnapshotSource source) { snapshot_source_ = std::move(source); }
  /// From now on read() answers kOutOfRange before `index`, as if the log had been truncated: what is before goes to
  /// others as a snapshot. At most what is applied, so that the engine misses nothing for itself.
  void set_send_floor(LogIndex index) { send_floor_ = index; }
  LogIndex send_floor() const { return send_floor_; }
  /// The last known index with at least so many bytes of entries behind it; base() when there is none.
  LogIndex index_before_last(uint64_t bytes) const;

  /// Forgets old entries so that about keep_bytes before `flushed` stay. Staged like everything else; true if something
  /// goes.
  bool truncate_behind(LogIndex flushed);
  bool has_staged() const { return staged_.has_value(); }
  /// False when nothing is staged but a commit index, which may wait for the next write.
  bool write_is_urgent() const { return staged_ && (staged_->sync || staged_->drop || !staged_->messages.empty()); }
  /// Everything staged so far. Writes must be made one at a time in the order in which they were taken.
  LogWrite take_write();
  /// Pool thread. After an error the store is poisoned: every later write fails with the same error.
  Result<> write(LogWrite& write);
  /// When it is durable.
  void written(const LogWrite& write);

  /// Pool thread, any time. Durable entries [low, high), at least one, then as many as fit into `max_bytes`.
  Result<std::vector<EntryPtr>> read_durable(LogIndex low, LogIndex high, uint64_t max_bytes) const;
  /// The configuration from `index` on, which save_conf() makes durable.
  void note_conf(LogIndex index, ConfState conf) { confs_[index] = std::move(conf); }
  /// Names members from now on, which save_conf() makes durable.
  void note_members(const std::map<RaftId, ipld::PeerId>& added) { members_.insert(added.begin(), added.end()); }
  /// Pool thread, any time. Durable when it returns.
  Result<> save_conf(LogIndex index, const ConfState& conf, const std::map<RaftId, ipld::PeerId>& added = {});
  /// Pool thread, any time; durable when it returns. The state is about to be replaced by one of this index, which the
  /// log need not have reached.
  Result<> save_state_ahead(LogIndex index);
  /// Up to where the state may be ahead of the log, because it came as a checkpoint.
  LogIndex state_ahead() const { return state_ahead_; }
  /// Where an engine on this log goes on that has a state of the index `applied`: earlier when the state is ahead.
  LogIndex applied_start(LogIndex applied) const;
  /// Names members, durable with what is staged.
  void stage_members(const std::map<RaftId, ipld::PeerId>& members);
  /// Behind which entry the log begins.
  LogIndex base() const { return base_; }
  /// Pool thread, any time. Moves what is in the write-ahead log into files, so that opening is quick.
  Result<> flush();

  uint64_t bytes() const { return total_bytes_; }  ///< of entries ever appended: for measuring distances
  const std::optional<Error>& poisoned() const { return poisoned_; }

 private:
  explicit LogStore(LogStoreOptions options);
  Result<> load();
  Result<> load_meta();
  Result<> check_complete() const;
  LogWrite& staged();
  void append(const EntryPtr& entry);
  void cut_from(LogIndex index);
  void start_from(const LogSnapshot& snapshot);
  void trim_recent();

  LogStoreOptions options_;
  std::unique_ptr<storage::Database> db_;
  storage::Family meta_, entries_;
  RaftId self_ = kNobody;
  LogStart start_;
  std::map<RaftId, ipld::PeerId> members_;
  HardState hard_state_;
  LogIndex base_, last_;                // the log holds (base_, last_]
  std::map<LogIndex, Term> terms_;      // where each term begins; the first one covers base_
  std::map<LogIndex, uint64_t> marks_;  // total_bytes_ after this entry, one every mark_every_bytes_
  const uint64_t mark_every_bytes_;     // at most a MiB
  uint64_t total_bytes_ = 0;
  std::deque<EntryPtr> recent_;  // ends at last_; everything that is not durable, and recent_bytes more
  uint64_t recent_bytes_ = 0;
  LogIndex durable_;   // last index that read_durable() finds
  uint64_t cuts_ = 0;  // of cut_from() and start_from()
  std::map<LogIndex, ConfState> confs_;
  LogIndex state_ahead_;  // as it was when the log was opened
  SnapshotSource snapshot_source_;
  LogIndex send_floor_;
  std::optional<LogWrite> staged_;
  std::optional<Error> poisoned_;
};

}  // namespace ipfsc::consensus
