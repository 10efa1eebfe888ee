#include "config/tables.h"

#include <fmt/format.h>

#include <limits>

#include "model/peer_roles.h"

namespace ipfsc::config {
namespace {

namespace json = boost::json;

/// What a value must be at least: whole numbers as they are, durations in nanoseconds.
constexpr int64_t kNoMinimum = std::numeric_limits<int64_t>::min();
constexpr int64_t kPositive = 1;
constexpr int64_t kNotNegative = 0;

constexpr std::string_view kJoins[] = {"open", "approve"};

struct Rules {
  int64_t at_least = kNoMinimum;
  bool zero_is_default = false;
  std::string_view missing = {};
  bool write_default = true;
  bool listener = false;
  bool secret = false;
  std::span<const std::string_view> one_of = {};  ///< of a string: what it may be
};

int64_t magnitude(int64_t value) { return value; }
int64_t magnitude(Duration value) { return value.count(); }
int64_t magnitude(const std::string& value) { return static_cast<int64_t>(value.size()); }
int64_t magnitude(const std::vector<std::string>& value) { return static_cast<int64_t>(value.size()); }
template <class T>
int64_t magnitude(const T&) {
  return std::numeric_limits<int64_t>::max();
}

const Configuration& defaults() {
  static const Configuration configuration;
  return configuration;
}

/// A key that does something: bound to a member of its section's struct.
template <class S, class T>
Field field(S Configuration::* section, T S::* member, std::string_view key, std::string_view doc, Rules rules = {}) {
  Field out{.key = key, .kind = KindOf<T>::value, .doc = doc};
  out.missing = rules.missing;
  out.write_default = rules.write_default;
  out.listener = rules.listener;
  out.secret = rules.secret;
  out.read = [=](Configuration& config, const json::value& in) -> Result<> {
    T& value = config.*section.*member;
    TRY(decode(in, value));
    if constexpr (std::is_same_v<T, std::string>) {
      if (!rules.one_of.empty() && std::ranges::find(rules.one_of, value) == rules.one_of.end()) {
        return fail(ErrorKind::kInvalidArgument, fmt::format("expected one of: {}", fmt::join(rules.one_of, " ")));
      }
    }
    if (rules.zero_is_default && magnitude(value) == 0) value = defaults().*section.*member;
    if (magnitude(value) < rules.at_least) {
      std::string_view bound = rules.at_least == kPositive      ? "more than 0"
                               : rules.at_least == kNotNegative ? "0 or more"
                                                                : "";
      return fail(ErrorKind::kInvalidArgument, bound.empty()
                                                   ? fmt::format("too low: it must be at least {}", rules.at_least)
                                                   : fmt::format("too low: it must be {}", bound));
    }
    return {};
  };
  out.write = [=](const Configuration& config) { return encode(config.*section.*member); };
  if constexpr (std::is_same_v<T, Addresses>) {
    out.listen_addresses = [=](Configuration& config) { return &(config.*section.*member); };
  }
  return out;
}

/// No JSON is this: the key needs a warning whatever it says.
constexpr std::string_view kNever = "-";

/// A key of the Go program that does nothing here. `otherwise`: the JSON that Go writes by itself, which needs no
/// warning.
Field inert(std::string_view key, Kind kind, std::string_view otherwise, std::string_view why) {
  return {.key = key, .kind = kind, .doc = {}, .no_effect = why, .otherwise = otherwise};
}

template <class S>
std::function<bool&(Configuration&)> present(S Configuration::* section) {
  return [=](Configuration& config) -> bool& { return (config.*section).present; };
}

constexpr std::string_view kLibp2p = "peers are connected by gRPC, not by libp2p";

Section cluster_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::cluster, member, key, doc, rules);
  };
  using C = Cluster;
  return {
      .path = "cluster",
      .variable_prefix = "CLUSTER_",
      .doc = "The peer and its cluster.",
      .present = present(&Configuration::cluster),
      .fields = {
          c(&C::peername, "peername", "Name for people; the host's name when missing.", {.zero_is_default = true}),
          c(&C::secret, "secret", "Shared by all peers of the cluster. Empty: loopback only.",
            {.missing = "\"\"", .secret = true}),
          c(&C::previous_secret, "previous_secret", "Accepted beside `secret` while all peers get the new one.",
            {.missing = "\"\"", .write_default = false, .secret = true}),
          c(&C::leave_on_shutdown, "leave_on_shutdown", "Leave the cluster at every clean shutdown."),
          c(&C::listen_multiaddress, "listen_multiaddress", "Where other peers reach this one.", {.listener = true}),
          c(&C::announce_multiaddress, "announce_multiaddress", "Replaces the addresses that are told to others."),
          c(&C::no_announce_multiaddress, "no_announce_multiaddress",
            "Addresses and /ipcidr masks that are not told to others."),
          inert("enable_relay_hop", Kind::kBool, "*", kLibp2p),
          inert("connection_manager.high_water", Kind::kInteger, "400", kLibp2p),
          inert("connection_manager.low_water", Kind::kInteger, "100", kLibp2p),
          inert("connection_manager.grace_period", Kind::kDuration, "\"2m0s\"", kLibp2p),
          inert("resource_manager.enabled", Kind::kBool, "true", kLibp2p),
          inert("resource_manager.memory_limit_bytes", Kind::kInteger, "0", kLibp2p),
          inert("resource_manager.file_descriptors_limit", Kind::kInteger, "0", kLibp2p),
          inert("pubsub.seen_messages_ttl", Kind::kDuration, "\"30m0s\"", kLibp2p),
          inert("pubsub.heartbeat_interval", Kind::kDuration, "\"10s\"", kLibp2p),
          inert("pubsub.d_factor", Kind::kInteger, "4", kLibp2p),
          inert("pubsub.history_gossip", Kind::kInteger, "2", kLibp2p),
          inert("pubsub.history_length", Kind::kInteger, "6", kLibp2p),
          inert("pubsub.flood_publish", Kind::kBool, "false", kLibp2p),
          c(&C::dial_peer_timeout, "dial_peer_timeout", "To connect to a peer.", {.at_least = kPositive}),
          inert("state_sync_interval", Kind::kDuration, "\"5m0s\"", "what expires is unpinned at its time"),
          inert("ipfs_sync_interval", Kind::kDuration, kNever,
                "a key of versions before 0.11: pin_recover_interval says when pins are compared with Kubo's"),
          c(&C::pin_recover_interval, "pin_recover_interval",
            "How often pins are compared with Kubo's own; what it has lost is pinned again. (The embedded node loses "
            "none behind the peer's back.)",
            {.at_least = kPositive}),
          inert("replication_factor", Kind::kInteger, kNever,
                "a key of versions before 0.4: use replication_factor_min and replication_factor_max"),
          inert("peers", Kind::kStrings, "[]", "a key of old versions: the members are in the log"),
          inert("bootstrap", Kind::kStrings, "[]", "a key of old versions: use daemon --bootstrap"),
          c(&C::replication_factor_min, "replication_factor_min", "Fewest copies of a pin; -1 = on every peer.",
            {.at_least = -1, .zero_is_default = true}),
          c(&C::replication_factor_max, "replication_factor_max", "Most copies of a pin; -1 = on every peer.",
            {.at_least = -1, .zero_is_default = true}),
          c(&C::monitor_ping_interval, "monitor_ping_interval", "Between two `ping` metrics.", {.at_least = kPositive}),
          inert("peer_watch_interval", Kind::kDuration, "\"5s\"", "changes of the members are known at once"),
          inert("mdns_interval", Kind::kDuration, "*", kLibp2p),
          inert("pin_only_on_trusted_peers", Kind::kBool, "false",
                "all members are trusted; allocator.balanced and tags say who gets copies"),
          inert("pin_only_on_untrusted_peers", Kind::kBool, "false",
                "all members are trusted; allocator.balanced and tags say who gets copies"),
          c(&C::disable_repinning, "disable_repinning", "Never move the pins of a peer that is down."),
          c(&C::repin_grace, "repin.grace", "How long a peer may be down before its copies are made elsewhere.",
            {.write_default = false}),
          c(&C::moves_per_second, "repin.moves_per_second",
            "Copies that may begin to move in a second, whatever for; 0 = no limit.",
            {.at_least = kNotNegative, .write_default = false}),
          c(&C::rebalance_on_join, "repin.rebalance_on_join",
            "Move copies to a peer that has joined until the loads are even.", {.write_default = false}),
          c(&C::send_rate, "blocks.send_per_second",
            "Bytes a second that this peer sends to others for their pins (\"50MB\"); 0 = no limit.",
            {.write_default = false}),
          c(&C::receive_rate, "blocks.receive_per_second",
            "Bytes a second that this peer fetches from others for its pins; 0 = no limit.", {.write_default = false}),
          c(&C::role, "role",
            "`auto` votes when there is need, `voter` before others, `standby` while a voter is lost, `agent` never.",
            {.write_default = false, .one_of = model::kPeerRoles}),
          c(&C::max_voters, "max_voters", "Voters are the largest odd number of peers up to this.",
            {.at_least = kPositive, .write_default = false}),
          c(&C::voter_grace, "voter_grace", "How long a voter may be lost before another peer gets its vote.",
            {.at_least = kPositive, .write_default = false}),
          c(&C::join, "join", "`open`: who knows the secret may join; `approve`: and is let in by `ctl peers add`.",
            {.write_default = false, .one_of = kJoins}),
          c(&C::follower_mode, "follower_mode", "Refuse writes on this peer.", {.write_default = false}),
          c(&C::peerstore_file, "peerstore_file", "Name of the file of known addresses.", {.write_default = false}),
          c(&C::peer_addresses, "peer_addresses", "Peers to connect to at every start, each with /p2p/<id>."),
          inert("id", Kind::kString, "*", "the identity is in identity.json"),
          inert("private_key", Kind::kString, "*", "the identity is in identity.json"),
      }};
}

