// Renames and copies that are on the disk when they return, and numbered backups. Blocking. Inside app/ only.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include "base/result.h"

namespace ipfsc::app {

Error io_error(std::string_view doing, const std::error_code& ec);
/// Durable with sync_folder_of(to).
Result<> rename_path(const std::string& from, const std::string& to);
/// fsync of a file or of the names in a folder.
Result<> sync_path(const std::string& path);
Result<> sync_folder_of(const std::string& path);

/// Makes <base>.0 free: it becomes <base>.1, and so on to <base>.(backups − 1); the oldest is removed.
Result<> rotate_backups(const std::string& base, int64_t backups);
std::string backup_name(const std::string& base, int64_t number);
/// Makes <base>.0 an empty folder and returns its name.
Result<std::string> make_backup_folder(const std::string& base, int64_t backups);

}  // namespace ipfsc::app
