// Options of the pin tracker.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/time.h"
#include "ipld/peer_id.h"

namespace rocksdb {
class Env;
}

namespace ipfsc::tracker {

/// When a failed attempt is tried again: first · 2^(attempts − 1), at most `most`, and up to `jitter` of it earlier.
struct Backoff {
  Duration first;
  Duration most;
};

struct RetryOptions {
  Backoff not_found{std::chrono::seconds(10), std::chrono::minutes(12)};
  Backoff timeout{std::chrono::seconds(10), std::chrono::minutes(12)};
  Backoff disk_full{std::chrono::seconds(30), std::chrono::minutes(5)};
  Backoff unavailable{std::chrono::seconds(1), std::chrono::minutes(1)};
  Backoff other{std::chrono::seconds(5), std::chrono::minutes(12)};
  /// A pin that the node lost shows `unexpectedly_unpinned` for this long, then it is pinned again.
  Duration lost{std::chrono::seconds(10)};
  double jitter = 0.25;
};

struct ConcurrencyOptions {
  unsigned start = 10;  ///< Go's concurrent_pins
  unsigned least = 1;
  unsigned most = 256;
  /// An attempt that runs longer than this waits for the network, so it does not count against the limit any more …
  Duration slow_after{std::chrono::seconds(2)};
  /// … up to so many of them.
  unsigned most_slow = 256;
  /// After so many failures in a row that are the node's (unavailable, disk full) new attempts wait.
  unsigned failures_to_pause = 3;
  Backoff pause{std::chrono::milliseconds(500), std::chrono::seconds(30)};
};

struct TrackerOptions {
  std::string path;             ///< directory of the database, usually "<data>/local"; made when missing
  rocksdb::Env* env = nullptr;  ///< null = the machine's; must outlive the tracker
  size_t cache_bytes = 16 << 20;
  size_t write_buffer_bytes = 8 << 20;

  ipld::PeerId self;
  std::string peername;

  ConcurrencyOptions concurrency;
  RetryOptions retry;
  /// An attempt without progress for so long is given up (Go's pin_timeout); 0 = never.
  Duration pin_timeout{std::chrono::minutes(2)};
  Duration unpin_timeout{std::chrono::minutes(5)};
  /// Go's: a first attempt goes before others when the pin is younger than this …
  Duration priority_pin_max_age{std::chrono::hours(24)};
  /// … and `priority_pin` is shown up to so many attempts.
  unsigned priority_pin_max_retries = 5;

  /// Changes and results that are written in one batch.
  size_t max_batch = 1024;
  /// Between two batches, so that changes gather.
  Duration batch_pause{std::chrono::milliseconds(5)};
  /// Work kept in memory, waiting for a free place; more stays in the table and is read when this runs low.
  size_t max_ready = 16384;

  /// The node's pins are compared with the table at these intervals; 0 = only when asked.
  Duration sync_interval{0};
  /// Whether a comparison removes pins of the node that the cluster does not want here. Otherwise they are reported.
  bool remove_orphans = false;
  /// Items of the node's list, and rows, held at a time by a comparison.
  size_t sync_page = 4096;

  /// How long the journal keeps what was held once; 0 = for ever.
  Duration retention{std::chrono::hours(24 * 90)};
};

}  // namespace ipfsc::tracker
