// Options of the replicated log.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "ipld/peer_id.h"

namespace rocksdb {
class Env;
}

namespace ipfsc::consensus {

struct RaftOptions {
  ipld::PeerId self;
  std::string path;             ///< folder of the log's own database, usually "<data>/raft"
  rocksdb::Env* env = nullptr;  ///< null = the operating system's files; else it outlives the consensus

  Duration tick = std::chrono::milliseconds(50);
  int heartbeat_ticks = 1;
  int election_ticks = 10;

  /// One entry collects the operations that wait while the previous one is written. A larger single write is refused.
  uint64_t max_entry_bytes = 1 << 20;
  /// Bounds of what waits to be written; beyond, submit() answers kResourceExhausted at once.
  size_t max_waiting_writes = 1 << 16;
  uint64_t max_waiting_bytes = 64 << 20;
  /// Entries proposed and not yet applied. More would only make smaller entries: what comes meanwhile waits and is
  /// grouped.
  size_t max_unapplied_entries = 3;

  /// The state has no write-ahead log but this one. It flushes by itself when its write buffers are full; at the
  /// latest when so many bytes of the log would have to be applied again after a crash.
  uint64_t flush_log_bytes = 32 << 20;
  /// How much log is kept behind the last flush, for peers that lag and for the feed.
  uint64_t keep_log_bytes = 256 << 20;

  /// False: the log's database does nothing by itself (simulation).
  bool background_compaction = true;

  /// After an error of the log's database it is opened anew: first after this time, then at doubling intervals to the
  /// limit.
  Duration reopen_after = std::chrono::seconds(1);
  Duration reopen_after_at_most = std::chrono::seconds(30);

  /// Voters are the largest odd number of members up to this.
  size_t max_voters = 5;

  /// How long stop() waits for writes under way.
  Duration stop_grace = std::chrono::seconds(2);
};

}  // namespace ipfsc::consensus