Section raft_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::raft, member, key, doc, rules);
  };
  using C = Raft;
  constexpr std::string_view kOwnPace = "the log's engine has its own pace, in which nothing needs to be tuned";
  return {
      .path = "consensus.raft",
      .variable_prefix = "CLUSTER_RAFT_",
      .doc = "The replicated log.",
      .present = present(&Configuration::raft),
      .fields = {
          c(&C::data_folder, "data_folder", "Folder of the log.", {.zero_is_default = true, .write_default = false}),
          c(&C::init_peerset, "init_peerset",
            "Peers with which a new cluster begins, beside this one: the one with the lowest id begins it, the "
            "others join it at the addresses of the peerstore or peer_addresses."),
          c(&C::wait_for_leader_timeout, "wait_for_leader_timeout",
            "How long a write waits for a leader and a majority.", {.at_least = kPositive}),
          inert("network_timeout", Kind::kDuration, "\"10s\"", kOwnPace),
          inert("commit_retries", Kind::kInteger, "1", kOwnPace),
          inert("commit_retry_delay", Kind::kDuration, "\"200ms\"", kOwnPace),
          c(&C::backups_rotate, "backups_rotate", "How many raft.old.N folders are kept.", {.at_least = kPositive}),
          inert("datastore_namespace", Kind::kString, "\"/r\"", "the state has its own database"),
          inert("heartbeat_timeout", Kind::kDuration, "\"1s\"", kOwnPace),
          c(&C::election_timeout, "election_timeout", "Silence of the leader after which another is elected.",
            {.at_least = kPositive}),
          inert("commit_timeout", Kind::kDuration, "\"50ms\"", kOwnPace),
          inert("max_append_entries", Kind::kInteger, "64", kOwnPace),
          inert("trailing_logs", Kind::kInteger, "10240", kOwnPace),
          inert("snapshot_interval", Kind::kDuration, "\"2m0s\"", kOwnPace),
          inert("snapshot_threshold", Kind::kInteger, "8192", kOwnPace),
          inert("leader_lease_timeout", Kind::kDuration, "\"500ms\"", kOwnPace),
      }};
}

