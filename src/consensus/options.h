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

/// How the state is handed to members that need what the log has no more.
struct CheckpointOptions {
  size_t piece_bytes = 256 << 10;  ///< of one message
  size_t max_streams = 2;          ///< to others at a time; more are told to come again
  size_t max_files = 100'000;      ///< of a checkpoint; more are refused
  /// A checkpoint is kept so long after its last use, for others that need one.
  Duration keep_unused = std::chrono::seconds(60);
  Duration silence = std::chrono::seconds(15);  ///< of the other side, after which a stream is given up
  /// After a broken stream: first after this time, then at doubling intervals to the limit.
  Duration retry_after = std::chrono::milliseconds(500);
  Duration retry_after_at_most = std::chrono::seconds(10);
  Duration report_every = std::chrono::seconds(5);  ///< progress in the log
  /// The leader offers a snapshot again when nothing was fetched for so long.
  Duration offer_again = std::chrono::seconds(5);
  /// What an offered snapshot needs stays in the log; when it has grown by this meanwhile, a later one is offered.
  uint64_t hold_log_bytes = 1 << 30;
  /// A member that needs more of the log than this, and than a quarter of the state, gets the state.
  uint64_t instead_of_log_bytes = 64 << 20;
};

struct RaftOptions {
  ipld::PeerId self;
  std::string path;             ///< folder of the log's own database, usually "<data>/raft"
  rocksdb::Env* env = nullptr;  ///< null = the operating system's files; else it outlives the consensus

  Duration tick = std::chrono::milliseconds(50);
  int heartbeat_ticks = 2;
  size_t learner_heartbeats = 8;  ///< to all learners together, in one round of heartbeats
  int election_ticks = 10;

  /// One entry collects the operations that wait while the previous one is written. A larger single write is refused.
  uint64_t max_entry_bytes = 1 << 20;
  /// Bounds of what waits to be written; beyond, submit() answers kResourceExhausted at once.
  size_t max_waiting_writes = 1 << 16;
  uint64_t max_waiting_bytes = 64 << 20;
  /// Entries proposed and not yet applied. More would only make smaller entries: what comes meanwhile waits and is
  /// grouped.
  size_t max_unapplied_entries = 2;

  /// The state has no write-ahead log but this one. It flushes by itself when its write buffers are full; at the
  /// latest when so many bytes of the log would have to be applied again after a crash.
  uint64_t flush_log_bytes = 32 << 20;
  /// How much log is kept behind the last flush, for peers that lag and for the feed.
  uint64_t keep_log_bytes = 256 << 20;

  CheckpointOptions checkpoints;

  /// False: the log's database does nothing by itself (simulation).
  bool background_compaction = true;

  /// After an error of the log's database it is opened anew: first after this time, then at doubling intervals to the
  /// limit.
  Duration reopen_after = std::chrono::seconds(1);
  Duration reopen_after_at_most = std::chrono::seconds(30);

  /// Voters are the largest odd number of members that may vote, up to this.
  size_t max_voters = 5;
  /// A voter that is not heard for so long gives its vote to another member, if there is one.
  Duration voter_grace = std::chrono::minutes(5);

  /// How long stop() waits for writes under way.
  Duration stop_grace = std::chrono::seconds(2);
};

}  // namespace ipfsc::consensus
