// The pinset of a peer and all that is derived from the log: a RocksDB database that applies log entries.
//
// The log is the write-ahead log: nothing is synced by apply(). What was applied since the last flush is gone after a
// crash, as a whole, and is applied again from the log (flushed_index() says from where).
//
// Threads: apply() and flush() have one caller at a time (a pool thread: they block); everything else may be called
// from any thread at any time and sees only whole entries. An error of the database poisons the State: everything fails
// with kUnavailable until reopen() succeeds.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/strong.h"
#include "ipld/multiaddr.h"
#include "model/pin.h"
#include "proto/log.pb.h"
#include "state/feed.h"
#include "state/options.h"

namespace ipfsc::state {

/// Numbers are persistent (docs/formats.md).
enum class OutcomeStatus : uint8_t {
  kApplied = 1,
  kUnchanged = 2,    ///< it was so already
  kGuardFailed = 3,  ///< if_revision did not hold; `revision` is what is there now
  kNotFound = 4,
  kDuplicate = 5,  ///< the request id was seen: `first` and the other fields are the first outcome's
  kRefused = 6,    ///< the operation itself is wrong; `detail` says why
};

/// What became of one operation.
struct Outcome {
  OutcomeStatus status = OutcomeStatus::kApplied;
  OutcomeStatus first = OutcomeStatus::kApplied;  ///< kDuplicate: what the first was answered
  LogIndex index;                                 ///< entry that decided it
  Revision revision = 0;                          ///< of the pin or record after the operation; 0 = there is none
  std::optional<model::Pin> before, after;        ///< the effective pin; kDuplicate: only `after`, as it is now
  std::string detail;                             ///< for a person; empty when applied
  bool operator==(const Outcome&) const = default;
};

struct StoredPin {
  model::Pin pin;
  Revision revision = 0;     ///< of its last change
  bool many_claims = false;  ///< others than the default owner claim it, see State::claims()
  bool operator==(const StoredPin&) const = default;
};

/// One owner's wish for a pin; the effective pin is the merge of all.
struct Claim {
  std::string owner;  ///< "" = the REST API
  std::string claim;  ///< "" or the pinning service's request id
  model::Pin pin;     ///< without allocations
  bool operator==(const Claim&) const = default;
};

struct Peer {
  PeerNumber number;
  ipld::PeerId id;
  bool member = false;  ///< false: only named by allocations
  std::string name;
  proto::PeerRole role = proto::PEER_ROLE_AUTO;
  proto::PeerRole configured_role = proto::PEER_ROLE_AUTO;  ///< the peer's own word
  proto::PeerState state = proto::PEER_STATE_UP;
  WallTime since{};  ///< when it came to be a member, or no more, or into `state`: the entry's time; 0 = not known
  std::vector<ipld::Multiaddr> addresses;
  uint64_t pins = 0;  ///< allocated to it by name (those pinned everywhere are in Counters::everywhere)
  bool operator==(const Peer&) const = default;
};

struct Record {
  std::string kind;
  Bytes key;
  Bytes value;
  Revision revision = 0;
  bool operator==(const Record&) const = default;
};

struct Expiring {
  ipld::Cid cid;
  WallTime at;
  bool operator==(const Expiring&) const = default;
};

struct WorkItem {
  ipld::Cid cid;
  proto::Work work;
};

/// One change of a pin, as the history has it.
struct HistoryRecord {
  Change change;
  std::optional<StoredPin> before, after;
};

/// Kept by apply(): reading them costs nothing.
struct Counters {
  uint64_t pins = 0;
  std::array<uint64_t, 5> by_type{};  ///< index = model::PinType
  uint64_t direct = 0;
  uint64_t everywhere = 0;  ///< held by every peer
  uint64_t expiring = 0;
  uint64_t claims = 0;  ///< rows of pins with other claims than the default owner's
  uint64_t work = 0;
  uint64_t requests = 0;
  uint64_t records = 0;
  uint64_t history = 0;  ///< records of the history
  uint64_t removed = 0;  ///< CIDs that are only in the history
  bool operator==(const Counters&) const = default;
};

/// Sum, lane by lane modulo 2^64, of the SHA-256 of each row of pins, claims, work and records (docs/formats.md).
struct StateHash {
  std::array<uint64_t, 4> lanes{};
  std::string to_hex() const;
  bool operator==(const StateHash&) const = default;
};

struct StateInfo {
  Bytes cluster_id;  ///< empty before ClusterInit
  uint64_t incarnation = 0;
  LogIndex applied;
  WallTime time;               ///< of the last entry: time in the log never runs back
  uint32_t apply_version = 0;  ///< the rules of apply() that hold
  StateHash hash;
};

/// What a state is written in, which a program may be too old for.
struct StateVersions {
  uint32_t format = 0;
  uint32_t apply_version = 0;  ///< 0 = not known: the format is a newer one
};

/// Result of a scan, at one moment.
struct HashScan {
  LogIndex applied;
  StateHash rolling;  ///< as apply() kept it
  StateHash scanned;
  bool equal() const { return rolling == scanned; }
};

struct ListQuery {
  enum class Order : uint8_t {
    kCid,     ///< binary CID
    kName,    ///< name, then CID; pins without a name come first
    kNewest,  ///< timestamp, newest first; those without one last
  };
  Order order = Order::kCid;
  std::optional<std::string> name;                            ///< exactly; order is by CID
  std::optional<std::string> name_prefix;                     ///< order is by name
  std::vector<std::pair<std::string, std::string>> metadata;  ///< all of them, exactly
  std::optional<ipld::PeerId> peer;                           ///< held by it: allocated, or everywhere
  std::optional<std::string> owner;                           ///< claimed by it
  uint32_t types = ~0u;                                       ///< set of 1 << PinType
  std::optional<WallTime> at;  ///< as it was at this time (kCid only; the other filters hold for the pin of then)
  std::string cursor;          ///< PinCursor::token() of an earlier listing with the same query
};

/// Pulls a listing. One thread at a time. Memory: one batch. It may outlive views (StateOptions::cursor_lifetime) and
/// reopen(), but not the State. An item that does not change meanwhile appears exactly once.
class PinCursor {
 public:
  virtual ~PinCursor() = default;
  /// Appends up to `max` pins; 0 = the end. Returns early with fewer when a filter passes over many.
  virtual Result<size_t> next(std::vector<StoredPin>& out, size_t max) = 0;
  /// True when next() has reached the end.
  virtual bool done() const = 0;
  /// Opaque text (URL safe) to go on after the last pin that next() gave; "" at the end.
  virtual std::string token() const = 0;
};

/// kUnimplemented when this program does not know these rules of apply(), in one sentence.
/// The apply version from which on a pin has as many copies as all its claims ask for.
inline constexpr uint32_t kFittedCopies = 3;

Result<> check_apply_version(uint32_t version);

class StateImpl;

class State final {
 public:
  /// kDataLoss when the database is damaged; those of storage::check_format(); kUnimplemented when the cluster works by
  /// rules that this program does not know.
  static Result<std::unique_ptr<State>> open(StateOptions options);
  /// What a state directory (a checkpoint, say) holds, without changing it.
  static Result<StateInfo> inspect(const StateOptions& options);
  /// Of a directory that nobody has open; nullopt: nothing is written there yet.
  static Result<std::optional<StateVersions>> versions(const StateOptions& options);
  /// Rewrites a state directory that nobody has open into its smallest form; for tools. About 1 µs a row.
  static Result<> compact(const StateOptions& options);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // --- the log
  /// Applies the entry at applied_index() + 1; a repeat (≤ applied_index()) is passed over with no outcomes, a gap is
  /// kFailedPrecondition. One outcome per operation. Deterministic: depends on the state and the entry only. What this
  /// program does not know, of rules, operations or their fields, is kUnimplemented, and nothing is applied: a newer
  /// program would make something else of it.
  Result<std::vector<Outcome>> apply(LogIndex index, const proto::Entry& entry);
  LogIndex applied_index() const;
  /// Everything up to here is on disk and synced.
  LogIndex flushed_index() const;
  /// Entry bytes applied since the last flush began.
  size_t bytes_since_flush() const;
  /// Returns when all that is applied now is on disk.
  Result<> flush();
  /// Makes a copy in the directory `path` (must not exist; by hard links where it can) and returns what it holds: all
  /// that was applied when the call began, or more. Any thread; costs one flush.
  Result<StateInfo> checkpoint(const std::string& path);
  /// Closes the database and opens it again: the way out after an error. Cursors go on.
  Result<> reopen();
  /// Puts the state directory `from` (complete and synced, on the same file system) in the place of this one, opens it
  /// and removes the old one. No apply() or flush() meanwhile; readers wait, and go on in the new data. A crash at any
  /// moment leaves the old or the new state whole: the next open() finishes it (docs/formats.md has the names). After
  /// an error the old state goes on, or everything fails until reopen() succeeds.
  Result<> install(const std::string& from);