Section http_section(HttpApi Configuration::* section, std::string_view path, std::string_view prefix,
                     std::string_view doc) {
  auto c = [section](auto member, std::string_view key, std::string_view text, Rules rules = {}) {
    return field(section, member, key, text, rules);
  };
  using C = HttpApi;
  constexpr std::string_view kNoLibp2p = "libp2p-http is not offered: use HTTPS with ssl_cert_file and ssl_key_file";
  return {
      .path = path,
      .variable_prefix = prefix,
      .doc = doc,
      .present = present(section),
      .fields = {
          c(&C::http_listen_multiaddress, "http_listen_multiaddress", "Where it listens: /ip4, /ip6 or /unix.",
            {.listener = true}),
          c(&C::ssl_cert_file, "ssl_cert_file", "Certificate chain (PEM) for HTTPS.", {.write_default = false}),
          c(&C::ssl_key_file, "ssl_key_file", "Its private key (PEM).", {.write_default = false}),
          c(&C::read_timeout, "read_timeout", "For a whole request; 0 = none.", {.at_least = kNotNegative}),
          c(&C::read_header_timeout, "read_header_timeout", "For a request's headers.", {.at_least = kNotNegative}),
          c(&C::write_timeout, "write_timeout", "For a whole answer; 0 = none.", {.at_least = kNotNegative}),
          c(&C::idle_timeout, "idle_timeout", "Of a connection without a request.", {.at_least = kNotNegative}),
          c(&C::max_header_bytes, "max_header_bytes", "Longest headers of a request, and 4096 bytes more.",
            {.at_least = 4096, .zero_is_default = true}),
          c(&C::max_connections, "max_connections", "Open at once, over all its addresses; one more is answered 503.",
            {.at_least = kPositive, .write_default = false}),
          inert("libp2p_listen_multiaddress", Kind::kAddresses, "[]", kNoLibp2p),
          inert("id", Kind::kString, "\"\"", kNoLibp2p),
          inert("private_key", Kind::kString, "\"\"", kNoLibp2p),
          c(&C::basic_auth_credentials, "basic_auth_credentials", "Users and passwords; null = open to everyone.",
            {.secret = true}),
          c(&C::users, "users",
            "Users with a `password` (clear text or a hash of `hash-password`) and a `role` (admin, pinner, reader) or "
            "`operations`.",
            {.write_default = false, .secret = true}),
          c(&C::client_ca_file, "client_ca_file",
            "Authorities (PEM) of client certificates, which every client needs then; their names are users.",
            {.write_default = false}),
          c(&C::auth_max_failed_tries, "auth_max_failed_tries",
            "Failed logins of one address in a window, before it has to wait; 0 = no limit.",
            {.at_least = kNotNegative, .write_default = false}),
          c(&C::auth_failed_tries_window, "auth_failed_tries_window", "That window.",
            {.at_least = kPositive, .write_default = false}),
          c(&C::audit_log_file, "audit_log_file", "A line for each change that is asked for; empty = the log `audit`.",
            {.write_default = false}),
          c(&C::http_log_file, "http_log_file", "Access log; empty = the log `restapilog`."),
          c(&C::headers, "headers", "Added to every answer."),
          c(&C::cors_allowed_origins, "cors_allowed_origins", "Web pages that may use the API."),
          c(&C::cors_allowed_methods, "cors_allowed_methods", "Methods that they may use.",
            {.missing = R"(["GET","POST","HEAD"])"}),
          c(&C::cors_allowed_headers, "cors_allowed_headers", "Headers that they may send."),
          c(&C::cors_exposed_headers, "cors_exposed_headers", "Headers that they may read.", {.missing = "[]"}),
          c(&C::cors_allow_credentials, "cors_allow_credentials", "Whether they may send credentials.",
            {.missing = "false"}),
          c(&C::cors_max_age, "cors_max_age", "How long a browser may keep the answer.", {.at_least = kNotNegative}),
      }};
}

