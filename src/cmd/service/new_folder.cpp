#include "cmd/service/new_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ranges>

namespace ipfsc::cmd::service {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBuilding = ".migrating", kBackup = "before-migration.", kLock = "cluster.lock",
                           kLast = "service.json";

std::unexpected<Error> failed(std::string_view doing, const std::error_code& ec) {
  return fail(ErrorKind::kUnavailable, fmt::format("{}: {}", doing, ec.message()));
}

Result<std::vector<std::string>> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    names.push_back(it->path().filename().string());
  }
  if (ec) return failed("reading " + folder, ec);
  std::ranges::sort(names);
  return names;
}

Result<> move(const std::string& from, const std::string& to) {
  std::error_code ec;
  fs::rename(from, to, ec);
  if (ec) return failed(fmt::format("moving {} to {}", from, to), ec);
  return {};
}

Result<> sync(const std::string& folder) {
  int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = fd >= 0 && ::fsync(fd) == 0;
  std::error_code ec(errno, std::generic_category());
  if (fd >= 0) ::close(fd);
  if (!ok) return failed("syncing " + folder, ec);
  return {};
}

}  // namespace

Result<NewFolder> NewFolder::make(std::string folder) {
  NewFolder out(folder);
  std::error_code ec;
  std::vector<std::string> missing;
  for (fs::path at = folder; !at.empty() && !fs::exists(at, ec); at = at.parent_path()) missing.push_back(at.string());
  for (const auto& path : missing | std::views::reverse) {
    if (::mkdir(path.c_str(), 0700) != 0) return failed("creating " + path, {errno, std::generic_category()});
    out.made_.insert(out.made_.begin(), path);
  }
  if (!fs::is_directory(folder, ec)) return fail(ErrorKind::kInvalidArgument, folder + " is not a folder");
  return out;
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (began_) fs::remove_all(path(), ignored);
  if (!made_.empty()) fs::remove(folder_ + "/" + std::string(kLock), ignored);
  for (const auto& path : made_) fs::remove(path, ignored);
}

std::string NewFolder::path() const { return folder_ + "/" + std::string(kBuilding); }

Result<> NewFolder::begin() {
  std::error_code ec;
  fs::remove_all(path(), ec);
  if (ec) return failed("removing " + path(), ec);
  if (::mkdir(path().c_str(), 0700) != 0) return failed("creating " + path(), {errno, std::generic_category()});
  began_ = true;
  return {};
}

Result<std::vector<std::string>> NewFolder::occupied() const {
  TRY_ASSIGN(auto names, names_in(folder_));
  std::erase_if(names, [](const std::string& name) {
    return name == kBuilding || name == kLock || name == "lost+found" || name.starts_with(kBackup);
  });
  return names;
}

Result<std::string> NewFolder::put_in_place() {
  std::vector<std::pair<std::string, std::string>> done;
  auto move_into = [&done](const std::string& from, const std::string& to, const std::string& name) -> Result<> {
    TRY(move(from + "/" + name, to + "/" + name));
    done.emplace_back(from + "/" + name, to + "/" + name);
    return {};
  };
  auto all = [&]() -> Result<std::string> {
    TRY_ASSIGN(auto old, occupied());
    TRY_ASSIGN(auto built, names_in(path()));
    std::string backup;
    if (!old.empty()) {
      TRY_ASSIGN(backup, make_backup());
      std::ranges::partition(old, [](const std::string& name) { return name == kLast; });
      for (const auto& name : old) TRY(move_into(folder_, backup, name));
      TRY(sync(backup));
    }
    std::ranges::partition(built, [](const std::string& name) { return name != kLast; });
    for (const auto& name : built) {
      if (name == kLast) TRY(sync(folder_));
      TRY(move_into(path(), folder_, name));
    }
    TRY(sync(folder_));
    return backup;
  };
  auto placed = all();
  if (placed) {
    made_.clear();
  } else {
    for (auto& [from, to] : done | std::views::reverse) (void)move(to, from);
  }
  return placed;
}

Result<std::string> NewFolder::make_backup() const {
  std::string backup;
  std::error_code ec;
  for (int n = 0; backup.empty() || fs::exists(backup, ec); ++n) backup = fmt::format("{}/{}{}", folder_, kBackup, n);
  if (::mkdir(backup.c_str(), 0700) != 0) return failed("creating " + backup, {errno, std::generic_category()});
  return backup;
}

}  // namespace ipfsc::cmd::service
