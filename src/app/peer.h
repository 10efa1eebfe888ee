// Peer: one running peer, built from options and seams. The daemon and whole-peer tests both build it here.
#pragma once

#include <memory>

#include "api/gateway/gateway.h"
#include "api/metrics/metrics.h"
#include "api/pinning/pinning_api.h"
#include "api/proxy/ipfs_proxy.h"
#include "api/rest/rest_api.h"
#include "app/options.h"
#include "base/runtime.h"
#include "cluster/block_exchange.h"
#include "cluster/cluster.h"
#include "cluster/membership.h"
#include "cluster/records.h"
#include "cluster/repo_stats.h"
#include "consensus/consensus.h"
#include "ipfs/ipfs_node.h"
#include "net/http_server.h"
#include "rpc/grpc/grpc_client.h"
#include "rpc/grpc/grpc_server.h"
#include "rpc/meter.h"
#include "state/state.h"
#include "tracker/tracker.h"

namespace ipfsc::app {

/// I/O thread only. stop() must be awaited before destruction, also when start() failed or was cancelled.
class Peer {
 public:
  Peer(Runtime& runtime, PeerOptions options);
  ~Peer();

  /// Listeners first (they answer /livez at once and 503 for the rest), then the data, then ready. Can be cancelled.
  Task<> start();
  /// In the reverse order; flushes what has to be flushed.
  Task<> stop();

  /// Takes over what can change while it runs: users, certificates, limits and logs of the APIs, this peer's
  /// tags, rates of blocks and movements. An error: it cannot use
  /// what is there, and nothing was changed. After start().
  Result<> reload(const PeerOptions& options);

  cluster::Cluster* cluster() { return cluster_.get(); }
  /// Returns when this peer was removed from its cluster, or superseded_by() or given_up() says something; not before
  /// start() has returned.
  Task<> wait_expelled() { return membership_->wait_expelled(); }
  bool removed() const { return membership_ && membership_->removed(); }
  /// Why this peer cannot go on with its log.
  std::optional<Error> given_up() const { return membership_ ? membership_->given_up() : std::nullopt; }
  /// Members of a later incarnation of the cluster, which this peer is to join without its data.
  std::vector<ipld::Multiaddr> superseded_by() const {
    return membership_ ? membership_->superseded_by() : std::vector<ipld::Multiaddr>();
  }
  /// Where the APIs and the gateway listen, with real ports.
  std::vector<ipld::Multiaddr> rest_addresses() const;
  std::vector<ipld::Multiaddr> proxy_addresses() const;
  std::vector<ipld::Multiaddr> pinning_addresses() const;
  std::vector<ipld::Multiaddr> gateway_addresses() const;

 private:
  Task<> open_data();
  Task<> join_if_asked();
  std::vector<ipld::Multiaddr> first_to_join() const;
  Result<> listen_peers();
  Task<> open_node();
  Result<> listen_rest();
  Result<> listen_proxy();
  Result<> listen_pinning();
  Result<> listen_gateway();
  Result<> listen_metrics();
  api::metrics::MetricsSources metrics_sources();

  Runtime& runtime_;
  PeerOptions options_;
  // In the order of their construction; stop() goes backwards.
  cluster::Traffic traffic_;
  RateLimiter sending_blocks_;
  std::unique_ptr<api::rest::RestApi> rest_;
  std::unique_ptr<api::proxy::IpfsProxy> proxy_;
  std::unique_ptr<api::pinning::PinningApi> pinning_;
  rpc::Meter meter_{runtime_};
  rpc::Router router_;
  std::unique_ptr<rpc::GrpcClient> connections_;
  std::unique_ptr<rpc::MeteredClient> client_;
  std::unique_ptr<state::State> state_;
  std::unique_ptr<cluster::Membership> membership_;
  std::unique_ptr<consensus::Consensus> consensus_;
  std::unique_ptr<ipfs::IpfsNode> node_;
  std::unique_ptr<tracker::PinTracker> tracker_;
  std::unique_ptr<cluster::Cluster> cluster_;
  std::unique_ptr<cluster::Records> records_;
  std::unique_ptr<rpc::GrpcServer> server_;
  std::shared_ptr<cluster::PeerSource> peer_blocks_;
  std::unique_ptr<cluster::ReadThroughNode> content_;
  std::unique_ptr<cluster::RepoStats> repo_stats_;
  std::unique_ptr<api::gateway::Gateway> gateway_;
  std::unique_ptr<net::HttpServer> gateway_server_;
  std::unique_ptr<api::metrics::Metrics> metrics_;
  std::unique_ptr<net::HttpServer> metrics_server_;
  bool started_ = false;
};

}  // namespace ipfsc::app
