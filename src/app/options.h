// From the configuration to each folder's own options. Pure.
#pragma once

#include "api/gateway/options.h"
#include "api/pinning/options.h"
#include "api/proxy/options.h"
#include "api/rest/options.h"
#include "cluster/options.h"
#include "config/configuration.h"
#include "consensus/options.h"
#include "identity/identity.h"
#include "ipfs/kubo/options.h"
#include "ipfs/options.h"
#include "rpc/options.h"
#include "state/options.h"
#include "tracker/options.h"

namespace ipfsc::app {

/// Everything a peer is built from.
struct PeerOptions {
  cluster::ClusterOptions cluster;
  state::StateOptions state;
  consensus::RaftOptions raft;
  tracker::TrackerOptions tracker;
  std::optional<rpc::RpcOptions> rpc;           ///< always set; not default-constructible
  bool leave_on_shutdown = false;               ///< a planned end takes this peer out of the cluster
  std::vector<ipld::Multiaddr> bootstrap;       ///< --bootstrap: peers to join when this one has no data
  std::vector<ipld::Multiaddr> peer_addresses;  ///< of other peers, from the configuration
  std::vector<ipld::PeerId> first_peers;        ///< with which a new cluster begins, beside this one
  std::string rejoin_path;                      ///< like bootstrap, in a file that goes when this peer has joined
  std::string peerstore_path;                   ///< addresses of other peers, a line each

  bool use_embedded = true;
  ipfs::EmbeddedOptions embedded;
  ipfs::GatewayOptions block_gateways;
  cluster::BlockExchangeOptions block_exchange;
  ipfs::KuboOptions kubo;

  std::optional<api::rest::RestOptions> rest;
  std::optional<api::proxy::ProxyOptions> proxy;
  std::optional<api::pinning::PinningOptions> pinning;
  std::optional<api::gateway::GatewayOptions> gateway;
  bool gateway_may_be_busy = false;                ///< at its default address: a warning, not an error
  std::vector<ipld::Multiaddr> metrics_addresses;  ///< of the Prometheus endpoint; empty = off
};

/// kInvalidArgument naming the key that cannot be used.
Result<PeerOptions> peer_options(const config::Configuration& config, const identity::Identity& identity);

}  // namespace ipfsc::app