Section proxy_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::ipfsproxy, member, key, doc, rules);
  };
  using C = Proxy;
  return {
      .path = "api.ipfsproxy",
      .variable_prefix = "CLUSTER_IPFSPROXY_",
      .doc = "The Kubo API with cluster-wide pins.",
      .present = present(&Configuration::ipfsproxy),
      .fields = {
          c(&C::listen_multiaddress, "listen_multiaddress", "Where it listens.", {.listener = true}),
          c(&C::node_multiaddress, "node_multiaddress", "Kubo's API."),
          c(&C::node_https, "node_https", "Talk HTTPS to Kubo.", {.write_default = false}),
          c(&C::ssl_cert_file, "ssl_cert_file", "TLS certificate.", {.write_default = false}),
          c(&C::ssl_key_file, "ssl_key_file", "Its key.", {.write_default = false}),
          c(&C::basic_auth_credentials, "basic_auth_credentials", "Users and passwords; null = open to everyone.",
            {.write_default = false, .secret = true}),
          c(&C::log_file, "log_file", "Access log; empty = the log `ipfsproxylog`."),
          c(&C::read_timeout, "read_timeout", "For a whole request; 0 = none.", {.at_least = kNotNegative}),
          c(&C::read_header_timeout, "read_header_timeout", "For a request's headers.", {.at_least = kNotNegative}),
          c(&C::write_timeout, "write_timeout", "For a whole answer; 0 = none.", {.at_least = kNotNegative}),
          c(&C::idle_timeout, "idle_timeout", "Of a connection without a request.", {.at_least = kNotNegative}),
          c(&C::max_header_bytes, "max_header_bytes", "Longest headers of a request, and 4096 bytes more.",
            {.at_least = 4096, .zero_is_default = true}),
          c(&C::max_connections, "max_connections", "Open at once, over all its addresses; one more is answered 503.",
            {.at_least = kPositive, .write_default = false}),
          c(&C::extract_headers_extra, "extract_headers_extra", "Further headers of Kubo that are copied.",
            {.write_default = false}),
          c(&C::extract_headers_path, "extract_headers_path", "Where they are asked for.", {.write_default = false}),
          c(&C::extract_headers_ttl, "extract_headers_ttl", "How long they are kept; 0 = for ever.",
            {.at_least = kNotNegative, .write_default = false}),
      }};
}

