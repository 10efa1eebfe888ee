#include "cmd/service/pin_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ipfsc::cmd::service {

Result<PinFile> PinFile::open(const std::string& path, FILE* standard_input) {
  if (path.empty() || path == "-") return PinFile(standard_input, false, 0);
  FILE* file = std::fopen(path.c_str(), "rb");
  struct stat info{};
  if (file && ::fstat(::fileno(file), &info) == 0 && S_ISDIR(info.st_mode)) {
    std::fclose(file);
    file = nullptr;
    errno = EISDIR;
  }
  if (!file) return fail(ErrorKind::kNotFound, fmt::format("{}: {}", path, std::strerror(errno)));
  return PinFile(file, true, S_ISREG(info.st_mode) ? static_cast<uint64_t>(info.st_size) : 0);
}

PinFile::PinFile(PinFile&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)), own_(other.own_), size_bytes_(other.size_bytes_) {}

PinFile::~PinFile() {
  if (own_ && file_) std::fclose(file_);
}

Result<size_t> PinFile::read(std::span<char> buffer, ProgressLine& progress) {
  size_t n = std::fread(buffer.data(), 1, buffer.size(), file_);
  if (n == 0 && std::ferror(file_)) return fail(ErrorKind::kUnavailable, std::string("read: ") + std::strerror(errno));
  read_bytes_ += n;
  lines_ += static_cast<uint64_t>(std::count(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(n), '\n'));
  if (size_bytes_ > 0) {
    progress.show("{} pins, {} % of the file", lines_, read_bytes_ * 100 / size_bytes_);
  } else {
    progress.show("{} pins", lines_);
  }
  return n;
}

}  // namespace ipfsc::cmd::service
