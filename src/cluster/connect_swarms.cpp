// The IPFS nodes of the cluster know each other, so that content of one is found by the others without the network.
#include <set>

#include "base/log.h"
#include "cluster/cluster.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("ipfshttp");

constexpr Duration kLook = std::chrono::seconds(15);  // for peers that came meanwhile

}  // namespace

/// Connects this peer's IPFS node with each other peer's, once; those that cannot be asked or reached are tried again.
Task<> Cluster::connect_swarms() {
  std::set<ipld::PeerId> connected;
  for (auto pause = options_.connect_swarms_delay;; pause = kLook) {
    CO_TRY(co_await runtime_.sleep_for(pause));
    for (const auto& peer : calls_.others()) {
      if (connected.contains(peer) || !calls_.worth_asking(peer)) continue;
      auto info = co_await calls_.id(peer);
      if (!info && info.error().kind == ErrorKind::kCancelled) co_return fail(info.error());
      if (!info || !info->error.empty() || !info->ipfs.error.empty()) continue;
      bool reached = info->ipfs.addresses.empty();  // an embedded node has none
      for (const auto& address : info->ipfs.addresses) {
        if (reached) break;
        auto done = co_await ipfs_.connect(address);
        if (!done && done.error().kind == ErrorKind::kCancelled) co_return done;
        if (!done) log.debug("connect to {}: {}", address.to_string(), done.error().message);
        reached = done.has_value();
      }
      if (reached) connected.insert(peer);
    }
  }
}

}  // namespace ipfsc::cluster
