#include "storage/options.h"

#include <rocksdb/cache.h>
#include <rocksdb/write_buffer_manager.h>

namespace ipfsc::storage {

Memory make_memory(size_t bytes, size_t write_buffer_bytes) {
  rocksdb::LRUCacheOptions options;
  options.capacity = bytes;
  options.num_shard_bits = bytes >= (64 << 20) ? 4 : 2;
  options.high_pri_pool_ratio = 0.3;  // indexes and filters
  Memory memory;
  memory.cache = rocksdb::NewLRUCache(options);
  memory.write_buffers = std::make_shared<rocksdb::WriteBufferManager>(write_buffer_bytes, memory.cache);
  return memory;
}

}  // namespace ipfsc::storage
