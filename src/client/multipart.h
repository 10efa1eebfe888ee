// The multipart body that Kubo's and Cluster's add take, made of files, directories, symlinks and URLs as it is read.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/http.h"

namespace ipfsc::client {

struct UploadOptions {
  bool recursive = false;       ///< without it a directory is an error
  bool hidden = false;          ///< take names inside directories that begin with a dot
  bool absolute_paths = false;  ///< send each file's path or URL too (nocopy)
};

/// One thing of an upload.
struct UploadEntry {
  enum Kind { kFile, kDirectory, kSymlink, kUrl, kStandardInput } kind = kFile;
  std::string name;  ///< inside the upload, with slashes
  std::string path;  ///< in the file system, or the URL
};

bool is_url(std::string_view path);
/// "-"; a file of that name is "./-".
bool is_standard_input(std::string_view path);
/// What a path is called inside the upload: its last element; "." and ".." by the real directory's name; "stdin".
Result<std::string> upload_name(std::string_view path);

/// Walks paths in the order given, directories by name, each directory before what is in it. Memory: the names of the
/// directories between the top and the current one.
class UploadWalk {
 public:
  UploadWalk(std::vector<std::string> paths, UploadOptions options);
  /// nullopt at the end.
  Result<std::optional<UploadEntry>> next();

 private:
  struct Level {
    std::string path, name;
    std::vector<std::pair<std::string, unsigned char>> members;  // name and d_type, sorted backwards
  };
  Result<UploadEntry> entry(std::string path, std::string name, unsigned char type);
  Result<> open_directory(const UploadEntry& directory);

  std::deque<std::string> paths_;
  UploadOptions options_;
  std::vector<Level> levels_;
};

/// Bytes of all files of an upload, without URLs. Costs a look at each file.
Result<uint64_t> upload_size(const std::vector<std::string>& paths, const UploadOptions& options);

class MultipartBody : public BodySource {
 public:
  MultipartBody(std::vector<std::string> paths, UploadOptions options, const std::atomic<bool>* cancelled = nullptr);
  ~MultipartBody() override;

  std::string content_type() const { return "multipart/form-data; boundary=" + boundary_; }
  Result<size_t> read(char* buffer, size_t size) override;
  std::optional<FilePart> next_file_part() override;
  uint64_t content_bytes() const { return content_bytes_; }  ///< of files, read so far
  /// Called after every read with content_bytes().
  void set_progress(std::function<void(uint64_t)> on_progress) { on_progress_ = std::move(on_progress); }

 private:
  Result<> next_part();
  Result<size_t> read_content(char* buffer, size_t size);

  UploadWalk walk_;
  UploadOptions options_;
  const std::atomic<bool>* cancelled_;
  std::string boundary_;
  std::string text_;  // headers and boundaries to send before the content
  size_t text_sent_ = 0;
  bool first_ = true, done_ = false;
  int file_ = -1;
  std::string file_path_;
  off_t file_at_ = 0;
  off_t file_size_ = -1;  // of a large file, as it was when that was seen
  std::unique_ptr<UrlSource> url_;
  uint64_t content_bytes_ = 0;
  std::function<void(uint64_t)> on_progress_;
};

}  // namespace ipfsc::client