Section gateway_section() {
  return {.path = "api.gateway",
          .variable_prefix = "CLUSTER_GATEWAY_",
          .doc = "Files of the embedded IPFS node for browsers: GET /ipfs/<cid>.",
          .present = present(&Configuration::gateway),
          .fields = {field(&Configuration::gateway, &Gateway::http_listen_multiaddress, "http_listen_multiaddress",
                           "Where it listens.", {.listener = true})}};
}

Section ipfshttp_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::ipfshttp, member, key, doc, rules);
  };
  using C = IpfsHttp;
  return {
      .path = "ipfs_connector.ipfshttp",
      .variable_prefix = "CLUSTER_IPFSHTTP_",
      .doc = "A Kubo daemon as this peer's IPFS node.",
      .present = present(&Configuration::ipfshttp),
      .fields = {
          c(&C::node_multiaddress, "node_multiaddress", "Its API: /ip4, /ip6, /dns with tcp, or /unix."),
          c(&C::node_https, "node_https", "Talk HTTPS to it.", {.write_default = false}),
          c(&C::node_basic_auth, "node_basic_auth", "\"user:password\" for it.",
            {.write_default = false, .secret = true}),
          c(&C::node_bearer_token, "node_bearer_token", "Token for it.", {.write_default = false, .secret = true}),
          c(&C::connect_swarms_delay, "connect_swarms_delay",
            "After the start, when the IPFS nodes of the cluster are connected to each other; 0 = not.",
            {.at_least = kNotNegative}),
          c(&C::ipfs_request_timeout, "ipfs_request_timeout", "Of calls without an own one.", {.at_least = kPositive}),
          c(&C::pin_timeout, "pin_timeout", "Without progress while pinning.", {.at_least = kPositive}),
          c(&C::unpin_timeout, "unpin_timeout", "Of an unpin.", {.at_least = kPositive}),
          c(&C::repogc_timeout, "repogc_timeout", "Of a garbage collection.", {.at_least = kPositive}),
          inert("informer_trigger_interval", Kind::kInteger, "0", "metrics go to the others every second"),
          inert("proxy_listen_multiaddress", Kind::kAddress, kNever,
                "a key of old versions: the proxy is api.ipfsproxy"),
          inert("proxy_read_timeout", Kind::kDuration, "*", "a key of old versions: the proxy is api.ipfsproxy"),
          inert("proxy_read_header_timeout", Kind::kDuration, "*", "a key of old versions: the proxy is api.ipfsproxy"),
          inert("proxy_write_timeout", Kind::kDuration, "*", "a key of old versions: the proxy is api.ipfsproxy"),
          inert("proxy_idle_timeout", Kind::kDuration, "*", "a key of old versions: the proxy is api.ipfsproxy"),
          inert("pin_method", Kind::kString, "*", "a key of old versions: Kubo fetches and pins in one step"),
          c(&C::unpin_disable, "unpin_disable", "Never unpin anything from it.", {.write_default = false}),
      }};
}

