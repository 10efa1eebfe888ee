#include "cmd/service/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace ipfsc::cmd::service {

Result<FolderLock> FolderLock::take(const std::string& folder) {
  std::string path = folder + "/cluster.lock";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (fd >= 0) ::close(fd);
    return fail(ErrorKind::kFailedPrecondition,
                fmt::format("lock {0}: someone else has the lock. If no other ipfs-cluster-service process is running, "
                            "remove {0}, or make sure that the config folder is writable for the user running "
                            "ipfs-cluster-service.",
                            path));
  }
  return FolderLock(fd);
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace ipfsc::cmd::service
