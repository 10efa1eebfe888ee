// The rules between keys. Rules of one key alone are in the table.
#include <fmt/format.h>

#include "base/log_levels.h"
#include "config/configuration.h"

namespace ipfsc::config {
namespace {

std::unexpected<Error> wrong(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

Result<> validate_cluster(const Cluster& cluster) {
  if (cluster.listen_multiaddress.empty()) return wrong("cluster.listen_multiaddress is undefined");
  auto min = cluster.replication_factor_min, max = cluster.replication_factor_max;
  if (min == 0 || max == 0) return wrong("cluster.replication_factor_min and max must be set");
  if (min > max) return wrong("cluster.replication_factor_min is larger than max");
  if (min < -1) return wrong("cluster.replication_factor_min is wrong");
  if (max < -1) return wrong("cluster.replication_factor_max is wrong");
  if ((min == -1) != (max == -1)) {
    return wrong("cluster.replication_factor_min and max must be -1 when one of them is");
  }
  for (const auto& address : cluster.peer_addresses) {
    if (!address.peer_id()) return wrong("cluster.peer_addresses: " + address.to_string() + " has no /p2p/<id>");
  }
  if (cluster.peerstore_file.empty() || cluster.peerstore_file.find('/') != std::string::npos) {
    return wrong("cluster.peerstore_file must be a file name without a folder");
  }
  return {};
}

/// Addresses on which an HTTP server can listen.
Result<> validate_listeners(std::string_view key, const Addresses& addresses) {
  for (const auto& address : addresses) {
    if (!address.unix_path() && !address.tcp()) {
      return wrong(fmt::format("{}: cannot listen on {}: it has neither /tcp nor /unix", key, address.to_string()));
    }
  }
  return {};
}

template <class Api>
Result<> validate_certificate(std::string_view name, const Api& api) {
  if (api.ssl_cert_file.empty() == api.ssl_key_file.empty()) return {};
  return wrong(fmt::format("{}.ssl_cert_file and ssl_key_file must both be set, or none", name));
}

Result<> validate_http(std::string_view name, const HttpApi& api) {
  TRY(validate_certificate(name, api));
  if (!api.client_ca_file.empty() && api.ssl_cert_file.empty()) {
    return wrong(fmt::format("{}.client_ca_file needs ssl_cert_file and ssl_key_file", name));
  }
  return validate_listeners(fmt::format("{}.http_listen_multiaddress", name), api.http_listen_multiaddress);
}

Result<> validate_node(std::string_view key, const ipld::Multiaddr& node) {
  if (node.empty()) return wrong(fmt::format("{} is undefined", key));
  if (!node.unix_path() && !node.tcp())
    return wrong(fmt::format("{}: {} has neither /tcp nor /unix", key, node.to_string()));
  return {};
}

}  // namespace

Result<> validate(const Configuration& config) {
  if (!config.cluster.present) return wrong("there is no cluster section");
  if (!config.raft.present) return wrong("could not determine the consensus component");
  TRY(validate_cluster(config.cluster));
  if (auto levels = check_log_levels(config.logs.level); !levels) {
    return fail(levels.error().with_context("logs.level"));
  }
  TRY(validate_http("restapi", config.restapi));
  TRY(validate_http("pinsvcapi", config.pinsvcapi));
  TRY(validate_listeners("ipfsproxy.listen_multiaddress", config.ipfsproxy.listen_multiaddress));
  TRY(validate_certificate("ipfsproxy", config.ipfsproxy));
  TRY(validate_listeners("gateway.http_listen_multiaddress", config.gateway.http_listen_multiaddress));
  TRY(validate_listeners("metrics.prometheus_endpoint", config.metrics.prometheus_endpoint));
  if (config.embedded.present && config.ipfshttp.present) {
    return wrong("ipfs_connector has both embedded and ipfshttp: leave one");
  }
  TRY(validate_node("ipfshttp.node_multiaddress", config.ipfshttp.node_multiaddress));
  TRY(validate_node("ipfsproxy.node_multiaddress", config.ipfsproxy.node_multiaddress));
  if (config.embedded.gc_high_water > 100) return wrong("embedded.gc_high_water is in percent: at most 100");
  for (const auto& url : config.embedded.gateways) {
    if (!url.starts_with("http://") && !url.starts_with("https://")) {
      return wrong("embedded.gateways: \"" + url + "\" does not begin with http:// or https://");
    }
  }
  if (!config.disk.present && !config.tags.present && !config.pinqueue.present && !config.bandwidth.present &&
      !config.rtt.present) {
    return wrong("no informers are passed");
  }
  if (config.disk.metric_type != "freespace" && config.disk.metric_type != "reposize") {
    return wrong("disk.metric_type must be freespace or reposize, not \"" + config.disk.metric_type + "\"");
  }
  return {};
}

}  // namespace ipfsc::config
