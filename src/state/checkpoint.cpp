// Copies of the state's directory, and how one is put in the state's place.
//
// The way of a new directory: it comes to <path>.next; the old one goes to <path>.old; the new one to <path>; the old
// one is removed. Each step is one rename, durable before the next, so what is there after a crash says how far it got.
#include "base/log.h"
#include "state/impl.h"
#include "storage/folder.h"

namespace ipfsc::state {
namespace {

LogComponent log("state");

std::string next_folder(const StateOptions& options) { return options.path + ".next"; }
std::string old_folder(const StateOptions& options) { return options.path + ".old"; }

Result<> sync_parent(const StateOptions& options) {
  return storage::sync_folder(storage::parent_folder(options.path), options.env);
}

}  // namespace

Result<StateInfo> StateImpl::checkpoint(const std::string& path) {
  {
    std::shared_lock lock(life);
    TRY(check_usable());
    TRY(store->db().checkpoint(path));
  }
  // What was applied meanwhile may be in it or not: it says so itself.
  StateOptions copy = options;
  copy.path = path;
  return State::inspect(copy);
}

Result<> StateImpl::install(const std::string& from) {
  auto next = next_folder(options), old = old_folder(options);
  if (!storage::Database::exists(from, options.env)) {
    return fail(ErrorKind::kNotFound, fmt::format("there is no state in {}", from));
  }
  if (from != next) {
    TRY(storage::remove_folder(next, options.env));
    TRY(storage::rename_folder(from, next, options.env));
  }
  TRY(sync_parent(options));
  TRY(storage::remove_folder(old, options.env));
  {
    std::unique_lock lock(life);
    close();
    auto set_aside = storage::rename_folder(options.path, old, options.env);
    if (set_aside) set_aside = sync_parent(options);
    // It puts the new one in place when the old one is away.
    TRY(open());
    TRY(std::move(set_aside));
  }
  remove_replaced();
  return {};
}

/// Puts the new directory in place when an install() has set the old one aside.
Result<> StateImpl::finish_install() const {
  auto next = next_folder(options), old = old_folder(options);
  auto complete = [&](const std::string& path) { return storage::Database::exists(path, options.env); };
  if (complete(options.path) || (!complete(next) && !complete(old))) return {};
  TRY(storage::rename_folder(complete(next) ? next : old, options.path, options.env));
  return sync_parent(options);
}

/// Tried again at the next open().
void StateImpl::remove_replaced() const {
  for (const auto& path : {next_folder(options), old_folder(options)}) {
    if (auto removed = storage::remove_folder(path, options.env); !removed) log.warn("{}", removed.error().message);
  }
}

}  // namespace ipfsc::state
