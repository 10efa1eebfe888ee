// GET /ipfs/<cid>[/path]: reading what this peer's IPFS node holds, with any browser or HTTP client.
#pragma once

#include <memory>
#include <vector>

#include "api/gateway/options.h"
#include "base/runtime.h"

namespace ipfsc::ipfs {
class IpfsNode;
}

namespace ipfsc::api::gateway {

/// I/O thread only. stop() must be awaited before destruction.
class Gateway {
 public:
  Gateway(Runtime& runtime, GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Binds all addresses and accepts; 503 until serve(). Errors as in HttpServer::listen.
  Result<> listen();
  /// From now on content comes from `node`, which must live until stop() has returned.
  void serve(ipfs::IpfsNode& node);
  const std::vector<ipld::Multiaddr>& addresses() const;
  boost::asio::awaitable<void> stop(SteadyTime deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfsc::api::gateway
