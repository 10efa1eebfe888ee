// BlockStore: blocks and pin records in one RocksDB.
//
// Families: `index` (multihash → Entry), `blobs` (multihash → bytes, BlobDB), `pins` (CID → PinRecord), `default`
// (settings). A block's two rows are always written and removed together. The index exists because RocksDB 7.8 reads a
// blob whenever its key is looked at; existence checks and sweeps must not.
//
// RocksDB is used directly: durability is chosen for each write (logged or not) and blob files are collected in slices,
// which storage/database.h doesn't offer. After a write error (disk full) it is closed and opened again in place, which
// begins a new *run*: what was unlogged and not flushed is gone then. (DB::Resume() is not used: after it, RocksDB 7.8
// answers Flush() before the data is on disk.)
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "ipfs/embedded/stripe_locks.h"
#include "ipfs/ipfs_node.h"
#include "ipfs/options.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class Iterator;
class WriteBatch;
}  // namespace rocksdb

namespace ipfsc::ipfs {

/// What the index knows of a block.
struct Entry {
  uint64_t size_bytes = 0;
  /// The store's epoch when the block was written or last needed by a writer.
  uint64_t epoch = 0;
  /// 0 = the write was logged. Else the flush generation whose completion makes it durable.
  uint64_t generation = 0;
  /// The bytes are a dag-pb node with data only: a walk needs not read it.
  bool plain_leaf = false;

  Bytes encode() const;
  static Result<Entry> decode(ByteView bytes);
  bool operator==(const Entry&) const = default;
};

struct PinRecord {
  PinKind kind = PinKind::kRecursive;
  int64_t time_seconds = 0;  ///< when it was pinned, since 1970
  std::string name;

  Bytes encode() const;
  static Result<PinRecord> decode(ByteView bytes);
  bool operator==(const PinRecord&) const = default;
};

/// A change of the pin table.
struct PinChange {
  ipld::Cid cid;
  std::optional<PinRecord> record;  ///< nullopt = unpin
  uint64_t run = 0;                 ///< the blocks were found in this run of the store; 0 = in any
};

/// Whether the bytes, read as dag-pb, are one Data field and nothing else.
bool is_plain_leaf(ByteView block);

/// Of a store that nobody has open; nullopt: there is none.
Result<std::optional<uint32_t>> block_store_format(const EmbeddedOptions& options);

/// Thread safe, except where said.
class BlockStore {
 public:
  static Result<std::unique_ptr<BlockStore>> open(const EmbeddedOptions& options);
  ~BlockStore();

  // --- Blocks. Identity CIDs carry their bytes and are never stored.

  /// kNotFound when absent, kDataLoss when RocksDB finds its bytes damaged.
  Result<Bytes> get(ByteView multihash) const;
  Result<std::optional<Entry>> entry(ByteView multihash) const;
  /// entry() of a block that a pin is going to rely on: while a collection runs, the block is kept from it.
  Result<std::optional<Entry>> look(ByteView multihash);

  enum class Durability {
    kSynced,    ///< logged, durable when write() returns
    kLogged,    ///< durable with the next synced write
    kUnlogged,  ///< durable with the next flush()
  };
  struct WriteCount {
    uint64_t blocks = 0, bytes = 0;  ///< written; those that were there already are not counted
  };
  /// Writes what is not there yet, and the pin changes, as one. `begin_epoch` is the epoch in which the writer began: a
  /// block that is there but older gets a new epoch. An unpin of what is not pinned is fine; a direct pin doesn't
  /// replace a recursive one. kUnavailable when a pin's run is over.
  Result<WriteCount> write(std::span<const ipld::Block* const> blocks, std::span<const PinChange* const> pins,
                           uint64_t begin_epoch, Durability durability);

  // --- Durability of unlogged writes
  /// Grows when the store is opened. Unlogged writes of a run are durable only if flush() succeeded in it.
  uint64_t run() const { return run_.load(); }
  uint64_t flushed_generation() const { return flushed_generation_.load(); }
  /// Makes durable all that was written before the call. One at a time (GroupFlush sees to it).
  Result<> flush();
  /// Written since the last flush began, logged or not. Only flush() empties the write buffers: the caller bounds them.
  uint64_t unflushed_bytes() const { return unflushed_bytes_.load(); }

  // --- Pins
  Result<std::optional<PinRecord>> pin(const ipld::Cid& cid) const;
  /// At most `max` pins with a CID greater than `after` ("" = from the start), in order.
  Result<std::vector<PinnedItem>> pins_after(ByteView after, size_t max) const;

