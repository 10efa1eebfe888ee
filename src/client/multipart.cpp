#include "client/multipart.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace ipfsc::client {
namespace {

constexpr off_t kSmallestFilePart = 64 * 1024;
constexpr off_t kLargestFilePart = 4 << 20;

std::string random_boundary() {
  Bytes random(24, '\0');
  CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  return to_hex(random);
}

std::unexpected<Error> system_error(int error, const char* doing, const std::string& path) {
  return fail(error == ENOENT ? ErrorKind::kNotFound : ErrorKind::kUnavailable,
              std::string(doing) + " " + path + ": " + std::strerror(error));
}

std::string_view content_type_of(UploadEntry::Kind kind) {
  switch (kind) {
    case UploadEntry::kDirectory:
      return "application/x-directory";
    case UploadEntry::kSymlink:
      return "application/symlink";
    default:
      return "application/octet-stream";
  }
}

}  // namespace

MultipartBody::MultipartBody(std::vector<std::string> paths, UploadOptions options, const std::atomic<bool>* cancelled)
    : walk_(std::move(paths), options), options_(options), cancelled_(cancelled), boundary_(random_boundary()) {}

MultipartBody::~MultipartBody() {
  if (file_ >= 0) ::close(file_);
}

Result<> MultipartBody::next_part() {
  text_.clear();
  text_sent_ = 0;
  if (!std::exchange(first_, false)) text_ += "\r\n";
  TRY_ASSIGN(auto entry, walk_.next());
  text_.append("--").append(boundary_);
  if (!entry) {
    text_ += "--\r\n";
    done_ = true;
    return {};
  }
  text_.append("\r\nContent-Disposition: form-data; name=\"file\"; filename=\"").append(url_escape(entry->name));
  text_.append("\"\r\nContent-Type: ").append(content_type_of(entry->kind));
  if (options_.absolute_paths && (entry->kind == UploadEntry::kFile || entry->kind == UploadEntry::kUrl)) {
    text_.append("\r\nAbspath-Encoded: ").append(url_escape(entry->path));
  }
  text_ += "\r\n\r\n";
  switch (entry->kind) {
    case UploadEntry::kDirectory:
      break;
    case UploadEntry::kSymlink: {
      char target[PATH_MAX];
      ssize_t n = ::readlink(entry->path.c_str(), target, sizeof target);
      if (n < 0) return system_error(errno, "read the link", entry->path);
      text_.append(target, static_cast<size_t>(n));
      break;
    }
    case UploadEntry::kUrl:
      url_ = std::make_unique<UrlSource>(entry->path, cancelled_);
      break;
    case UploadEntry::kStandardInput:
      file_ = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
      if (file_ < 0) return system_error(errno, "read", "standard input");
      file_path_ = "standard input";
      file_at_ = file_size_ = 0;  // read, never sent as a file: it may be a pipe, or not at its beginning
      break;
    case UploadEntry::kFile:
      file_ = ::open(entry->path.c_str(), O_RDONLY | O_CLOEXEC);
      if (file_ < 0) return system_error(errno, "open", entry->path);
      file_path_ = std::move(entry->path);
      file_at_ = 0;
      file_size_ = -1;
      break;
  }
  return {};
}

Result<size_t> MultipartBody::read_content(char* buffer, size_t size) {
  if (url_) {
    TRY_ASSIGN(size_t n, url_->read(buffer, size));
    if (n == 0) url_.reset();
    content_bytes_ += n;
    return n;
  }
  ssize_t n;
  do {
    if (cancelled_ && cancelled_->load()) return fail(ErrorKind::kCancelled, "cancelled");
    n = ::read(file_, buffer, size);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return system_error(errno, "read", file_path_);
  file_at_ += n;
  if (n == 0) {
    ::close(std::exchange(file_, -1));
  } else if (static_cast<size_t>(n) == size && file_size_ < 0) {  // a large file
    struct stat info;
    file_size_ = ::fstat(file_, &info) == 0 ? info.st_size : 0;
    ::posix_fadvise(file_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  content_bytes_ += static_cast<uint64_t>(n);
  return static_cast<size_t>(n);
}

std::optional<BodySource::FilePart> MultipartBody::next_file_part() {
  if (text_sent_ < text_.size() || file_ < 0 || file_size_ - file_at_ < kSmallestFilePart) return std::nullopt;
  FilePart part{.file = file_, .offset = file_at_};
  part.size = static_cast<size_t>(std::min<off_t>(file_size_ - file_at_, kLargestFilePart));
  file_at_ += static_cast<off_t>(part.size);
  ::lseek(file_, file_at_, SEEK_SET);  // read() goes on behind it
  content_bytes_ += part.size;
  if (on_progress_) on_progress_(content_bytes_);
  return part;
}

Result<size_t> MultipartBody::read(char* buffer, size_t size) {
  size_t filled = 0;
  while (filled < size) {
    if (text_sent_ < text_.size()) {
      size_t n = std::min(size - filled, text_.size() - text_sent_);
      std::memcpy(buffer + filled, text_.data() + text_sent_, n);
      text_sent_ += n;
      filled += n;
    } else if (url_ || file_ >= 0) {
      bool slow = url_ != nullptr || file_size_ == 0;
      TRY_ASSIGN(size_t n, read_content(buffer + filled, size - filled));
      filled += n;
      if (slow && n > 0) break;  // what came goes out before the next wait
    } else if (done_) {
      break;
    } else {
      TRY(next_part());
    }
  }
  if (on_progress_) on_progress_(content_bytes_);
  return filled;
}

}  // namespace ipfsc::client
