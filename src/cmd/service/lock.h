// cluster.lock: one process at a time works on a configuration folder, be it this program or the Go one.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace ipfsc::cmd::service {

/// Holds an operating system's lock on a file while it lives; the file stays.
class FolderLock {
 public:
  /// kFailedPrecondition with Go's sentence when another process has it.
  static Result<FolderLock> take(const std::string& folder);
  /// For a folder that is only read: nothing in it is changed, and it may be read-only. kFailedPrecondition when a
  /// running peer has it.
  static Result<FolderLock> take_for_reading(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace ipfsc::cmd::service
