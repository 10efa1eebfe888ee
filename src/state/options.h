#pragma once

#include <functional>
#include <string>

#include "base/time.h"

namespace rocksdb {
class Env;
}

namespace ipfsc::state {

struct StateOptions {
  std::string path;                ///< directory of the database; made when missing
  rocksdb::Env* env = nullptr;     ///< null = the machine's; must outlive the State
  size_t cache_bytes = 128 << 20;  ///< bound of block cache and write buffers together
  /// Write buffers that start a flush in the background when they are this full; 0 = only flush() flushes.
  size_t write_buffer_bytes = 24 << 20;
  bool background_compaction = true;  ///< false: files stay as they are flushed (simulation: nothing runs by itself)
  Duration cursor_lifetime = std::chrono::seconds(30);  ///< a cursor's view of the data is renewed after this time
  std::function<SteadyTime()> now = [] { return SteadyTime(std::chrono::steady_clock::now()); };
};

}  // namespace ipfsc::state
