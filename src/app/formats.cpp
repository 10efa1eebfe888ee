#include "app/formats.h"

#include <filesystem>

#include "app/files.h"
#include "app/options.h"
#include "base/log.h"
#include "base/version.h"
#include "consensus/raft/recovery.h"
#include "ipfs/embedded/embedded_node.h"
#include "state/state.h"
#include "storage/format.h"
#include "tracker/tracker.h"

namespace ipfsc::app {
namespace {

namespace fs = std::filesystem;

LogComponent log("service");

std::string upgrade_name(const std::string& folder) { return folder + ".upgrade"; }

/// Files of RocksDB that are never written to again.
bool never_changes(const fs::path& file) { return file.extension() == ".sst" || file.extension() == ".blob"; }

/// The databases are flat folders.
Result<> copy_folder(const std::string& from, const std::string& to) {
  std::error_code ec;
  fs::create_directory(to, ec);
  if (ec) return fail(io_error("making " + to, ec));
  fs::directory_iterator files(from, ec);
  if (ec) return fail(io_error("reading " + from, ec));
  for (const auto& file : files) {
    auto target = fs::path(to) / file.path().filename();
    if (never_changes(file.path())) {
      fs::create_hard_link(file.path(), target, ec);
      if (!ec) continue;
    }
    fs::copy_file(file.path(), target, ec);
    if (ec) return fail(io_error(fmt::format("copying {} to {}", file.path().string(), to), ec));
    TRY(sync_path(target.string()));
  }
  return sync_path(to);
}

/// The steps of one folder, none missing.
Result<std::vector<const Migration*>> steps_of(const FolderFormat& folder, std::span<const Migration> migrations) {
  std::vector<const Migration*> steps;
  uint32_t format = *folder.found;
  for (const auto& migration : migrations) {
    if (migration.folder != folder.name || migration.from != format) continue;
    steps.push_back(&migration);
    ++format;
  }
  if (format == folder.known) return steps;
  return fail(ErrorKind::kUnimplemented, fmt::format("this program has no way from format {} of the folder {} to {}",
                                                     *folder.found, folder.path, folder.known));
}

Result<> make_upgraded(const FolderFormat& folder, std::span<const Migration* const> steps, const OnStep& on_step) {
  auto copy = upgrade_name(folder.path);
  std::error_code ec;
  fs::remove_all(copy, ec);
  if (on_step) on_step("copying " + folder.name);
  TRY(copy_folder(folder.path, copy));
  for (const auto* step : steps) {
    log.info("upgrading {} from format {} to {}: {}", folder.path, step->from, step->from + 1, step->what);
    if (on_step) {
      on_step(fmt::format("{}: format {} becomes {}: {}", folder.name, step->from, step->from + 1, step->what));
    }
    if (auto done = step->run(copy); !done) {
      return fail(done.error().with_context(fmt::format("upgrading {} to format {}", folder.path, step->from + 1)));
    }
  }
  return sync_path(copy);
}

}  // namespace

Result<std::vector<FolderFormat>> folder_formats(const PeerOptions& options) {
  const auto& known = kVersions.formats;
  std::vector<FolderFormat> out;
  auto add = [&](std::string name, const std::string& path, std::optional<uint32_t> found, uint32_t knows) {
    out.push_back({std::move(name), path, found, knows});
  };
  TRY_ASSIGN(auto state, state::State::versions(options.state));
  add("state", options.state.path, state ? std::optional(state->format) : std::nullopt, known.state);
  TRY_ASSIGN(auto raft, consensus::log_format_of(options.raft));
  add("raft", options.raft.path, raft, known.raft);
  TRY_ASSIGN(auto local, tracker::table_format(options.tracker));
  add("local", options.tracker.path, local, known.local);
  if (options.use_embedded) {
    TRY_ASSIGN(auto ipfs, ipfs::block_store_format(options.embedded));
    add("ipfs", options.embedded.path, ipfs, known.ipfs);
  }
  return out;
}

Result<UpgradeReport> upgrade_folders(const std::vector<FolderFormat>& folders, std::span<const Migration> migrations,
                                      const std::string& backup, int64_t backups, const OnStep& on_step) {
  UpgradeReport report;
  std::vector<std::vector<const Migration*>> steps;
  std::vector<const FolderFormat*> older;
  for (const auto& folder : folders) {
    if (!folder.found || *folder.found == folder.known) continue;
    if (*folder.found > folder.known) TRY(storage::check_format(folder.path, *folder.found, folder.known));
    older.push_back(&folder);
    TRY_ASSIGN(auto way, steps_of(folder, migrations));
    steps.push_back(std::move(way));
  }
  if (older.empty()) return report;
  for (size_t i = 0; i < older.size(); ++i) TRY(make_upgraded(*older[i], steps[i], on_step));
  TRY_ASSIGN(report.backup, make_backup_folder(backup, backups));
  for (const auto* folder : older) {
    TRY(rename_path(folder->path, report.backup + "/" + folder->name));
    TRY(sync_path(report.backup));
    TRY(sync_folder_of(folder->path));
    TRY(finish_upgrade(folder->path));
    report.folders.push_back({folder->name, *folder->found, folder->known});
  }
  return report;
}

/// The copy is whole when its folder has been renamed.
Result<> finish_upgrade(const std::string& folder) {
  std::error_code ec;
  auto copy = upgrade_name(folder);
  if (!fs::exists(copy, ec)) return {};
  if (fs::exists(folder, ec)) {
    fs::remove_all(copy, ec);
    return {};
  }
  TRY(rename_path(copy, folder));
  return sync_folder_of(folder);
}

}  // namespace ipfsc::app
