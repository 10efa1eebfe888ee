#include "storage/folder.h"

#include <fmt/format.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <vector>

#include "storage/status.h"

namespace ipfsc::storage {
namespace {

rocksdb::Env& of(rocksdb::Env* env) { return env != nullptr ? *env : *rocksdb::Env::Default(); }

}  // namespace

bool folder_exists(const std::string& path, rocksdb::Env* env) { return of(env).FileExists(path).ok(); }

Result<> make_folder(const std::string& path, rocksdb::Env* env) {
  return check(of(env).CreateDirIfMissing(path), fmt::format("make the folder {}", path));
}

Result<> remove_folder(const std::string& path, rocksdb::Env* env) {
  if (!folder_exists(path, env)) return {};
  std::string doing = fmt::format("remove the folder {}", path);
  std::vector<std::string> names;
  TRY(check(of(env).GetChildren(path, &names), doing));
  std::ranges::partition(names, [](const auto& name) { return name == "CURRENT"; });
  for (const auto& name : names) {
    if (name == "." || name == "..") continue;
    TRY(check(of(env).DeleteFile(path + "/" + name), doing));
  }
  auto removed = of(env).DeleteDir(path);
  return removed.IsNotFound() ? Result<>() : check(removed, doing);
}

Result<> rename_folder(const std::string& from, const std::string& to, rocksdb::Env* env) {
  return check(of(env).RenameFile(from, to), fmt::format("rename {} to {}", from, to));
}

Result<> sync_folder(const std::string& path, rocksdb::Env* env) {
  std::string doing = fmt::format("sync the folder {}", path);
  std::unique_ptr<rocksdb::Directory> directory;
  TRY(check(of(env).NewDirectory(path, &directory), doing));
  return check(directory->Fsync(), doing);
}

std::string parent_folder(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace ipfsc::storage