  // --- what it is
  const StateOptions& options() const;
  StateInfo info() const;
  Counters counters() const;
  StateHash state_hash() const;
  /// Reads everything (about 1 µs a row).
  Result<HashScan> scan_hash() const;
  /// Property of RocksDB summed over the families, e.g. "rocksdb.total-sst-files-size".
  uint64_t property(const std::string& name) const;

  // --- pins
  Result<std::optional<StoredPin>> get(const ipld::Cid& cid) const;
  /// kInvalidArgument when the query contradicts itself or the cursor is not one of this query; kOutOfRange when `at`
  /// is before the history.
  Result<std::unique_ptr<PinCursor>> list(ListQuery query) const;
  /// In the order of (owner, claim); the default owner's is first.
  Result<std::vector<Claim>> claims(const ipld::Cid& cid) const;
  /// Those that expire at or before `time`, the earliest first.
  Result<std::vector<Expiring>> expiring_before(WallTime time, size_t max) const;
  /// The earliest expiry of all.
  Result<std::optional<WallTime>> next_expiry() const;
  Result<std::optional<proto::Work>> work(const ipld::Cid& cid) const;
  /// By CID, those after `after` (an empty Cid = from the first).
  Result<std::vector<WorkItem>> work_after(const ipld::Cid& after, size_t max) const;

