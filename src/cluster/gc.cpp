#include "base/gather.h"
#include "base/log.h"
#include "cluster/cluster.h"

namespace ipfsc::cluster {

Task<model::RepoGc> Cluster::gc_here() {
  static LogComponent log("cluster");
  model::RepoGc mine{.peer = options_.self, .peername = options_.peername};
  auto result = co_await ipfs_.gc(
      [&mine](const ipfs::GcItem& item) { mine.keys.push_back({.key = item.cid, .error = item.error}); });
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

Task<model::RepoGc> Cluster::gc_at(ipld::PeerId peer) {
  auto result = peer == options_.self ? co_await gc_here() : co_await calls_.gc(peer);
  if (result || result.error().kind == ErrorKind::kCancelled) co_return result;
  model::RepoGc failed{.peer = peer, .peername = calls_.facts(peer)->peername};
  failed.error = result.error().message;
  co_return failed;
}

Task<model::GlobalRepoGc> Cluster::gc(bool local) {
  std::vector<Task<model::RepoGc>> collections;
  collections.push_back(gc_at(options_.self));
  if (!local) {
    for (const auto& peer : calls_.others()) collections.push_back(gc_at(peer));
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
