// The persistent formats of a peer: what its folders are in, and how older ones come to this program's.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ipfsc::app {

struct PeerOptions;

/// A folder with a format of its own.
struct FolderFormat {
  std::string name;  ///< "state", "raft", "local", "ipfs"
  std::string path;
  std::optional<uint32_t> found;  ///< nullopt: there is no such folder yet
  uint32_t known = 0;             ///< what this program reads and writes
};

/// One step of one folder to the next format. It works on a copy that nobody has open, so it may end half way; at its
/// end the folder says the new number.
struct Migration {
  std::string folder;
  uint32_t from = 0;
  std::string what;  ///< for a person: "… is …"
  std::function<Result<>(const std::string& path)> run;
};

/// Of this program, in their order (migrations.cpp).
std::vector<Migration> migrations();

/// The one table of them. Blocks; the peer does not run.
Result<std::vector<FolderFormat>> folder_formats(const PeerOptions& options);

struct Upgraded {
  std::string name;
  uint32_t from = 0, to = 0;
};
struct UpgradeReport {
  std::vector<Upgraded> folders;
  std::string backup;  ///< folder that holds them as they were; empty when nothing was to be done
};
/// Hears what is begun, for a person: "copying state", "state: format 1 becomes 2: …".
using OnStep = std::function<void(std::string_view what)>;

/// Brings older folders to this program's formats. Each is copied to <folder>.upgrade (by hard links where files never
/// change), upgraded there, and put in place; the old ones go to <backup>.0, older backups move up to
/// <backup>.(backups − 1). A crash leaves each folder old or new: finish_upgrade() tidies up, and a repetition goes on.
/// Errors leave all folders as they are: kUnimplemented for a newer one.
Result<UpgradeReport> upgrade_folders(const std::vector<FolderFormat>& folders, std::span<const Migration> migrations,
                                      const std::string& backup, int64_t backups, const OnStep& on_step = {});
/// What a crash has left of an upgrade of this folder.
Result<> finish_upgrade(const std::string& folder);

}  // namespace ipfsc::app