  // --- history
  /// Changes after `position`, in order; empty = none yet. kOutOfRange when it is of another incarnation or older than
  /// the history.
  Result<std::vector<Change>> changes_after(FeedPosition position, size_t max) const;
  /// The end of what is applied.
  FeedPosition feed_end() const;
  /// In front of the oldest change that the history has.
  FeedPosition feed_begin() const;
  /// Behind what was applied up to `time`; errors as pin_at().
  Result<FeedPosition> position_at(WallTime time) const;
  /// The changes of one pin, newest first, those before `before` (0 = from the newest).
  Result<std::vector<HistoryRecord>> history(const ipld::Cid& cid, Revision before, size_t max) const;
  /// The pin as it was at `time`. kOutOfRange when that is before the history; the message has the oldest time.
  Result<std::optional<StoredPin>> pin_at(const ipld::Cid& cid, WallTime time) const;
  /// The oldest time that pin_at() answers.
  WallTime history_since() const;

  // --- requests, peers and records
  /// What a repetition of the request is answered: kDuplicate, without the pin. nullopt: none is known with this id.
  Result<std::optional<Outcome>> request(ByteView id) const;
  std::vector<Peer> peers() const;
  std::optional<Peer> peer(const ipld::PeerId& id) const;
  Result<std::optional<Record>> record(std::string_view kind, ByteView key) const;
  /// Of one kind, by key, those after `after` ("" = from the first).
  Result<std::vector<Record>> records(std::string_view kind, ByteView after, size_t max) const;

 private:
  explicit State(std::unique_ptr<StateImpl> impl);
  std::unique_ptr<StateImpl> impl_;
};

}  // namespace ipfsc::state
