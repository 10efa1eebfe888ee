// A thin typed layer over RocksDB: families, batches, iterators, checkpoints; every failure is a Result.
//
// Thread safe except where said. Iterators and snapshots must be gone before their Database.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "storage/options.h"
#include "storage/status.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
struct ColumnFamilyDescriptor;
struct DBOptions;
class Iterator;
class Snapshot;
class WriteBatch;
}  // namespace rocksdb

namespace ipfsc::storage {

/// One family of an open Database; a value, valid as long as the Database.
class Family {
 public:
  Family() = default;
  explicit Family(rocksdb::ColumnFamilyHandle* handle) : handle_(handle) {}
  rocksdb::ColumnFamilyHandle* handle() const { return handle_; }

 private:
  rocksdb::ColumnFamilyHandle* handle_ = nullptr;
};

/// Changes that are written as one. One thread at a time.
class WriteBatch {
 public:
  explicit WriteBatch(size_t reserved_bytes = 0);
  ~WriteBatch();
  WriteBatch(WriteBatch&&) noexcept;
  WriteBatch& operator=(WriteBatch&&) noexcept;

  void put(Family family, ByteView key, ByteView value);
  void erase(Family family, ByteView key);
  /// Every key in [begin, end).
  void erase_range(Family family, ByteView begin, ByteView end);
  void clear();
  size_t count() const;
  size_t size_bytes() const;
  rocksdb::WriteBatch& raw() { return *batch_; }

 private:
  std::unique_ptr<rocksdb::WriteBatch> batch_;
};

class Database;

/// The data of one moment, for gets and iterators. Costs disk while old: files stay that compaction would drop.
class Snapshot {
 public:
  Snapshot() = default;
  explicit Snapshot(Database& database);
  ~Snapshot() { reset(); }
  Snapshot(Snapshot&& other) noexcept : database_(other.database_), snapshot_(other.snapshot_) {
    other.snapshot_ = nullptr;
  }
  Snapshot& operator=(Snapshot&& other) noexcept;
  void reset();
  const rocksdb::Snapshot* raw() const { return snapshot_; }

 private:
  Database* database_ = nullptr;
  const rocksdb::Snapshot* snapshot_ = nullptr;
};

struct ReadOptions {
  const Snapshot* snapshot = nullptr;  ///< null = now
  Bytes lower;                         ///< iterators: first key; "" = from the start
  Bytes upper;                         ///< iterators: end of the range (not in it); "" = to the end
  bool fill_cache = true;              ///< false for scans of everything
  size_t readahead_bytes = 0;          ///< for long scans
};

/// Walks a family in key order. One thread at a time. After a loop, status() tells an end from an error.
class Iterator {
 public:
  Iterator();
  Iterator(Database& database, Family family, ReadOptions options);
  ~Iterator();
  Iterator(Iterator&&) noexcept;
  Iterator& operator=(Iterator&&) noexcept;
  explicit operator bool() const { return iterator_ != nullptr; }
  void reset();

  void seek(ByteView key);       ///< to the first key ≥ `key`
  void seek_back(ByteView key);  ///< to the last key ≤ `key`
  void seek_to_first();
  void seek_to_last();
  void next();
  void prev();
  bool valid() const;
  ByteView key() const;    ///< until the next move
  ByteView value() const;  ///< until the next move
  Result<> status() const;

 private:
  struct Bounds;
  std::unique_ptr<Bounds> bounds_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

/// The smallest key that is greater than every key with this prefix; "" when there is none.
Bytes prefix_end(ByteView prefix);

class Database {
 public:
  /// Opens or makes it. Families of the directory that are not named in the options are opened too and left alone.
  static Result<std::unique_ptr<Database>> open(DatabaseOptions options);
  /// Removes the directory's database; fine when there is none.
  static Result<> destroy(const DatabaseOptions& options);
  static bool exists(const std::string& path, rocksdb::Env* env);
  ~Database();

  /// By the name in the options.
  Family family(std::string_view name) const;

  /// False when there is no such key.
  Result<bool> get(Family family, ByteView key, Bytes& value, const Snapshot* snapshot = nullptr) const;
  Result<std::optional<Bytes>> get(Family family, ByteView key) const;
  /// Looks up many keys at once, cheapest when they are sorted; a missing one is nullopt.
  Result<std::vector<std::optional<Bytes>>> get_many(Family family, const std::vector<ByteView>& keys) const;
  /// Whether values are there, without reading blobs.
  Result<bool> contains(Family family, ByteView key) const;

  /// Applies the batch, all or nothing. `sync` (needs the write-ahead log): durable when it returns; concurrent callers
  /// share one fsync.
  Result<> write(WriteBatch& batch, bool sync = false);
  /// Makes everything written so far durable, without the log: all families at once. `wait` false only starts it.
  Result<> flush(bool wait = true);
  /// fsync of the write-ahead log.
  Result<> sync_log();

  /// Rewrites [begin, end) ("" = open) down to the last level; `collect_blobs` also rewrites every blob file of it.
  Result<> compact(Family family, ByteView begin = {}, ByteView end = {}, bool collect_blobs = false);
  /// A complete copy in `path`, which must not exist, by hard links where the file system has them.
  Result<> checkpoint(const std::string& path);
  /// Takes over files of SortedFileWriter (they are moved). Their keys may exist already: the files' rows win.
  Result<> ingest(Family family, const std::vector<std::string>& files);

  /// Number of a RocksDB property, 0 when it has none: of one family, and of all together.
  uint64_t property(Family family, const std::string& name) const;
  uint64_t property(const std::string& name) const;
  /// Bytes in write buffers, those that are being flushed too.
  uint64_t write_buffer_bytes() const;
  /// Bytes in the write buffers that rows still go to: what the next flush would write. Costs nothing.
  uint64_t open_write_buffer_bytes() const;
  /// True while a started flush is not complete.
  bool flush_pending() const;

  const std::string& path() const { return options_.path; }
  rocksdb::DB* raw() const { return db_.get(); }
  bool has_log() const { return options_.write_ahead_log; }

 private:
  explicit Database(DatabaseOptions options);
  Result<> open_now();
  Result<> create(const rocksdb::DBOptions& db_options,
                  const std::vector<rocksdb::ColumnFamilyDescriptor>& descriptors);

  DatabaseOptions options_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;  // owned; destroyed before db_
  std::vector<std::string> names_;                     // of handles_
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace ipfsc::storage
