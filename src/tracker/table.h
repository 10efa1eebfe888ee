// The tracker's table in RocksDB: rows, their indexes by status and by next try, the journal, counters and the feed
// position, changed in batches that are all or nothing.
//
// Durability: a batch that makes a row for a new pin, or ends that a row is settled, is synced before its attempt can
// begin; nothing else needs it. What a crash takes back is a suffix of the batches: rows and feed position go back
// together, and the lost changes come again (an attempt is repeated, which finds its work done). A pin of the node thus
// always has a row, and a settled row its pin: the state may want again what was unpinned before the crash, and then
// nothing would come to pin it.
//
// Threads: apply() and reopen() have one caller at a time; everything may be called from any thread. All of it blocks.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <variant>

#include "state/state.h"
#include "storage/database.h"
#include "tracker/core.h"
#include "tracker/options.h"

namespace ipfsc::tracker {

/// The state may want something else than before for this CID: it is asked.
struct Changed {
  bool renewed = false;
};

struct Mutation {
  ipld::Cid cid;
  std::variant<Changed, Attempted, Recover, Observed> event;
  /// Observed: the row that the question to the node was about. When the row is another one now, the answer is too old
  /// and nothing happens.
  std::optional<Row> expected = std::nullopt;
};

/// What an attempt needs to know.
struct Job {
  ipld::Cid cid;
  Want target = Want::kNothing;
  bool first = false;                                                    ///< the first attempt of a recent pin
  bool retry = false;                                                    ///< failed before
  model::TrackerStatus table_status = model::TrackerStatus::kUndefined;  ///< what the row is counted as meanwhile
  uint32_t attempts = 0;
  std::optional<WallTime> queued_since;  ///< none: a try again of what has failed or was lost
  std::string name;
  std::optional<ipld::Cid> update_from;
  std::vector<ipld::Multiaddr> origins;
};

/// What became of the mutations of one CID.
struct Outcome {
  ipld::Cid cid;
  Want want = Want::kNothing;
  Next next = Next::kNothing;
  WallTime next_try{};                                             ///< kWait
  model::TrackerStatus status = model::TrackerStatus::kUndefined;  ///< of the row; kUndefined = no row
  std::optional<Job> job;                                          ///< kStart
  Finding finding = Finding::kNone;
  bool orphan_removed = false;
};

struct RowAt {
  ipld::Cid cid;
  Row row;
};

class Table {
 public:
  /// `now`: the journal of a table that is made begins here.
  static Result<std::unique_ptr<Table>> open(const TrackerOptions& options, const state::State& state, WallTime now);

  struct Applied {
    std::vector<Outcome> outcomes;   ///< one for each CID
    std::vector<size_t> outcome_of;  ///< its place, by mutation
  };
  /// Applies the mutations in order and stores `position`, when there is one, with them. On an error nothing has
  /// changed; reopen() may help.
  Result<Applied> apply(const std::vector<Mutation>& mutations, const std::optional<state::FeedPosition>& position,
                        const Moment& moment);
  /// Closes the database and opens it again.
  Result<> reopen();
  /// Everything fails with kUnavailable from then on. Waits for calls that run.
  void close();

  Result<std::optional<Row>> get(const ipld::Cid& cid) const;
  Result<std::vector<std::optional<Row>>> get_many(const std::vector<ipld::Cid>& cids) const;
  /// Rows in the order of CIDs, those after `after` (empty = from the first).
  Result<std::vector<RowAt>> rows_after(const ipld::Cid& after, size_t max) const;
  /// CIDs whose row_status() is in `set`, in order, those after `after`. `set` has no kPinned: it is not indexed.
  Result<std::vector<ipld::Cid>> indexed_after(model::StatusSet set, const ipld::Cid& after, size_t max) const;

  struct Queued {
    std::vector<Job> jobs;
    ipld::Cid cursor;  ///< for the next call; empty = that was all
  };
  /// Jobs for queued rows, by CID, those after `after`.
  Result<Queued> queued_jobs(const ipld::Cid& after, size_t max) const;

  struct Due {
    std::vector<Job> jobs;
    Bytes cursor;                  ///< for the next call
    bool more = false;             ///< there are more that are due now
    std::optional<WallTime> next;  ///< earliest try that is not due yet
  };
  /// Jobs for rows whose next try is due, those after `cursor`; a try further away than `horizon` is the work of a
  /// clock that was wrong, and due as well.
  Result<Due> due_jobs(const Bytes& cursor, WallTime now, WallTime horizon, size_t max) const;

  StatusCounts counts() const;
  /// None: the table is new.
  std::optional<state::FeedPosition> position() const;

  Result<std::vector<Holding>> journal(const ipld::Cid& cid, size_t max) const;
  /// The holding of each CID at `time`, in the order of `cids`. About 5 µs each.
  Result<std::vector<std::optional<Holding>>> held_at(const std::vector<ipld::Cid>& cids, WallTime time) const;
  /// When this table was made; 1970 when an older program made it.
  WallTime journal_since() const { return journal_since_; }
  /// Drops up to `max` holdings that ended before; returns how many.
  Result<size_t> trim_journal(WallTime before, size_t max);

  const state::State& state() const { return state_; }
  const ipld::PeerId& self() const { return options_.self; }
  /// What the state wants here.
  Result<Wish> wish(const ipld::Cid& cid) const;

 private:
  struct Work;
  Table(const TrackerOptions& options, const state::State& state) : options_(options), state_(state) {}
  Result<> open_database(std::optional<WallTime> begin);
  Result<Work> load(const std::vector<Mutation>& mutations) const;
  Result<> apply_one(const Mutation& mutation, Work& work, size_t slot, const Moment& moment) const;
  Result<Step> take_step(const Mutation& mutation, Work& work, size_t slot, const Moment& moment) const;
  void stage(const Work& work, size_t slot, storage::WriteBatch& batch, StatusCounts& counts) const;
  Result<Outcome> outcome_of(Work& work, size_t slot) const;
  Result<Job> make_job(const ipld::Cid& cid, const Row& row, const state::StoredPin* pin) const;
  Result<std::optional<Job>> load_job(const ipld::Cid& cid) const;

  const TrackerOptions options_;
  const state::State& state_;
  mutable std::shared_mutex open_;  // exclusive: reopen()
  std::unique_ptr<storage::Database> database_;
  storage::Family rows_, by_status_, due_, journal_, meta_;
  std::atomic<WallTime> journal_since_{};
  mutable std::mutex mutex_;  // the two below
  StatusCounts counts_;
  std::optional<state::FeedPosition> position_;
};

}  // namespace ipfsc::tracker
