#include "storage/rocks_options.h"

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/table.h>

#include "storage/rocks_log.h"
#include "storage/status.h"

namespace ipfsc::storage {
namespace {

/// What this build of RocksDB can do; a missing method falls back to none.
rocksdb::CompressionType to_rocks(Compression compression) {
  static const auto supported = rocksdb::GetSupportedCompressions();
  rocksdb::CompressionType type = rocksdb::kNoCompression;
  if (compression == Compression::kLz4) type = rocksdb::kLZ4Compression;
  if (compression == Compression::kZstd) type = rocksdb::kZSTD;
  return std::find(supported.begin(), supported.end(), type) != supported.end() ? type : rocksdb::kNoCompression;
}

class Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(const DatabaseOptions& options)
      : path_(options.path), on_flushed_(options.on_flushed), on_error_(options.on_background_error) {}

  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    if (on_flushed_) on_flushed_();
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    if (on_error_) on_error_(to_error(*status, path_));
  }

 private:
  std::string path_;
  std::function<void()> on_flushed_;
  std::function<void(Error)> on_error_;
};

rocksdb::BlockBasedTableOptions table_options(const DatabaseOptions& options, const FamilyOptions& family) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.block_size = family.block_bytes;
  table.block_cache = options.memory.cache;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = family.bloom_bits_per_key > 0;
  table.metadata_block_size = 4096;
  table.optimize_filters_for_memory = true;
  if (family.bloom_bits_per_key > 0) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(family.bloom_bits_per_key));
  }
  return table;
}

}  // namespace

rocksdb::DBOptions to_rocks(const DatabaseOptions& options) {
  rocksdb::DBOptions db;
  db.env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  db.create_if_missing = options.create_if_missing;
  db.create_missing_column_families = true;
  db.atomic_flush = !options.write_ahead_log;
  db.write_buffer_manager = options.memory.write_buffers;
  for (const auto& family : options.families) {
    if (family.sort_late) db.allow_concurrent_memtable_write = false;  // such write buffers have no place for it
  }
  db.max_background_jobs = options.background_jobs;
  db.max_open_files = options.max_open_files;
  db.max_file_opening_threads = 1;  // RocksDB starts and joins this many for each family, whatever there is to open
  db.bytes_per_sync = options.sync_every_bytes;
  db.wal_bytes_per_sync = options.sync_every_bytes;
  db.avoid_flush_during_shutdown = true;  // owners flush when they want it; a destructor must not take seconds
  db.max_bgerror_resume_count = 0;        // after an error owners reopen
  db.skip_stats_update_on_db_open = true;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.info_log = rocks_log();
  db.info_log_level = rocksdb::WARN_LEVEL;
  db.recycle_log_file_num = 0;
  db.max_manifest_file_size = 16 << 20;
  if (options.on_flushed || options.on_background_error) {
    db.listeners.push_back(std::make_shared<Listener>(options));
  }
  return db;
}

rocksdb::ColumnFamilyOptions to_rocks(const DatabaseOptions& options, const FamilyOptions& family) {
  rocksdb::ColumnFamilyOptions out;
  out.compression = to_rocks(family.compression);
  out.bottommost_compression = to_rocks(family.bottom_compression);
  out.write_buffer_size = family.write_buffer_bytes;
  out.arena_block_size = 256 << 10;
  out.max_write_buffer_number = 4;
  out.level0_file_num_compaction_trigger = family.level0_files;
  out.level0_slowdown_writes_trigger = family.level0_files * 6;
  out.level0_stop_writes_trigger = family.level0_files * 10;
  out.target_file_size_base = family.file_bytes;
  out.max_bytes_for_level_base = uint64_t{family.file_bytes} * 8;
  out.level_compaction_dynamic_level_bytes = true;
  out.disable_auto_compactions = !options.background_compaction;
  if (family.memtable_bloom) {
    out.memtable_prefix_bloom_size_ratio = 0.02;
    out.memtable_whole_key_filtering = true;
  }
  if (family.sort_late) out.memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();
  if (family.blobs) {
    out.enable_blob_files = true;
    out.min_blob_size = family.min_blob_bytes;
    out.blob_file_size = family.blob_file_bytes;
    out.blob_compression_type = to_rocks(family.blob_compression);
    out.enable_blob_garbage_collection = family.blob_garbage_collection;
    out.blob_garbage_collection_age_cutoff = family.blob_gc_age_cutoff;
  }
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(options, family)));
  return out;
}

}  // namespace ipfsc::storage