  // --- Collection (one at a time; the caller sees to it)

  /// Begins a new epoch, greater than that of every block so far, and returns it: each writer and collection has its
  /// own.
  uint64_t next_epoch() { return ++epoch_; }
  /// Begins an epoch and makes look() keep blocks, until end_collection(). Returns the epoch.
  uint64_t begin_collection();
  void end_collection() { collecting_ = false; }

  struct IndexRow {
    Bytes multihash;
    Entry entry;
  };
  /// At most `max` rows behind `after`.
  Result<std::vector<IndexRow>> index_after(ByteView after, size_t max) const;
  /// Removes those of the blocks whose epoch is still below `epoch`; true = removed. kUnavailable when the run is over:
  /// what look() did in it is forgotten.
  Result<std::vector<bool>> erase_older(std::span<const IndexRow> rows, uint64_t epoch, uint64_t run);

  /// Drops removed rows from the key files, which tells how much of each blob file is garbage. Takes as long as
  /// rewriting all keys.
  Result<> compact_keys();
  struct BlobGarbage {
    uint64_t files = 0, bytes = 0, garbage_bytes = 0;
  };
  BlobGarbage blob_garbage() const;
  /// Rewrites the live blobs of the oldest files, about `budget_bytes` of them but at least one file, and with that
  /// frees these files. False, with nothing done, when what is left has too little garbage to be worth it. `last_file`
  /// is kept from call to call: start with 0.
  Result<bool> collect_blobs_slice(uint64_t budget_bytes, uint64_t& last_file);
  /// Ends running and refuses later compactions by hand: for stop().
  void cancel_compactions() { cancel_compactions_ = true; }

  // --- Disk
  uint64_t approximate_blocks() const;
  /// Bytes of all files in the directory.
  Result<uint64_t> disk_bytes() const;
  /// Free for this process on the directory's file system.
  Result<uint64_t> disk_free_bytes() const;
  /// The error that made the store read-only (disk full, I/O error), until reopen() succeeds.
  std::optional<Error> background_error() const;
  /// Closes and opens the database, to go on after a background error. Waits for calls that run and holds up new ones.
  /// When it fails, calls fail until it succeeds.
  Result<> reopen();

  // --- Settings
  Result<std::optional<Bytes>> setting(std::string_view key) const;
  Result<> set_setting(std::string_view key, ByteView value);

 private:
  class Listener;
  using Family = rocksdb::ColumnFamilyHandle*;

  BlockStore();
  /// Shared hold on the open database, for the length of a call; never taken twice by one thread.
  class Use;
  Result<> open_now();
  void close_now();
  Result<> check_format(bool fresh);
  Result<> begin_run();
  Result<std::optional<Entry>> entry_now(ByteView multihash) const;
  Result<std::optional<PinRecord>> pin_now(const ipld::Cid& cid) const;
  Result<std::optional<Bytes>> setting_now(std::string_view key) const;
  Result<> set_setting_now(std::string_view key, ByteView value);
  Result<WriteCount> write_batch(std::span<const ipld::Block* const> blocks, std::span<const PinChange* const> pins,
                                 uint64_t begin_epoch, Durability durability);
  Result<> add_blocks(rocksdb::WriteBatch& batch, std::span<const ipld::Block* const> blocks, uint64_t begin_epoch,
                      uint64_t generation, WriteCount& count);
  Result<> add_pins(rocksdb::WriteBatch& batch, std::span<const PinChange* const> pins);

  EmbeddedOptions options_;
  rocksdb::Env* env_ = nullptr;
  std::shared_ptr<Listener> listener_;
  mutable std::mutex turnstile_;     // lets reopen() pass before new calls
  mutable std::shared_mutex users_;  // shared: calls; exclusive: reopen()
  std::unique_ptr<rocksdb::DB> db_;  // null when reopen() failed
  std::vector<Family> handles_;      // destroyed before db_
  Family settings_ = nullptr, index_ = nullptr, blobs_ = nullptr, pins_ = nullptr;

  StripeLocks stripes_;  // taken after a Use
  std::atomic<uint64_t> run_{0};
  std::atomic<uint64_t> epoch_{0};
  std::atomic<uint64_t> collection_epoch_{0};
  std::atomic<bool> collecting_{false};
  std::atomic<bool> cancel_compactions_{false};
  std::atomic<uint64_t> generation_{1};          // of unlogged writes now
  std::atomic<uint64_t> flushed_generation_{0};  // complete on disk
  std::atomic<uint64_t> unflushed_bytes_{0};
};

}  // namespace ipfsc::ipfs
