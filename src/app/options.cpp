#include "app/options.h"

#include <algorithm>

#include "app/data_folders.h"
#include "app/interfaces.h"
#include "base/log.h"
#include "base/version.h"
#include "cluster/roles.h"
#include "net/http_client.h"

namespace ipfsc::app {
namespace {

LogComponent log("config");

/// Where other peers reach us: plain TCP, and only this machine without a secret.
std::vector<ipld::Multiaddr> listen_addresses(const config::Configuration& config) {
  std::vector<ipld::Multiaddr> out;
  for (const auto& address : config.cluster.listen_multiaddress) {
    auto tcp = address.tcp();
    if (!tcp || tcp->is_dns || address.parts().size() != 2) {
      log.warn("cluster.listen_multiaddress: {} is not offered: peers talk over /ip4 or /ip6 with /tcp",
               address.to_string());
    } else if (config.cluster.secret.bytes.empty() && !is_loopback(address)) {
      auto local = ipld::Multiaddr::parse(tcp->ip_version == 6 ? fmt::format("/ip6/::1/tcp/{}", tcp->port)
                                                               : fmt::format("/ip4/127.0.0.1/tcp/{}", tcp->port));
      log.warn("cluster.secret is empty: only peers on this machine can join, on {}", local->to_string());
      out.push_back(*std::move(local));
    } else {
      out.push_back(address);
    }
  }
  return out;
}

/// Addresses with this peer's id at their end.
std::vector<ipld::Multiaddr> own_addresses(const config::Configuration& config, const ipld::PeerId& self,
                                           const std::vector<ipld::Multiaddr>& listen) {
  std::vector<ipld::Multiaddr> out;
  const auto& announced = config.cluster.announce_multiaddress;
  for (const auto& address : announced.empty() ? with_real_hosts(listen) : announced) {
    if (!is_covered(address, config.cluster.no_announce_multiaddress)) out.push_back(address.with_peer_id(self));
  }
  if (out.empty()) log.warn("cluster.no_announce_multiaddress leaves no address at which others could reach this peer");
  return out;
}

Result<rpc::RpcOptions> rpc_options(const config::Configuration& config, const identity::Identity& identity) {
  Bytes secret(identity::kSecretBytes, '\0');
  if (!config.cluster.secret.bytes.empty()) secret = config.cluster.secret.bytes;
  TRY_ASSIGN(auto authority, identity::ClusterAuthority::from_secret(secret));
  rpc::RpcOptions options{.self = identity, .authority = std::move(authority), .listen = listen_addresses(config)};
  options.connect_timeout = config.cluster.dial_peer_timeout;
  if (const auto& previous = config.cluster.previous_secret.bytes; !previous.empty()) {
    TRY_ASSIGN(options.previous_authority, identity::ClusterAuthority::from_secret(previous));
  }
  return options;
}

Result<ipfs::KuboOptions> kubo_options(const config::IpfsHttp& http) {
  ipfs::KuboOptions options;
  TRY_ASSIGN(options.endpoint, net::Endpoint::from_multiaddr(http.node_multiaddress));
  if (http.node_https) options.endpoint.tls = true;
  if (!http.node_bearer_token.empty()) options.endpoint.authorization = "Bearer " + http.node_bearer_token;
  if (!http.node_basic_auth.empty()) {
    auto colon = http.node_basic_auth.find(':');
    if (colon == std::string::npos) {
      return fail(ErrorKind::kInvalidArgument, "ipfs_connector.ipfshttp.node_basic_auth: expected user:password");
    }
    options.endpoint.authorization =
        net::basic_auth(http.node_basic_auth.substr(0, colon), http.node_basic_auth.substr(colon + 1));
  }
  options.request_timeout = http.ipfs_request_timeout;
  options.pin_timeout = http.pin_timeout;
  options.unpin_timeout = http.unpin_timeout;
  options.repogc_timeout = http.repogc_timeout;
  options.unpin_disable = http.unpin_disable;
  return options;
}

ipfs::EmbeddedOptions embedded_options(const config::Configuration& config) {
  ipfs::EmbeddedOptions options;
  options.path = config.path(config.embedded.folder);
  options.agent_version = std::string("ipfs-cluster/") + std::string(kVersion);
  options.storage_max_bytes = config.embedded.storage_max.bytes;
  options.gc_high_water = static_cast<double>(config.embedded.gc_high_water) / 100;
  options.reserve_bytes = config.embedded.reserve.bytes;
  options.verify_on_read = config.embedded.verify_on_read;
  options.fetch_timeout = config.embedded.fetch_timeout;
  return options;
}

tracker::TrackerOptions tracker_options(const config::Configuration& config, const ipld::PeerId& self,
                                        const DataFolders& folders) {
  tracker::TrackerOptions options;
  options.path = folders.local;
  options.self = self;
  options.peername = config.cluster.peername;
  options.concurrency.start = static_cast<unsigned>(config.tracker.concurrent_pins);
  options.priority_pin_max_age = config.tracker.priority_pin_max_age;
  options.priority_pin_max_retries = static_cast<unsigned>(config.tracker.priority_pin_max_retries);
  if (config.uses_embedded_node()) {
    options.pin_timeout = std::chrono::minutes(2);
  } else {
    // Kubo bears what it is told to: Go's bound is kept.
    options.concurrency.most = options.concurrency.start;
    options.pin_timeout = config.ipfshttp.pin_timeout;
    options.unpin_timeout = config.ipfshttp.unpin_timeout;
    options.sync_interval = config.cluster.pin_recover_interval;
  }
  return options;
}

template <class Api>
net::ServerOptions server_options(const config::Configuration& config, const Api& api) {
  net::ServerOptions options;
  options.max_header_bytes = static_cast<size_t>(api.max_header_bytes);
  options.max_connections = static_cast<size_t>(api.max_connections);
  options.header_timeout = api.read_header_timeout;
  options.idle_timeout = api.idle_timeout;
  options.read_timeout = api.read_timeout;
  options.write_timeout = api.write_timeout;
  if (!api.ssl_cert_file.empty()) {
    options.tls = {.certificate_chain_file = config.path(api.ssl_cert_file),
                   .private_key_file = config.path(api.ssl_key_file)};
  }
  return options;
}

api::common::HttpApiOptions http_api_options(const config::Configuration& config, const config::HttpApi& from) {
  api::common::HttpApiOptions options;
  options.listen = from.http_listen_multiaddress;
  options.http = server_options(config, from);
  if (!from.client_ca_file.empty()) options.http.tls.client_ca_file = config.path(from.client_ca_file);
  options.credentials = from.basic_auth_credentials;
  for (const auto& [name, user] : from.users) {
    options.users.push_back(
        {.name = name, .password = user.password, .role = user.role, .operations = user.operations});
  }
  options.failed_tries = {.most = static_cast<size_t>(from.auth_max_failed_tries),
                          .window = from.auth_failed_tries_window};
  options.jwt_secret = config.cluster.secret.bytes;  // what the peers have in common: JWTs of one are good at all
  if (!from.audit_log_file.empty()) options.audit_log_file = config.path(from.audit_log_file);
  options.headers = from.headers;
  options.cors = {.allowed_origins = from.cors_allowed_origins,
                  .allowed_methods = from.cors_allowed_methods,
                  .allowed_headers = from.cors_allowed_headers,
                  .exposed_headers = from.cors_exposed_headers,
                  .allow_credentials = from.cors_allow_credentials,
                  .max_age = from.cors_max_age};
  if (!from.http_log_file.empty()) options.access_log_file = config.path(from.http_log_file);
  return options;
}

Result<api::proxy::ProxyOptions> proxy_options(const config::Configuration& config) {
  const auto& from = config.ipfsproxy;
  api::proxy::ProxyOptions options;
  options.listen = from.listen_multiaddress;
  options.http = server_options(config, from);
  options.credentials = from.basic_auth_credentials;
  if (!from.log_file.empty()) options.access_log_file = config.path(from.log_file);
  options.version = kVersion;
  options.extract_headers_path = from.extract_headers_path;
  options.extract_headers_extra = from.extract_headers_extra;
  options.extract_headers_ttl = from.extract_headers_ttl;
  if (config.uses_embedded_node()) {
    if (from.node_multiaddress != config::Proxy{}.node_multiaddress || from.node_https) {
      log.warn("api.ipfsproxy.node_multiaddress has no effect: the embedded IPFS node answers");
    }
    return options;
  }
  TRY_ASSIGN(options.kubo.emplace(), net::Endpoint::from_multiaddr(from.node_multiaddress));
  if (from.node_https) options.kubo->tls = true;
  // Who has shown us credentials may use what we have for Kubo; everybody else has to bring them.
  if (options.credentials && from.node_multiaddress == config.ipfshttp.node_multiaddress) {
    TRY_ASSIGN(auto connector, kubo_options(config.ipfshttp));
    options.kubo->authorization = connector.endpoint.authorization;
  }
  return options;
}

}  // namespace

Result<PeerOptions> peer_options(const config::Configuration& config, const identity::Identity& identity) {
  DataFolders folders(config);
  PeerOptions options;
  auto& cluster = options.cluster;
  cluster.self = identity.id;
  cluster.peername = config.cluster.peername;
  cluster.version = kVersion;
  TRY_ASSIGN(options.rpc, rpc_options(config, identity));
  cluster.addresses = own_addresses(config, identity.id, options.rpc->listen);
  options.leave_on_shutdown = config.cluster.leave_on_shutdown;
  options.peer_addresses = config.cluster.peer_addresses;
  options.first_peers = config.raft.init_peerset;
  options.peerstore_path = config.path(config.cluster.peerstore_file);
  cluster.replication_factor_min = static_cast<int>(config.cluster.replication_factor_min);
  cluster.replication_factor_max = static_cast<int>(config.cluster.replication_factor_max);
  TRY_ASSIGN(cluster.role, cluster::parse_role(config.cluster.role));
  cluster.approve_joins = config.cluster.join == "approve";
  cluster.follower_mode = config.cluster.follower_mode;
  cluster.write_timeout = config.raft.wait_for_leader_timeout;
  cluster.disable_repinning = config.cluster.disable_repinning;
  cluster.repin_grace = config.cluster.repin_grace;
  cluster.moves_per_second = static_cast<double>(config.cluster.moves_per_second);
  cluster.rebalance_on_join = config.cluster.rebalance_on_join;
  options.block_exchange.send_bytes_per_second = config.cluster.send_rate.bytes;
  options.block_exchange.receive_bytes_per_second = config.cluster.receive_rate.bytes;
  cluster.allocate_by = config.balanced.allocate_by;
  for (const auto& rule : config.balanced.spread) cluster.spread.push_back({.tag = rule.tag, .hard = rule.hard});
  cluster.metric_ttl = config.disk.metric_ttl;
  cluster.ping_ttl = 2 * config.cluster.monitor_ping_interval;
  if (config.tags.present) cluster.tags = config.tags.tags;
  cluster.tags_ttl = config.tags.metric_ttl;
  cluster.pinqueue_ttl = config.pinqueue.metric_ttl;
  cluster.pinqueue_bucket = config.pinqueue.weight_bucket_size;
  if (config.bandwidth.present) cluster.bandwidth_ttl = config.bandwidth.metric_ttl;
  cluster.bandwidth_bucket_bytes = config.bandwidth.weight_bucket_bytes;
  if (config.rtt.present) cluster.rtt_ttl = config.rtt.metric_ttl;

  options.state.path = folders.state;
  options.raft.self = identity.id;
  options.raft.path = folders.raft;
  options.raft.max_voters = static_cast<size_t>(config.cluster.max_voters);
  options.raft.voter_grace = config.cluster.voter_grace;
  options.rejoin_path = folders.raft + ".rejoin";
  auto election_ticks = config.raft.election_timeout / options.raft.tick;
  options.raft.election_ticks = static_cast<int>(std::clamp<int64_t>(election_ticks, 3, 10'000));
  options.tracker = tracker_options(config, identity.id, folders);

  options.use_embedded = config.uses_embedded_node();
  if (options.use_embedded) {
    options.embedded = embedded_options(config);
    options.block_gateways.urls = config.embedded.gateways;
  } else {
    TRY_ASSIGN(options.kubo, kubo_options(config.ipfshttp));
    cluster.connect_swarms_delay = config.ipfshttp.connect_swarms_delay;
  }
  if (config.restapi.present) options.rest.emplace(http_api_options(config, config.restapi));
  if (config.ipfsproxy.present) {
    TRY_ASSIGN(options.proxy, proxy_options(config));
  }
  if (config.pinsvcapi.present) options.pinning.emplace(http_api_options(config, config.pinsvcapi));
  if (config.gateway.present) {
    options.gateway.emplace();
    options.gateway->addresses = config.gateway.http_listen_multiaddress;
    options.gateway_may_be_busy = config.gateway.at_default_address();
  }
  if (config.metrics.enable_stats) options.metrics_addresses = config.metrics.prometheus_endpoint;
  return options;
}

}  // namespace ipfsc::app
