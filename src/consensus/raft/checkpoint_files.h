// The files of a checkpoint on their way: read in pieces on one side, written and checked on the other.
//
// All functions block: pool threads. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

struct evp_md_ctx_st;
namespace rocksdb {
class Env;
class SequentialFile;
class WritableFile;
}  // namespace rocksdb

namespace ipfsc::consensus {

struct CheckpointFileInfo {
  std::string name;
  uint64_t size_bytes = 0;
  bool operator==(const CheckpointFileInfo&) const = default;
};

/// By name. `env` null = the machine's, here and below.
Result<std::vector<CheckpointFileInfo>> list_checkpoint(const std::string& folder, rocksdb::Env* env);

/// kInvalidArgument with the reason when these cannot be the files of a checkpoint: names that are not plain, or twice,
/// no database, too many.
Result<> check_checkpoint_files(const std::vector<CheckpointFileInfo>& files, size_t max_files);

/// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  void add(ByteView bytes);
  Bytes digest();  ///< once

 private:
  evp_md_ctx_st* context_;
};

class FileReader {
 public:
  static Result<std::unique_ptr<FileReader>> open(const std::string& path, rocksdb::Env* env);
  ~FileReader();
  /// Up to `bytes` more; fewer only at the end.
  Result<Bytes> read(size_t bytes);
  /// Of all that was read; once.
  Bytes digest() { return hash_.digest(); }

 private:
  FileReader(std::string path, std::unique_ptr<rocksdb::SequentialFile> file);
  std::string path_;
  std::unique_ptr<rocksdb::SequentialFile> file_;
  Sha256 hash_;
};

class FileWriter {
 public:
  /// Replaces the file.
  static Result<std::unique_ptr<FileWriter>> create(const std::string& path, uint64_t size_bytes, rocksdb::Env* env);
  ~FileWriter();
  /// kDataLoss when that is more than the file has.
  Result<> append(ByteView bytes);
  /// Synced when it returns; kDataLoss when size or digest are not those.
  Result<> finish(ByteView sha256);
  uint64_t written() const { return written_; }

 private:
  FileWriter(std::string path, uint64_t size_bytes, std::unique_ptr<rocksdb::WritableFile> file);
  std::string path_;
  uint64_t size_bytes_, written_ = 0;
  std::unique_ptr<rocksdb::WritableFile> file_;
  Sha256 hash_;
};

}  // namespace ipfsc::consensus