Section embedded_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::embedded, member, key, doc, rules);
  };
  using C = Embedded;
  return {.path = "ipfs_connector.embedded",
          .variable_prefix = "CLUSTER_EMBEDDED_",
          .doc = "The IPFS node inside this program.",
          .present = present(&Configuration::embedded),
          .fields = {
              c(&C::folder, "folder", "Folder of the blocks.", {.write_default = false}),
              c(&C::storage_max, "storage_max", "Most bytes of blocks (\"500GB\"); 0 = what the disk has."),
              c(&C::reserve, "reserve", "Free disk that only unpin and garbage collection may use."),
              c(&C::gc_high_water, "gc_high_water",
                "Percent of storage_max at which garbage collection starts by itself; 0 = never.",
                {.at_least = kNotNegative}),
              c(&C::verify_on_read, "verify_on_read", "Re-hash every block that is read."),
              c(&C::gateways, "gateways", "URLs of trustless gateways for blocks that no peer has."),
              c(&C::fetch_timeout, "fetch_timeout", "Without progress while fetching.", {.at_least = kPositive}),
          }};
}

Section tracker_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::tracker, member, key, doc, rules);
  };
  using C = Tracker;
  return {
      .path = "pin_tracker.stateless",
      .variable_prefix = "CLUSTER_STATELESS_",
      .doc = "How pins are carried out.",
      .present = present(&Configuration::tracker),
      .fields = {
          inert("max_pin_queue_size", Kind::kInteger, "1000000", "the queue is on disk and has no end"),
          c(&C::concurrent_pins, "concurrent_pins", "Most pins that are fetched at once.", {.at_least = kPositive}),
          c(&C::priority_pin_max_age, "priority_pin_max_age", "Newer pins go first.", {.at_least = kPositive}),
          c(&C::priority_pin_max_retries, "priority_pin_max_retries", "… for so many tries.", {.at_least = kPositive}),
      }};
}

Section monitor_section() {
  return {
      .path = "monitor.pubsubmon",
      .variable_prefix = "CLUSTER_PUBSUBMON_",
      .doc = "Metrics of the peers.",
      .present = present(&Configuration::pubsubmon),
      .fields = {inert("check_interval", Kind::kDuration, "\"15s\"", "a peer that is silent is noticed within seconds"),
                 inert("failure_threshold", Kind::kInteger, "*", "a peer that is silent is noticed within seconds")}};
}

