#include "storage/status.h"

#include <rocksdb/status.h>

namespace ipfsc::storage {
namespace {

ErrorKind kind_of(const rocksdb::Status& status) {
  if (status.IsNotFound()) return ErrorKind::kNotFound;
  if (status.IsCorruption()) return ErrorKind::kDataLoss;
  if (status.IsNotSupported()) return ErrorKind::kUnimplemented;
  if (status.IsInvalidArgument()) return ErrorKind::kInvalidArgument;
  if (status.IsIOError()) return ErrorKind::kUnavailable;
  if (status.IsMemoryLimit()) return ErrorKind::kResourceExhausted;
  if (status.IsShutdownInProgress()) return ErrorKind::kCancelled;
  if (status.IsTimedOut()) return ErrorKind::kDeadlineExceeded;
  if (status.IsAborted() || status.IsBusy() || status.IsTryAgain()) return ErrorKind::kAborted;
  return ErrorKind::kInternal;
}

bool no_space(const rocksdb::Status& status, const std::string& text) {
  return status.IsNoSpace() || text.find("No space left on device") != std::string::npos ||
         text.find("Disk quota exceeded") != std::string::npos;
}

}  // namespace

Error to_error(const rocksdb::Status& status, std::string_view doing) {
  std::string text = status.ToString();
  if (no_space(status, text)) {
    return {ErrorKind::kResourceExhausted, fmt::format("{}: the disk is full", doing)};
  }
  // PosixEnv says so when LOCK is held, by another process or twice in this one.
  if (status.IsIOError() && text.find("lock") != std::string::npos && text.find("LOCK") != std::string::npos) {
    return {ErrorKind::kFailedPrecondition, fmt::format("{}: another process has it open ({})", doing, text)};
  }
  return {kind_of(status), fmt::format("{}: {}", doing, text)};
}

Result<> check(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) [[likely]]
    return {};
  return std::unexpected(to_error(status, doing));
}

}  // namespace ipfsc::storage
