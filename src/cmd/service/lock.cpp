#include "cmd/service/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace ipfsc::cmd::service {

namespace {

/// flock() holds off this program, and a lock of fcntl()'s kind the Go program, which takes one. Of the latter there
/// are two: this one belongs to the open file, as flock()'s does.
bool lock_file(int fd) {
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return false;
  return ::fcntl(fd, F_OFD_SETLK, &whole) == 0 || (errno != EAGAIN && errno != EACCES);
}

bool lock_for_reading(int fd) {
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
  return ::fcntl(fd, F_OFD_GETLK, &whole) != 0 || whole.l_type == F_UNLCK;
}

}  // namespace

Result<FolderLock> FolderLock::take(const std::string& folder) {
  std::string path = folder + "/cluster.lock";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 && errno == ENOENT) {
    return fail(ErrorKind::kFailedPrecondition,
                fmt::format("the folder {} does not exist: run \"ipfs-cluster-service init\" first", folder));
  }
  if (fd < 0 || !lock_file(fd)) {
    if (fd >= 0) ::close(fd);
    return fail(ErrorKind::kFailedPrecondition,
                fmt::format("lock {0}: someone else has the lock. If no other ipfs-cluster-service process is running, "
                            "remove {0}, or make sure that the config folder is writable for the user running "
                            "ipfs-cluster-service.",
                            path));
  }
  return FolderLock(fd);
}

Result<FolderLock> FolderLock::take_for_reading(const std::string& folder) {
  std::string path = folder + "/cluster.lock";
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && !lock_for_reading(fd)) {
    ::close(fd);
    return fail(ErrorKind::kFailedPrecondition, fmt::format("a peer runs in {}: stop it first", folder));
  }
  return FolderLock(fd);
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace ipfsc::cmd::service
