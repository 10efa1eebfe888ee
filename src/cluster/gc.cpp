#include "base/log.h"
#include "cluster/cluster.h"

namespace ipfsc::cluster {

Task<model::GlobalRepoGc> Cluster::gc(bool) {
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
  model::GlobalRepoGc all;
  all.peers.emplace(options_.self, std::move(mine));
  co_return all;
}

}  // namespace ipfsc::cluster
