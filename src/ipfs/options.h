#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace rocksdb {
class Env;
}

namespace ipfsc::ipfs {

struct EmbeddedOptions {
  std::string path;             ///< directory of the database; made when missing
  rocksdb::Env* env = nullptr;  ///< null = the machine's; must outlive the node
  std::string agent_version;    ///< of id()

  // --- Disk
  /// What the node may use on disk; 0 = 90 % of what it uses and what is free at that moment. Not a hard bound: it is
  /// reported, and passing the high-water mark starts a collection.
  uint64_t storage_max_bytes = 0;
  double gc_high_water = 0.9;                           ///< of storage_max; 0 = collections only by command
  Duration gc_min_interval = std::chrono::minutes(10);  ///< between collections that start by themselves
  /// Free disk space below which adds and pins are refused, so that unpin and gc can still work; accepted again at
  /// twice that.
  uint64_t reserve_bytes = 256ull << 20;
  Duration space_check_interval = std::chrono::seconds(5);

  // --- Memory
  size_t cache_bytes = 32ull << 20;  ///< RocksDB's cache of index and filter blocks (not of block data)
  /// Written since the last flush when the next begins, logged or not; twice that, and what is on the way, in memory.
  size_t write_buffer_bytes = 32ull << 20;
  size_t small_add_bytes = 4ull << 20;          ///< an add up to this size is kept in memory and logged, not flushed
  size_t small_adds_total_bytes = 32ull << 20;  ///< of all such adds together; beyond it they are written at once
  size_t put_bytes_in_flight = 8ull << 20;      ///< of one writer
  size_t gc_memory_bytes =
      512ull << 20;  ///< of the marks; a pinset that needs more is not collected (an error says so)

  // --- Blocks
  size_t max_block_bytes = 4ull << 20;  ///< larger blocks are refused, written or fetched
  size_t min_blob_bytes = 512;          ///< smaller blocks lie in the key files, where compaction copies them
  uint64_t blob_file_bytes = 256ull << 20;
  bool verify_on_read = false;  ///< hash every block that get_block() returns

  // --- Fetching
  size_t fetch_parallel = 16;                         ///< blocks on the way, for one pin
  Duration fetch_timeout = std::chrono::seconds(60);  ///< for one block from one source

  // --- Work at a time
  size_t walk_blocks_at_once = 4096;  ///< that one job of a pin or a collection looks at
  size_t sweep_rows_at_once = 2048;   ///< that one job of a collection looks at, and removes under its locks
  size_t commit_batch = 1024;         ///< pins and small adds that share one synced write
};

struct GatewayOptions {
  /// Base URLs of trustless gateways: "https://example.net". Asked in this order, after the pin's own origins.
  std::vector<std::string> urls;
  size_t max_origins = 10;  ///< of one pin
  Duration connect_timeout = std::chrono::seconds(10);
  Duration idle_timeout = std::chrono::seconds(30);
};

}  // namespace ipfsc::ipfs
