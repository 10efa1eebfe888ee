#include "app/data_folders.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

namespace ipfsc::app {
namespace {

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

Result<> sync_folder_of(const std::string& path) {
  auto folder = fs::path(path).parent_path().string();
  int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = fd >= 0 && ::fsync(fd) == 0;
  std::error_code ec(errno, std::generic_category());
  if (fd >= 0) ::close(fd);
  if (!ok) return fail(io_error("syncing " + folder, ec));
  return {};
}

std::string backup_name(const DataFolders& folders, int64_t number) {
  return fmt::format("{}.old.{}", folders.raft, number);
}

/// Makes raft.old.0 free.
Result<> rotate(const DataFolders& folders, int64_t backups) {
  std::error_code ec;
  int64_t used = 0;
  while (used < backups && fs::exists(backup_name(folders, used), ec)) ++used;
  if (used == backups) {
    --used;
    fs::remove_all(backup_name(folders, used), ec);
    if (ec) return fail(io_error("removing " + backup_name(folders, used), ec));
  }
  for (; used > 0; --used) TRY(rename_path(backup_name(folders, used - 1), backup_name(folders, used)));
  return {};
}

}  // namespace

DataFolders::DataFolders(const config::Configuration& config)
    : raft(config.path(config.raft.data_folder)),
      state(config.path("state")),
      local(config.path("local")),
      new_state(config.path("state.new")) {}

Result<> set_data_aside(const DataFolders& folders, int64_t backups, bool with_local) {
  std::error_code ec;
  bool log = fs::exists(folders.raft, ec), state = fs::exists(folders.state, ec);
  bool local = with_local && fs::exists(folders.local, ec);
  if (!log && !state && !local) return {};
  TRY(rotate(folders, std::max<int64_t>(backups, 1)));
  auto backup = backup_name(folders, 0);
  // The log goes first: a state without its log is whole by itself, a log without its state is not.
  if (log) {
    TRY(rename_path(folders.raft, backup));
  } else if (fs::create_directories(backup, ec); ec) {
    return fail(io_error("making " + backup, ec));
  }
  if (state) TRY(rename_path(folders.state, backup + "/state"));
  if (local) TRY(rename_path(folders.local, backup + "/local"));
  return sync_folder_of(folders.raft);
}

Result<> set_log_aside(const DataFolders& folders, int64_t backups) {
  std::error_code ec;
  if (!fs::exists(folders.raft, ec)) return {};
  TRY(rotate(folders, std::max<int64_t>(backups, 1)));
  TRY(rename_path(folders.raft, backup_name(folders, 0)));
  return sync_folder_of(folders.raft);
}

Result<> replace_state(const DataFolders& folders, int64_t backups) {
  TRY(set_data_aside(folders, backups, false));
  TRY(rename_path(folders.new_state, folders.state));
  return sync_folder_of(folders.state);
}

Result<> finish_replacement(const DataFolders& folders) {
  std::error_code ec;
  if (fs::exists(folders.new_state, ec) && !fs::exists(folders.state, ec) && !fs::exists(folders.raft, ec)) {
    TRY(rename_path(folders.new_state, folders.state));
    return sync_folder_of(folders.state);
  }
  return {};
}

}  // namespace ipfsc::app
