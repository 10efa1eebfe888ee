// A configuration folder that is built aside and put in place as a whole.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ipfsc::cmd::service {

/// What is built lies inside the folder, so that putting it in place is renames within one file system, also where the
/// folder is a mount. Dropped before put_in_place() it leaves everything as it was. The caller holds the folder's lock
/// from begin() on.
class NewFolder {
 public:
  /// Makes `folder`, and those that it is in, when they are missing. The lock is taken after this and before begin().
  static Result<NewFolder> make(std::string folder);
  NewFolder(NewFolder&& other) noexcept
      : folder_(std::move(other.folder_)),
        made_(std::exchange(other.made_, {})),
        began_(std::exchange(other.began_, false)) {}
  NewFolder& operator=(NewFolder&&) = delete;
  ~NewFolder();

  /// Removes what an earlier try left, and makes path().
  Result<> begin();
  std::string path() const;
  /// Names in the folder that put_in_place() would set aside.
  Result<std::vector<std::string>> occupied() const;
  /// What was there is moved into <folder>/before-migration.N, service.json first; then what was built takes its place,
  /// service.json last: a crash in between leaves a folder without a configuration, which nothing starts with. An
  /// error leaves what was there. Returns where the old content is; empty when there was none.
  Result<std::string> put_in_place();

 private:
  Result<std::string> make_backup() const;

  explicit NewFolder(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
  std::vector<std::string> made_;  // folders that are removed again when they are not used, the innermost first
  bool began_ = false;             // path() is there
};

}  // namespace ipfsc::cmd::service