Section allocator_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::balanced, member, key, doc, rules);
  };
  return {.path = "allocator.balanced",
          .variable_prefix = "CLUSTER_BALANCED_",
          .doc = "Which peers get a pin.",
          .present = present(&Configuration::balanced),
          .fields = {c(&Balanced::allocate_by, "allocate_by", "Metrics in the order in which they decide.",
                       {.zero_is_default = true}),
                     c(&Balanced::spread, "spread",
                       "Tags whose values the copies of a pin are spread over: \"zone:hard\" = never two in one, "
                       "\"zone\" = where it can be.",
                       {.write_default = false})}};
}

Section disk_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::disk, member, key, doc, rules);
  };
  return {.path = "informer.disk",
          .variable_prefix = "CLUSTER_DISK_",
          .doc = "Tells the others how much room is left.",
          .present = present(&Configuration::disk),
          .fields = {c(&DiskInformer::metric_ttl, "metric_ttl", "How long a metric is valid.", {.at_least = kPositive}),
                     c(&DiskInformer::metric_type, "metric_type",
                       "`freespace` or `reposize`: both are told whatever it says; `allocate_by` chooses.")}};
}

Section pinqueue_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::pinqueue, member, key, doc, rules);
  };
  return {
      .path = "informer.pinqueue",
      .variable_prefix = "CLUSTER_PINQUEUE_",
      .doc = "Tells the others how many pins wait here.",
      .present = present(&Configuration::pinqueue),
      .fields = {c(&PinqueueInformer::metric_ttl, "metric_ttl", "How long a metric is valid.", {.at_least = kPositive}),
                 c(&PinqueueInformer::weight_bucket_size, "weight_bucket_size",
                   "Queues that differ by less are alike; 0 = every pin counts.", {.at_least = kNotNegative})}};
}

Section tags_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::tags, member, key, doc, rules);
  };
  return {.path = "informer.tags",
          .variable_prefix = "CLUSTER_TAGS_",
          .doc = "Tells the others this peer's tags.",
          .present = present(&Configuration::tags),
          .fields = {
              c(&TagsInformer::metric_ttl, "metric_ttl", "How long a metric is valid.", {.at_least = kPositive}),
              c(&TagsInformer::tags, "tags", "Name and value of each tag: copies are spread over different values.")}};
}

Section bandwidth_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::bandwidth, member, key, doc, rules);
  };
  using C = BandwidthInformer;
  return {.path = "informer.bandwidth",
          .variable_prefix = "CLUSTER_BANDWIDTH_",
          .doc = "Tells the others how many bytes of blocks go between this peer and them.",
          .present = present(&Configuration::bandwidth),
          .fields = {
              c(&C::metric_ttl, "metric_ttl", "How long a metric is valid.", {.at_least = kPositive}),
              c(&C::weight_bucket_bytes, "weight_bucket_bytes",
                "Rates that differ by less are alike; 0 = every byte a second counts.", {.at_least = kNotNegative})}};
}

Section rtt_section() {
  return {.path = "informer.rtt",
          .variable_prefix = "CLUSTER_RTT_",
          .doc = "Tells the others the median of this peer's round trips to them.",
          .present = present(&Configuration::rtt),
          .fields = {field(&Configuration::rtt, &RttInformer::metric_ttl, "metric_ttl", "How long a metric is valid.",
                           {.at_least = kPositive})}};
}

Section metrics_section() {
  auto c = [](auto member, std::string_view key, std::string_view doc, Rules rules = {}) {
    return field(&Configuration::metrics, member, key, doc, rules);
  };
  using C = Metrics;
  return {.path = "observations.metrics",
          .variable_prefix = "CLUSTER_METRICS_",
          .doc = "Figures for Prometheus.",
          .present = present(&Configuration::metrics),
          .fields = {
              c(&C::enable_stats, "enable_stats", "Offer them."),
              c(&C::prometheus_endpoint, "prometheus_endpoint", "Where they are offered.", {.listener = true}),
              inert("reporting_interval", Kind::kDuration, "*", "figures are made when they are asked for"),
          }};
}

