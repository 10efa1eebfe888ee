#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace rocksdb {
class Cache;
class Env;
class WriteBufferManager;
}  // namespace rocksdb

namespace ipfsc::storage {

enum class Compression : uint8_t { kNone, kLz4, kZstd };

/// Memory shared by databases: blocks that were read, indexes and filters, and (charged to the same bound) write
/// buffers.
struct Memory {
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
};
/// `bytes` bounds everything together; `write_buffer_bytes` of it may be write buffers (then RocksDB flushes by
/// itself).
Memory make_memory(size_t bytes, size_t write_buffer_bytes);

/// How one family (RocksDB's column family) stores its rows.
struct FamilyOptions {
  std::string name;
  Compression compression = Compression::kLz4;          ///< of the upper levels
  Compression bottom_compression = Compression::kZstd;  ///< of the last level, where most of the data is
  int bloom_bits_per_key = 10;                          ///< 0 = none: for families that are only scanned
  bool memtable_bloom = false;  ///< get() of keys that are not in the write buffer gets cheaper, at 2 % more memory
  /// Rows in the write buffer are sorted when it is read or flushed instead of when they come: much cheaper put() for
  /// families that are seldom read. An iterator then costs about 1 µs a row in the write buffer; get() is not for it.
  bool sort_late = false;
  size_t write_buffer_bytes = 64 << 20;  ///< one write buffer; a full one is flushed
  size_t block_bytes = 8 << 10;          ///< read unit on disk
  size_t file_bytes = 32 << 20;          ///< of a compacted file
  int level0_files = 4;                  ///< that start a compaction
  /// Values of min_blob_bytes and more go to blob files, which compaction doesn't copy.
  bool blobs = false;
  size_t min_blob_bytes = 1024;
  size_t blob_file_bytes = 256 << 20;
  Compression blob_compression = Compression::kNone;
  bool blob_garbage_collection = true;  ///< during compactions, of the oldest blob_gc_age_cutoff of the files
  double blob_gc_age_cutoff = 0.25;
};

struct DatabaseOptions {
  std::string path;
  rocksdb::Env* env = nullptr;  ///< null = the machine's; must outlive the database
  std::vector<FamilyOptions> families;
  Memory memory;  ///< empty = 32 MiB of its own
  bool create_if_missing = true;
  bool read_only = false;
  /// False: every write skips RocksDB's log; data lasts from a flush() on, and flushes are of all families at once.
  bool write_ahead_log = true;
  bool background_compaction = true;
  int background_jobs = 2;            ///< threads of flush and compaction
  int max_open_files = 512;           ///< file handles kept open
  size_t sync_every_bytes = 1 << 20;  ///< background writes are pushed to the disk in such steps; 0 = in one
  /// Called on a thread of RocksDB when a flush is complete on disk. Must not call the database.
  std::function<void()> on_flushed;
  /// Called on a thread of RocksDB when a background error has made the database read-only.
  std::function<void(Error)> on_background_error;
};

}  // namespace ipfsc::storage
