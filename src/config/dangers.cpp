// What `config check` says of a configuration that can be used.
#include <fmt/format.h>

#include <algorithm>

#include "config/configuration.h"

namespace ipfsc::config {
namespace {

bool reachable_from_outside(const ipld::Multiaddr& address) {
  auto tcp = address.tcp();
  return tcp && !tcp->host.starts_with("127.") && tcp->host != "::1" && tcp->host != "localhost";
}

class Looker {
 public:
  explicit Looker(const Configuration& config) : config_(config) {}

  std::vector<std::string> look() {
    cluster();
    api("api.restapi", config_.restapi);
    api("api.pinsvcapi", config_.pinsvcapi);
    if (config_.ipfsproxy.present && !config_.ipfsproxy.basic_auth_credentials) {
      open("api.ipfsproxy", config_.ipfsproxy.listen_multiaddress,
           "without basic_auth_credentials anybody who reaches it can pin, unpin and use Kubo's API");
    }
    if (config_.metrics.enable_stats) {
      open("observations.metrics", config_.metrics.prometheus_endpoint, "its figures are open to everybody");
    }
    kubo();
    return std::move(out_);
  }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) {
    out_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  void open(std::string_view what, const Addresses& addresses, std::string_view danger) {
    for (const auto& address : addresses) {
      if (reachable_from_outside(address)) say("{} listens on {}: {}", what, address.to_string(), danger);
    }
  }

  void cluster() {
    const auto& cluster = config_.cluster;
    if (cluster.secret.bytes.empty()) {
      say("cluster.secret is empty: only peers on this machine can join");
    } else if (std::count(cluster.secret.bytes.begin(), cluster.secret.bytes.end(), cluster.secret.bytes.front()) ==
               32) {
      say("cluster.secret is one byte 32 times: whoever guesses it is a member (openssl rand -hex 32 makes another)");
    }
    if (!cluster.previous_secret.bytes.empty()) {
      say("cluster.previous_secret is accepted as well: remove it when all peers have the new one");
    }
    if (cluster.leave_on_shutdown) {
      say("cluster.leave_on_shutdown: this peer leaves the cluster at every restart and has to join again");
    }
    if (cluster.disable_repinning) {
      say("cluster.disable_repinning: the copies of a peer that is lost are not made elsewhere");
    }
    if (cluster.replication_factor_min == 1 && cluster.replication_factor_max == 1) {
      say("cluster.replication_factor_min and max are 1: a lost peer takes its pins with it");
    }
  }

  void api(std::string_view name, const HttpApi& api) {
    if (!api.present) return;
    bool guarded = api.basic_auth_credentials || !api.users.empty() || !api.client_ca_file.empty();
    if (!guarded) {
      open(name, api.http_listen_multiaddress,
           "without basic_auth_credentials anybody who reaches it can do everything");
    } else if (api.ssl_cert_file.empty()) {
      open(name, api.http_listen_multiaddress, "without ssl_cert_file passwords go over the network as plain text");
    }
  }

  void kubo() {
    const auto& http = config_.ipfshttp;
    if (!http.present) return;
    bool credentials = !http.node_basic_auth.empty() || !http.node_bearer_token.empty();
    if (credentials && !http.node_https && reachable_from_outside(http.node_multiaddress)) {
      say("ipfs_connector.ipfshttp: without node_https the credentials for Kubo go over the network as plain text");
    }
    if (http.unpin_disable) say("ipfs_connector.ipfshttp.unpin_disable: nothing is ever unpinned on this peer's Kubo");
  }

  const Configuration& config_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> dangers(const Configuration& config) { return Looker(config).look(); }

}  // namespace ipfsc::config