Section logs_section() {
  return {.path = "observations.logs",
          .variable_prefix = "CLUSTER_LOGS_",
          .doc = "Logs of the peer.",
          .present = present(&Configuration::logs),
          .fields = {field(&Configuration::logs, &Logs::level, "level",
                           "\"info,raft:debug\": levels of all and of single components; `--loglevel` comes before it.",
                           {.write_default = false})}};
}

Section tracing_section() {
  constexpr std::string_view kNoTracing = "tracing is not offered";
  return {.path = "observations.tracing",
          .variable_prefix = "CLUSTER_TRACING_",
          .doc = "Tracing, which is not offered.",
          .fields = {inert("enable_tracing", Kind::kBool, "false", kNoTracing),
                     inert("jaeger_agent_endpoint", Kind::kAddress, "*", kNoTracing),
                     inert("sampling_prob", Kind::kString, "*", kNoTracing),
                     inert("service_name", Kind::kString, "*", kNoTracing)}};
}

/// Sections of the Go program whose keys are not looked at.
Section unused(std::string_view path, std::string_view prefix, std::string_view why) {
  return {.path = path, .variable_prefix = prefix, .doc = {}, .no_effect = why, .opaque = true};
}

std::vector<Section> make_sections() {
  constexpr std::string_view kOwnDatabase = "the state is in a database of its own, in the folder state";
  std::vector<Section> out;
  out.push_back(cluster_section());
  out.push_back(unused("consensus.crdt", "CLUSTER_CRDT_", "crdt is not offered"));
  out.push_back(raft_section());
  out.push_back(gateway_section());
  out.push_back(proxy_section());
  out.push_back(
      http_section(&Configuration::pinsvcapi, "api.pinsvcapi", "CLUSTER_PINSVCAPI_", "The IPFS Pinning Service API."));
  out.push_back(http_section(&Configuration::restapi, "api.restapi", "CLUSTER_RESTAPI_", "The REST API."));
  out.push_back(embedded_section());
  out.push_back(ipfshttp_section());
  out.push_back(unused("state", "", ""));
  out.push_back(tracker_section());
  out.push_back(monitor_section());
  out.push_back(allocator_section());
  out.push_back(disk_section());
  out.push_back(pinqueue_section());
  out.push_back(tags_section());
  out.push_back(bandwidth_section());
  out.push_back(rtt_section());
  out.push_back(
      unused("pin_tracker.maptracker", "CLUSTER_MAPTRACKER_", "old versions had it: use pin_tracker.stateless"));
  out.push_back(
      unused("monitor.monbasic", "CLUSTER_MONBASIC_", "old versions had it: peers are watched by themselves"));
  out.push_back(unused("informer.numpin", "CLUSTER_NUMPIN_", "no such metric is used"));
  out.push_back(logs_section());
  out.push_back(metrics_section());
  out.push_back(tracing_section());
  out.push_back(unused("datastore.pebble", "CLUSTER_PEBBLE_", kOwnDatabase));
  out.push_back(unused("datastore.badger3", "CLUSTER_BADGER3_", kOwnDatabase));
  out.push_back(unused("datastore.badger", "CLUSTER_BADGER_", kOwnDatabase));
  out.push_back(unused("datastore.leveldb", "CLUSTER_LEVELDB_", kOwnDatabase));
  return out;
}

}  // namespace

const std::vector<Section>& sections() {
  static const std::vector<Section> all = make_sections();
  return all;
}

std::string variable_name(const Section& section, const Field& field) {
  std::string name(section.variable_prefix);
  for (char c : field.key) {
    if (c == '.')
      name += '_';
    else if (c != '_')
      name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    // Levenshtein's distance, one row at a time.
    std::vector<size_t> row(candidate.size() + 1);
    for (size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (size_t i = 0; i < word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i + 1;
      for (size_t j = 0; j < candidate.size(); ++j) {
        size_t substitute = diagonal + (word[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({substitute, diagonal + 1, row[j] + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace ipfsc::config
