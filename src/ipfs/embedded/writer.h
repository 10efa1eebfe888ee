// EmbeddedWriter: takes the blocks of one add.
//
// A small add (small_add_bytes) is kept in memory and becomes part of one synced, logged write that it shares with
// others. A larger one goes to RocksDB's write buffers at once, unlogged, and finish() waits for a flush that it shares
// with others; RocksDB writes full buffers out meanwhile.
#pragma once

#include <memory>
#include <vector>

#include "ipfs/embedded/core.h"

namespace ipfsc::ipfs {

class EmbeddedWriter final : public BlockWriter {
 public:
  EmbeddedWriter(std::shared_ptr<Core> core, WriterOptions options);
  ~EmbeddedWriter() override;
  EmbeddedWriter(const EmbeddedWriter&) = delete;
  EmbeddedWriter& operator=(const EmbeddedWriter&) = delete;

  /// Returns when the batch is accepted: up to put_bytes_in_flight are written behind the caller's back, and an error
  /// of theirs comes from a later put() or from finish().
  Task<> put(std::vector<ipld::Block> blocks) override;
  Task<> finish() override;

 private:
  /// Outlives the writer while jobs run.
  struct Flight {
    explicit Flight(Runtime& runtime) : changed(runtime) {}
    size_t jobs = 0, bytes = 0;
    Result<> error;
    Notifier changed;
  };
  Result<> check_batch(const std::vector<ipld::Block>& blocks) const;
  Task<> keep(std::vector<ipld::Block> blocks, size_t bytes);
  Task<> send(std::vector<ipld::Block> blocks, size_t bytes, bool verify);
  static Task<> write(std::shared_ptr<Core> core, std::unique_ptr<Call> call, std::shared_ptr<Flight> flight,
                      std::vector<ipld::Block> blocks, size_t bytes, uint64_t begin_epoch, bool verify);
  void release_kept();

  std::shared_ptr<Core> core_;
  WriterOptions options_;
  EpochLease lease_;
  uint64_t run_;  // of the store, when the writer began
  std::shared_ptr<Flight> flight_;
  bool large_ = false;
  bool finished_ = false;
  std::vector<ipld::Block> kept_;  // of a small add, verified
  size_t kept_bytes_ = 0;
};

}  // namespace ipfsc::ipfs
