// The IPFS proxy of a peer (reference: ipfs-proxy): Kubo's RPC, in which pinning and adding mean the whole cluster.
#pragma once

#include <memory>
#include <vector>

#include "api/proxy/options.h"
#include "base/runtime.h"

namespace ipfsc::cluster {
class Cluster;
class RepoStats;
}  // namespace ipfsc::cluster
namespace ipfsc::ipfs {
class IpfsNode;
}

namespace ipfsc::api::proxy {

/// I/O thread only. stop() must be awaited before destruction.
class IpfsProxy {
 public:
  IpfsProxy(Runtime& runtime, ProxyOptions options);
  ~IpfsProxy();
  IpfsProxy(const IpfsProxy&) = delete;
  IpfsProxy& operator=(const IpfsProxy&) = delete;

  /// Binds all addresses and accepts. What goes to Kubo is passed on at once; our own commands are 503 until serve()
  /// was called and Cluster::ready() is true. Errors as of HttpApi::listen().
  Result<> listen();
  /// All must live until stop() has returned. `content`: where cat and block/get read without a Kubo.
  void serve(cluster::Cluster& cluster, cluster::RepoStats& repo_stats, ipfs::IpfsNode& content);
  const std::vector<ipld::Multiaddr>& addresses() const;

  /// Takes no more requests, lets running ones end until `deadline`, then cancels them.
  boost::asio::awaitable<void> stop(SteadyTime deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfsc::api::proxy
