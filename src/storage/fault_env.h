// A RocksDB Env for tests and simulation: forgets what was not synced at a power cut, and makes writes fail.
#pragma once

#include <rocksdb/env.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ipfsc::storage {

/// Wraps an Env that keeps files in memory (the default) or the machine's. Thread safe.
///
/// A power cut has two steps: cut_power() (by hand or at the k-th write) makes every later write fail without effect;
/// when the databases on it are closed, restore_power() drops every byte that was not synced, and every new or renamed
/// name whose directory was not. Deletions count at once.
class FaultEnv final : public rocksdb::EnvWrapper {
 public:
  enum class Fault { kIoError, kNoSpace };

  /// Files in memory.
  FaultEnv();
  /// Files of `base`, which must outlive it.
  explicit FaultEnv(rocksdb::Env* base);
  ~FaultEnv() override;

  void cut_power();
  /// Cuts the power at the `writes`-th write from now (1 = the next one fails).
  void cut_power_after(uint64_t writes);
  bool power_is_cut() const;
  /// Drops what was not synced; files can be written again.
  void restore_power();

  /// The `writes`-th write from now (1 = the next one) and all after it fail until clear_faults().
  void fail_after(uint64_t writes, Fault fault);
  void clear_faults();
  /// Writes (new file, append, sync, rename, link, directory sync …) so far.
  uint64_t writes() const;
  /// False: restore_power() keeps unsynced bytes of a process that was killed (the kernel has them).
  void set_lose_unsynced(bool lose);
  /// RocksDB does not write its own log and the record of its options: opening a database takes half the time.
  void set_no_records();

  const char* Name() const override { return "FaultEnv"; }
  rocksdb::Status NewWritableFile(const std::string& path, std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override;
  rocksdb::Status ReopenWritableFile(const std::string& path, std::unique_ptr<rocksdb::WritableFile>* file,
                                     const rocksdb::EnvOptions& options) override;
  rocksdb::Status ReuseWritableFile(const std::string& path, const std::string& old_path,
                                    std::unique_ptr<rocksdb::WritableFile>* file,
                                    const rocksdb::EnvOptions& options) override;
  rocksdb::Status NewRandomRWFile(const std::string& path, std::unique_ptr<rocksdb::RandomRWFile>* file,
                                  const rocksdb::EnvOptions& options) override;
  rocksdb::Status NewLogger(const std::string& path, std::shared_ptr<rocksdb::Logger>* logger) override;
  rocksdb::Status NewDirectory(const std::string& path, std::unique_ptr<rocksdb::Directory>* directory) override;
  rocksdb::Status DeleteFile(const std::string& path) override;
  rocksdb::Status DeleteDir(const std::string& path) override;
  rocksdb::Status CreateDir(const std::string& path) override;
  rocksdb::Status CreateDirIfMissing(const std::string& path) override;
  rocksdb::Status RenameFile(const std::string& from, const std::string& to) override;
  rocksdb::Status LinkFile(const std::string& from, const std::string& to) override;
  rocksdb::Status Truncate(const std::string& path, size_t size) override;

 private:
  class File;
  class Dir;
  /// A name that came into a directory and is not synced there; undone in reverse order.
  struct NewName {
    std::string path;
    std::string renamed_from;                ///< "" = a new file or link
    std::optional<std::string> overwritten;  ///< content that a rename replaced
  };

  rocksdb::Status begin_write();
  rocksdb::Status cut_error() const;
  void synced_directory(const std::string& path);
  void undo(const NewName& name);

  mutable std::mutex mutex_;
  uint64_t writes_ = 0;
  std::optional<uint64_t> cut_at_, fail_at_;
  Fault fault_ = Fault::kIoError;
  bool cut_ = false;
  bool lose_unsynced_ = true;
  bool no_records_ = false;
  uint64_t epoch_ = 0;                            // of power: handles of an earlier one are dead
  std::map<std::string, uint64_t> synced_bytes_;  // of files written since they were made
  std::vector<NewName> new_names_;
};

}  // namespace ipfsc::storage
