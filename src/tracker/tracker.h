// PinTracker: makes this peer's IPFS node hold what the pinset wants here, and says truly how far that is.
//
// Work comes from the log's feed. For each change the state is asked what is wanted *now*, so a change may come twice
// or late. What is wanted, what the node holds, attempts, errors and the next try are rows of a table in the database
// `local/`; rows and feed position are written together, and a restart goes on from there. Only pins that this peer
// holds, or has to, have a row: the status of all others follows from the state.
//
// The decisions are pure (core.h, retry.h, concurrency.h); table.h is the database; this class is the shell.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/runtime.h"
#include "ipfs/ipfs_node.h"
#include "model/status.h"
#include "state/feed.h"
#include "state/state.h"
#include "tracker/options.h"

namespace ipfsc::tracker {

/// Number of pins by status on this peer. Index: model::status_bit().
struct StatusCounts {
  std::array<uint64_t, model::kStatusBits> by_bit{};
  uint64_t of(model::TrackerStatus status) const { return by_bit[model::status_bit(status)]; }
  uint64_t& of(model::TrackerStatus status) { return by_bit[model::status_bit(status)]; }
  uint64_t in(model::StatusSet set) const;
  bool operator==(const StatusCounts&) const = default;
};

/// How the tracker gets on with its IPFS node.
struct Activity {
  unsigned limit = 0;    ///< attempts that may run at once now
  unsigned running = 0;  ///< attempts that run
  unsigned slow = 0;     ///< of these, the ones that wait for the network and don't count
  size_t ready = 0;      ///< waiting in memory for a place
  std::string paused;    ///< why no new attempt begins; empty = they do
  std::optional<WallTime> paused_until;
  state::FeedPosition position;  ///< of the feed, written
  uint64_t pin_adds = 0;         ///< pin requests to the IPFS node since the start
  uint64_t pin_add_errors = 0;   ///< of these, the ones that failed; a cancelled one did not
};

/// A time in which this peer held a CID.
struct Holding {
  WallTime from;
  std::optional<WallTime> to;  ///< none = it still does
  enum Ended : uint8_t { kHeld = 0, kUnpinned = 1, kLost = 2 } ended = kHeld;
  bool operator==(const Holding&) const = default;
};

/// What this peer held at a time.
struct PastHoldings {
  WallTime since{};  ///< the journal begins here: what is not found for an earlier time is not known
  std::vector<std::optional<Holding>> then;  ///< of each CID the holding of that time; none = it was not held
};

/// A difference between the node's own list and the table.
struct SyncFinding {
  enum Kind : uint8_t {
    kLost,    ///< should be pinned but is not: it is tried again
    kGained,  ///< is pinned though the table did not know: the table is corrected
    kOrphan,  ///< pinned by the node, not wanted here by the cluster
  };
  Kind kind = kLost;
  ipld::Cid cid;
  model::PinInfo info;   ///< status afterwards
  bool removed = false;  ///< kOrphan: it is being unpinned
};

struct SyncReport {
  uint64_t node_pins = 0;  ///< recursive and direct
  uint64_t rows = 0;
  uint64_t lost = 0;
  uint64_t gained = 0;
  uint64_t orphans = 0;
  uint64_t orphans_removed = 0;
};

struct StatusQuery {
  model::StatusSet filter;
  std::string cursor;  ///< StatusCursor::token() of an earlier listing with the same filter; "" = from the first
};

/// Pulls a listing in the order of Cid's operator<=>. One call at a time; must not outlive the tracker. Memory: one
/// batch.
class StatusCursor {
 public:
  virtual ~StatusCursor() = default;
  /// Appends up to `max` items; 0 = the end. May return fewer than `max` before the end when a filter passes over many.
  virtual Task<size_t> next(std::vector<model::PinInfo>& out, size_t max) = 0;
  virtual bool done() const = 0;
  /// Opaque text (URL safe) to go on after the last item that next() gave; "" at the end.
  virtual std::string token() const = 0;
};

/// Opens the feed after a position. The streams must not outlive what they read from.
using FeedFactory = std::function<std::unique_ptr<state::ChangeStream>(state::FeedPosition from)>;

/// I/O thread only. stop() must be awaited before it is destroyed.
class PinTracker {
 public:
  /// Opens the table (blocks) and starts work on the runtime's executor. The references must outlive the tracker.
  /// kDataLoss when the table is damaged: it may be deleted, it is then made again from the state.
  static Result<std::unique_ptr<PinTracker>> open(Runtime& runtime, state::State& state, ipfs::IpfsNode& node,
                                                  FeedFactory feed, TrackerOptions options);
  virtual ~PinTracker() = default;
  /// Cancels what runs, waits for it and closes the table. Queued work goes on at the next start.
  virtual Task<> stop() = 0;

  /// Never kNotFound: what is not in the pinset and not being removed is `unpinned`.
  virtual Task<model::PinInfo> status(ipld::Cid cid) = 0;
  /// In the order of `cids`.
  virtual Task<std::vector<model::PinInfo>> status_of(std::vector<ipld::Cid> cids) = 0;
  /// What the pinset has and what is being removed. A filter of errors, queued or running items reads only those; one
  /// with pinned, remote or sharded merges the state's listing with the table. kInvalidArgument for a bad cursor.
  virtual Result<std::unique_ptr<StatusCursor>> list(StatusQuery query) = 0;
  /// Kept, not counted: O(1).
  virtual StatusCounts counts() const = 0;
  virtual Activity activity() const = 0;
  /// The age of the oldest operation that is queued or under way, by the wall clock; 0 = there is none. What has failed
  /// does not count until it is tried again. Of more than `max_ready` that wait, those in memory are looked at: it may
  /// be too little then, never too much. O(max_ready).
  virtual Duration oldest_pending() const = 0;

  /// Tries again now what is in error or lost (failed unpins too); asks the node first whether a pinned item still is.
  /// Returns the status afterwards.
  virtual Task<model::PinInfo> recover(ipld::Cid cid) = 0;
  /// The same for all in error or unexpectedly_unpinned. Each next() re-queues what it returns, and nothing else.
  virtual std::unique_ptr<StatusCursor> recover_all() = 0;

  /// Asks the node about one CID and corrects the table. Returns the status afterwards.
  virtual Task<model::PinInfo> sync(ipld::Cid cid) = 0;
  /// Compares the node's whole list with the table, in bounded memory. `on_finding` is awaited for each difference and
  /// may be empty. A second one while one runs is kFailedPrecondition.
  virtual Task<SyncReport> sync_all(std::function<Task<>(SyncFinding)> on_finding) = 0;

  /// When this peer held the CID, newest first.
  virtual Task<std::vector<Holding>> journal(ipld::Cid cid, size_t max) = 0;
  /// In the order of `cids`; times have whole milliseconds.
  virtual Task<PastHoldings> held_at(std::vector<ipld::Cid> cids, WallTime time) = 0;

  /// Returns when all changes up to `index` are in the table, so that listings show them; kDeadlineExceeded.
  virtual Task<> wait_for(LogIndex index, SteadyTime deadline) = 0;

  /// What statuses say about the node; call it when the node's id or addresses become known.
  virtual void set_ipfs_identity(std::string ipfs_peer_id, std::vector<ipld::Multiaddr> addresses) = 0;
  virtual std::shared_ptr<const model::PeerFacts> facts() const = 0;
};

/// Blocks. The format of a table that nobody has open; nullopt: there is none.
Result<std::optional<uint32_t>> table_format(const TrackerOptions& options);

}  // namespace ipfsc::tracker
