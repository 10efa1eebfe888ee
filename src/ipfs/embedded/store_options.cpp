#include "ipfs/embedded/store_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include "storage/rocks_log.h"

namespace ipfsc::ipfs {
namespace {

/// RocksDB 7.8 must not flush by itself. With atomic flushes it leaks references to families when a full write buffer
/// cannot be replaced on a full disk (DBImpl::ScheduleFlushes), and asserts when a flush fails whose family another one
/// has written already (MemTableList::RollbackMemtableFlush): GroupFlush makes one flush at a time, when it is due.
constexpr uint64_t kNeverFull = 1ull << 30;

rocksdb::ColumnFamilyOptions key_family(const std::shared_ptr<rocksdb::Cache>& cache, bool bloom) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.block_size = 8 << 10;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.optimize_filters_for_memory = true;
  if (bloom) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.partition_filters = true;
  }
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.compression = rocksdb::kNoCompression;  // keys and digests don't compress
  family.level_compaction_dynamic_level_bytes = true;
  family.write_buffer_size = kNeverFull;
  family.arena_block_size = 256 << 10;
  family.max_write_buffer_number = 3;
  family.level0_file_num_compaction_trigger = 6;
  family.level0_slowdown_writes_trigger = 40;
  family.level0_stop_writes_trigger = 60;
  family.target_file_size_base = 32 << 20;
  return family;
}

}  // namespace

rocksdb::DBOptions store_db_options(const EmbeddedOptions& options) {
  rocksdb::DBOptions db;
  if (options.env != nullptr) db.env = options.env;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  // An index row without its blob would be a lie: after unlogged writes all families reach the disk together.
  db.atomic_flush = true;
  db.max_background_jobs = 3;
  db.max_open_files = 512;
  db.max_total_wal_size = kNeverFull;
  db.allow_fallocate = false;  // it would take room for a whole write buffer
  // Flushing runs beside ingestion all the time: push its bytes out in steps, so that the last flush has little to wait
  // for.
  db.bytes_per_sync = 2 << 20;
  db.wal_bytes_per_sync = 1 << 20;
  db.avoid_flush_during_shutdown = true;  // what is not logged belongs to an unfinished add
  db.max_bgerror_resume_count = 0;        // after an error the store is reopened
  db.skip_stats_update_on_db_open = true;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.info_log = storage::rocks_log();
  db.info_log_level = rocksdb::WARN_LEVEL;
  db.max_manifest_file_size = 16 << 20;
  return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor> store_families(const EmbeddedOptions& options) {
  rocksdb::LRUCacheOptions cache_options;
  cache_options.capacity = options.cache_bytes;
  cache_options.high_pri_pool_ratio = 0.5;
  auto cache = rocksdb::NewLRUCache(cache_options);
  auto index = key_family(cache, /*bloom=*/true);
  auto blobs = key_family(cache, /*bloom=*/false);
  blobs.arena_block_size = 1 << 20;
  blobs.enable_blob_files = true;
  blobs.min_blob_size = options.min_blob_bytes;
  blobs.blob_file_size = options.blob_file_bytes;
  blobs.blob_compression_type = rocksdb::kNoCompression;  // content is mostly compressed already
  blobs.enable_blob_garbage_collection = false;           // the collector does it, in slices that fit the free space
  return {{rocksdb::kDefaultColumnFamilyName, key_family(cache, false)},
          {"index", index},
          {"blobs", blobs},
          {"pins", key_family(cache, true)}};
}

}  // namespace ipfsc::ipfs
