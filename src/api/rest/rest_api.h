// The REST API of a peer (reference: rest-api). Listens at once; answers from the cluster once it has one.
#pragma once

#include <memory>
#include <vector>

#include "api/rest/options.h"
#include "base/runtime.h"

namespace ipfsc::cluster {
class Cluster;
class Records;
}  // namespace ipfsc::cluster

namespace ipfsc::api::rest {

/// I/O thread only. stop() must be awaited before destruction.
class RestApi {
 public:
  RestApi(Runtime& runtime, RestOptions options);
  ~RestApi();
  RestApi(const RestApi&) = delete;
  RestApi& operator=(const RestApi&) = delete;

  /// Binds all addresses and accepts. /livez is answered; all else is 503 with Retry-After until serve() was called and
  /// Cluster::ready() is true. kAlreadyExists when an address is in use, kInvalidArgument for addresses, certificates
  /// or a log file that cannot be used.
  Result<> listen();
  /// From now on requests are answered from these, which must live until stop() has returned.
  void serve(cluster::Cluster& cluster, cluster::Records& records);
  const std::vector<ipld::Multiaddr>& addresses() const;

  /// Takes no more requests, lets running ones end until `deadline`, then cancels them.
  boost::asio::awaitable<void> stop(SteadyTime deadline);

  /// Takes over what can change while it serves (common::HttpApi::reload).
  Result<> reload(const RestOptions& options);
  /// Every "METHOD pattern" that it serves.
  std::vector<std::string> routes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfsc::api::rest
