#include "app/data_folders.h"

#include <filesystem>

#include "app/files.h"
#include "app/formats.h"

namespace ipfsc::app {
namespace {

namespace fs = std::filesystem;

std::string backups_of(const DataFolders& folders) { return folders.raft + ".old"; }

}  // namespace

DataFolders::DataFolders(const config::Configuration& config)
    : raft(config.path(config.raft.data_folder)),
      state(config.path("state")),
      local(config.path("local")),
      ipfs(config.path(config.embedded.folder)),
      new_state(config.path("state.new")),
      upgrade_backups(config.path("upgrade.old")) {}

Result<> set_data_aside(const DataFolders& folders, int64_t backups, bool with_local) {
  std::error_code ec;
  bool log = fs::exists(folders.raft, ec), state = fs::exists(folders.state, ec);
  bool local = with_local && fs::exists(folders.local, ec);
  if (!log && !state && !local) return {};
  TRY(rotate_backups(backups_of(folders), std::max<int64_t>(backups, 1)));
  auto backup = backup_name(backups_of(folders), 0);
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
  TRY(rotate_backups(backups_of(folders), std::max<int64_t>(backups, 1)));
  TRY(rename_path(folders.raft, backup_name(backups_of(folders), 0)));
  return sync_folder_of(folders.raft);
}

Result<> replace_state(const DataFolders& folders, int64_t backups) {
  TRY(set_data_aside(folders, backups, false));
  TRY(rename_path(folders.new_state, folders.state));
  return sync_folder_of(folders.state);
}

Result<> finish_replacement(const DataFolders& folders) {
  std::error_code ec;
  for (const auto& folder : {folders.state, folders.raft, folders.local, folders.ipfs}) TRY(finish_upgrade(folder));
  if (fs::exists(folders.new_state, ec) && !fs::exists(folders.state, ec) && !fs::exists(folders.raft, ec)) {
    TRY(rename_path(folders.new_state, folders.state));
    return sync_folder_of(folders.state);
  }
  return {};
}

}  // namespace ipfsc::app
