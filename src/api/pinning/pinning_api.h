// The IPFS Pinning Service API of a peer (docs/pinning-service.md). Listens at once; answers from the cluster once it
// has one.
#pragma once

#include <memory>
#include <vector>

#include "api/pinning/options.h"
#include "base/runtime.h"

namespace ipfsc::cluster {
class Cluster;
class Records;
}  // namespace ipfsc::cluster

namespace ipfsc::api::pinning {

/// I/O thread only. stop() must be awaited before destruction.
class PinningApi {
 public:
  PinningApi(Runtime& runtime, PinningOptions options);
  ~PinningApi();
  PinningApi(const PinningApi&) = delete;
  PinningApi& operator=(const PinningApi&) = delete;

  /// Binds all addresses and accepts, as RestApi::listen().
  Result<> listen();
  /// From now on requests are answered from `cluster`, tokens from `records`, which must live until stop() has
  /// returned.
  void serve(cluster::Cluster& cluster, const cluster::Records& records);
  const std::vector<ipld::Multiaddr>& addresses() const;

  /// Takes no more requests, lets running ones end until `deadline`, then cancels them.
  boost::asio::awaitable<void> stop(SteadyTime deadline);

  /// Takes over what can change while it serves (common::HttpApi::reload).
  Result<> reload(const PinningOptions& options);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfsc::api::pinning
