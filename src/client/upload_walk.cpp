#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "client/multipart.h"

namespace ipfsc::client {
namespace {

std::unexpected<Error> system_error(int error, const char* doing, const std::string& path) {
  return fail(error == ENOENT ? ErrorKind::kNotFound : ErrorKind::kUnavailable,
              std::string(doing) + " " + path + ": " + std::strerror(error));
}

}  // namespace

bool is_url(std::string_view path) { return path.starts_with("http://") || path.starts_with("https://"); }

bool is_standard_input(std::string_view path) { return path == "-"; }

Result<std::string> upload_name(std::string_view path) {
  if (is_standard_input(path)) return "stdin";
  std::string_view given = path;
  if (is_url(path)) {
    path = path.substr(0, path.find_first_of("?#"));
    path.remove_prefix(path.find("://") + 3);
    size_t slash = path.find('/');
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  }
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  std::string name(path.substr(path.rfind('/') + 1));
  if (!is_url(given) && (name == "." || name == ".." || name.empty())) {
    std::error_code error;
    auto real = std::filesystem::canonical(std::string(given), error);
    if (error) return fail(ErrorKind::kNotFound, std::string(given) + ": " + error.message());
    name = real.filename().string();
  }
  if (name.empty() && is_url(given)) name = "index";
  return name;
}

UploadWalk::UploadWalk(std::vector<std::string> paths, UploadOptions options)
    : paths_(paths.begin(), paths.end()), options_(options) {}

Result<UploadEntry> UploadWalk::entry(std::string path, std::string name, unsigned char type) {
  if (type == DT_UNKNOWN) {
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0) return system_error(errno, "look at", path);
    type = IFTODT(info.st_mode);
  }
  UploadEntry out{.name = std::move(name), .path = std::move(path)};
  switch (type) {
    case DT_REG:
      out.kind = UploadEntry::kFile;
      break;
    case DT_LNK:
      out.kind = UploadEntry::kSymlink;
      break;
    case DT_DIR:
      out.kind = UploadEntry::kDirectory;
      if (!options_.recursive) {
        return fail(ErrorKind::kInvalidArgument,
                    out.path + " is a directory, use the '-r' flag to specify directories");
      }
      TRY(open_directory(out));
      break;
    default:
      return fail(ErrorKind::kInvalidArgument, out.path + " is neither a file nor a directory nor a symbolic link");
  }
  return out;
}

Result<> UploadWalk::open_directory(const UploadEntry& directory) {
  DIR* stream = ::opendir(directory.path.c_str());
  if (!stream) return system_error(errno, "open", directory.path);
  Level level{.path = directory.path, .name = directory.name};
  if (!level.path.ends_with('/')) level.path += '/';
  errno = 0;
  while (const dirent* member = ::readdir(stream)) {
    std::string_view name = member->d_name;
    if (name == "." || name == ".." || (!options_.hidden && name.starts_with('.'))) continue;
    level.members.emplace_back(name, member->d_type);
  }
  int error = errno;
  ::closedir(stream);
  if (error != 0) return system_error(error, "read", directory.path);
  std::sort(level.members.begin(), level.members.end(), std::greater<>());
  levels_.push_back(std::move(level));
  return {};
}

Result<std::optional<UploadEntry>> UploadWalk::next() {
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.members.empty()) {
      levels_.pop_back();
      continue;
    }
    auto [name, type] = std::move(level.members.back());
    level.members.pop_back();
    return entry(level.path + name, level.name + "/" + name, type);
  }
  if (paths_.empty()) return std::optional<UploadEntry>();
  std::string path = std::move(paths_.front());
  paths_.pop_front();
  TRY_ASSIGN(auto name, upload_name(path));
  if (is_url(path)) return UploadEntry{.kind = UploadEntry::kUrl, .name = std::move(name), .path = std::move(path)};
  if (is_standard_input(path)) {
    return UploadEntry{.kind = UploadEntry::kStandardInput, .name = std::move(name), .path = std::move(path)};
  }
  return entry(std::move(path), std::move(name), DT_UNKNOWN);
}

Result<uint64_t> upload_size(const std::vector<std::string>& paths, const UploadOptions& options) {
  uint64_t bytes = 0;
  UploadWalk walk(paths, options);
  for (;;) {
    TRY_ASSIGN(auto entry, walk.next());
    if (!entry) return bytes;
    struct stat info;
    if (entry->kind == UploadEntry::kFile && ::stat(entry->path.c_str(), &info) == 0) {
      bytes += static_cast<uint64_t>(info.st_size);
    }
  }
}

}  // namespace ipfsc::client
