// The IPFS Pinning Service API of a peer (docs/pinning-service.md). Listens at once; answers from the cluster once it
// has one.
#pragma once

#include <memory>
#include <vector>

#include "api/pinning/options.h"
#include "base/runtime.h"

namespace ipfsc::cluster {
class Cluster;
}

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
  /// From now on requests are answered from `cluster`, which must live until stop() has returned.
  void serve(cluster::Cluster& cluster);
  const std::vector<ipld::Multiaddr>& addresses() const;

  /// Takes no more requests, lets running ones end until `deadline`, then cancels them.
  boost::asio::awaitable<void> stop(SteadyTime deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfsc::api::pinning
