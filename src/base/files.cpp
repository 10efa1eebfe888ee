#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ipfsc {
namespace {

ErrorKind kind_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::kResourceExhausted;
    default:
      return ErrorKind::kUnavailable;
  }
}

std::unexpected<Error> system_error(int error, const char* doing, const std::string& path) {
  return fail(kind_of(error), std::string(doing) + " " + path + ": " + std::strerror(error));
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

Result<std::string> read_file(const std::string& path, size_t limit_bytes) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return system_error(errno, "open", path);
  std::string text;
  char buffer[64 * 1024];
  for (;;) {
    ssize_t n = ::read(file.fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "read", path);
    if (n == 0) return text;
    if (text.size() + static_cast<size_t>(n) > limit_bytes) {
      return fail(ErrorKind::kResourceExhausted, path + " is longer than " + std::to_string(limit_bytes) + " bytes");
    }
    text.append(buffer, static_cast<size_t>(n));
  }
}

Result<> write_file(const std::string& path, std::string_view text, unsigned mode) {
  std::string temporary = path + ".new";
  {
    Descriptor file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)};
    if (file.fd < 0) return system_error(errno, "open", temporary);
    if (::fchmod(file.fd, mode) != 0) return system_error(errno, "change the mode of", temporary);
    while (!text.empty()) {
      ssize_t n = ::write(file.fd, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error(errno, "write", temporary);
      text.remove_prefix(static_cast<size_t>(n));
    }
    if (::fsync(file.fd) != 0) return system_error(errno, "sync", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error(errno, "rename to", path);
  auto folder = std::filesystem::path(path).parent_path();
  Descriptor directory{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd >= 0) ::fsync(directory.fd);
  return {};
}

}  // namespace ipfsc
