#include "app/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

namespace ipfsc::app {

namespace fs = std::filesystem;

Error io_error(std::string_view doing, const std::error_code& ec) {
  return {ErrorKind::kUnavailable, fmt::format("{}: {}", doing, ec.message())};
}

Result<> rename_path(const std::string& from, const std::string& to) {
  std::error_code ec;
  fs::rename(from, to, ec);
  if (ec) return fail(io_error(fmt::format("renaming {} to {}", from, to), ec));
  return {};
}

Result<> sync_path(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  bool ok = fd >= 0 && ::fsync(fd) == 0;
  std::error_code ec(errno, std::generic_category());
  if (fd >= 0) ::close(fd);
  if (!ok) return fail(io_error("syncing " + path, ec));
  return {};
}

Result<> sync_folder_of(const std::string& path) { return sync_path(fs::path(path).parent_path().string()); }

std::string backup_name(const std::string& base, int64_t number) { return fmt::format("{}.{}", base, number); }

Result<> rotate_backups(const std::string& base, int64_t backups) {
  std::error_code ec;
  int64_t used = 0;
  while (used < backups && fs::exists(backup_name(base, used), ec)) ++used;
  if (used == backups) {
    --used;
    fs::remove_all(backup_name(base, used), ec);
    if (ec) return fail(io_error("removing " + backup_name(base, used), ec));
  }
  for (; used > 0; --used) TRY(rename_path(backup_name(base, used - 1), backup_name(base, used)));
  return {};
}

Result<std::string> make_backup_folder(const std::string& base, int64_t backups) {
  TRY(rotate_backups(base, std::max<int64_t>(backups, 1)));
  auto folder = backup_name(base, 0);
  std::error_code ec;
  fs::create_directories(folder, ec);
  if (ec) return fail(io_error("making " + folder, ec));
  return folder;
}

}  // namespace ipfsc::app
