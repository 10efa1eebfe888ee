#include "base/gather.h"
#include "base/log.h"
#include "cluster/cluster.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");

constexpr Duration kReport = std::chrono::seconds(10);  // progress in the log

}  // namespace

/// The keys go to `on_key` only.
Task<model::RepoGc> Cluster::gc_here(OnGcKey on_key) {
  model::RepoGc mine{.peer = options_.self, .peername = options_.peername};
  uint64_t removed = 0;
  auto said = runtime_.now();
  auto result = co_await ipfs_.gc([&](const ipfs::GcItem& item) {
    ++removed;
    if (auto now = runtime_.now(); now - said >= kReport) {
      said = now;
      log.info("garbage collection: {} blocks removed so far", removed);
    }
    on_key({.key = item.cid.empty() ? std::nullopt : std::optional(item.cid), .error = item.error});
  });
  if (result) {
    mine.freed_disk_bytes = result->freed_disk_bytes;
    log.info("garbage collection: {} blocks removed ({} bytes), {} bytes freed on disk", result->removed_blocks,
             result->removed_bytes, result->freed_disk_bytes);
  } else {
    if (result.error().kind == ErrorKind::kCancelled) co_return std::unexpected(result.error());
    mine.error = result.error().message;
  }
  co_return mine;
}

Task<model::RepoGc> Cluster::gc_at(ipld::PeerId peer, OnGcProgress on_progress) {
  std::vector<model::RepoGcKey> keys;
  auto on_key = [&](model::RepoGcKey key) {
    keys.push_back(std::move(key));
    if (on_progress) on_progress(peer, keys.size());
  };
  auto result = peer == options_.self ? co_await gc_here(on_key) : co_await calls_.gc(peer, on_key);
  if (result) result->keys = std::move(keys);
  if (result || result.error().kind == ErrorKind::kCancelled) co_return result;
  model::RepoGc failed{.peer = peer, .peername = calls_.facts(peer)->peername};
  failed.error = result.error().message;
  co_return failed;
}

Task<model::GlobalRepoGc> Cluster::gc(bool local, OnGcProgress on_progress) {
  std::vector<Task<model::RepoGc>> collections;
  collections.push_back(gc_at(options_.self, on_progress));
  if (!local) {
    for (const auto& peer : calls_.others()) collections.push_back(gc_at(peer, on_progress));
  }
  model::GlobalRepoGc all;
  for (auto& result : co_await gather(runtime_, std::move(collections))) {
    CO_TRY(result);
    auto peer = result->peer;
    all.peers.emplace(std::move(peer), *std::move(result));
  }
  co_return all;
}

}  // namespace ipfsc::cluster
