// service.json and the CLUSTER_* variables as typed values. app/ turns them into each folder's options.
//
// The defaults are those of a default-constructed Configuration; tables.cpp has one line for each key.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "ipld/multiaddr.h"
#include "ipld/peer_id.h"

namespace ipfsc::config {

using namespace std::chrono_literals;

using Addresses = std::vector<ipld::Multiaddr>;
using Environment = std::map<std::string, std::string>;
/// Addresses of the defaults, known to be right.
Addresses addresses(std::initializer_list<std::string_view> texts);

/// "500GB", "64MiB" or a number of bytes in the file.
struct ByteSize {
  uint64_t bytes = 0;
  bool operator==(const ByteSize&) const = default;
};

/// 32 bytes or none, hexadecimal in the file.
struct Secret {
  Bytes bytes;
  bool operator==(const Secret&) const = default;
};

struct Cluster {
  bool present = false;
  std::string peername;    ///< the host's name when the file has none
  Secret secret;           ///< empty = loopback only
  Secret previous_secret;  ///< accepted beside `secret` while it is exchanged
  bool leave_on_shutdown = false;
  Addresses listen_multiaddress = addresses({"/ip4/0.0.0.0/tcp/9096"});
  Addresses announce_multiaddress;
  Addresses no_announce_multiaddress;
  Duration dial_peer_timeout = 3s;
  Duration pin_recover_interval = 12min;
  int64_t replication_factor_min = -1;  ///< -1 = every peer; never 0
  int64_t replication_factor_max = -1;
  Duration monitor_ping_interval = 15s;
  bool disable_repinning = false;
  Duration repin_grace = 5min;   ///< before the copies of a peer that is down are made elsewhere
  int64_t moves_per_second = 0;  ///< 0 = no limit
  bool rebalance_on_join = false;
  ByteSize send_rate{};     ///< bytes a second that this peer gives to others for their pins; 0 = no limit
  ByteSize receive_rate{};  ///< the same for what it takes
  std::string role = "auto";
  int64_t max_voters = 5;
  Duration voter_grace = 5min;
  std::string join = "open";
  bool follower_mode = false;
  std::string peerstore_file = "peerstore";  ///< a name inside the folder
  Addresses peer_addresses;                  ///< each with /p2p/<id>
};

struct Raft {
  bool present = false;
  std::string data_folder = "raft";  ///< relative to the configuration folder
  std::vector<ipld::PeerId> init_peerset;
  Duration wait_for_leader_timeout = 30s;
  int64_t backups_rotate = 6;
  Duration election_timeout = 500ms;
};

/// A user of an HTTP API.
struct ApiUser {
  std::string password;                 ///< clear text or hash; "" = by client certificate only
  std::string role;                     ///< or
  std::vector<std::string> operations;  ///< what the user may do
  bool operator==(const ApiUser&) const = default;
};
using ApiUsers = std::map<std::string, ApiUser>;

/// restapi and pinsvcapi.
struct HttpApi {
  bool present = false;
  Addresses http_listen_multiaddress;
  std::string ssl_cert_file, ssl_key_file;  ///< relative to the configuration folder; both or none
  Duration read_timeout = 0s;               ///< 0 = none, for these four
  Duration read_header_timeout = 5s;
  Duration write_timeout = 0s;
  Duration idle_timeout = 2min;
  int64_t max_header_bytes = 4096;
  int64_t max_connections = 4096;
  std::optional<std::map<std::string, std::string>> basic_auth_credentials;  ///< user → password; never an empty map
  ApiUsers users;              ///< beside basic_auth_credentials, whose users may do everything
  std::string client_ca_file;  ///< relative to the configuration folder; set: clients need a certificate
  int64_t auth_max_failed_tries = 10;
  Duration auth_failed_tries_window = 1min;
  std::string audit_log_file;
  std::string http_log_file;
  std::map<std::string, std::vector<std::string>> headers;
  std::vector<std::string> cors_allowed_origins = {"*"};
  std::vector<std::string> cors_allowed_methods = {"GET"};
  std::vector<std::string> cors_allowed_headers;
  std::vector<std::string> cors_exposed_headers = {"Content-Type", "X-Stream-Output", "X-Chunked-Output",
                                                   "X-Content-Length"};
  bool cors_allow_credentials = true;
  Duration cors_max_age = 0s;
};

/// The IPFS proxy.
struct Proxy {
  bool present = false;
  Addresses listen_multiaddress = addresses({"/ip4/127.0.0.1/tcp/9095"});
  ipld::Multiaddr node_multiaddress = addresses({"/ip4/127.0.0.1/tcp/5001"}).front();
  bool node_https = false;
  std::string ssl_cert_file, ssl_key_file;
  std::optional<std::map<std::string, std::string>> basic_auth_credentials;
  std::string log_file;
  Duration read_timeout = 0s;
  Duration read_header_timeout = 5s;
  Duration write_timeout = 0s;
  Duration idle_timeout = 1min;
  int64_t max_header_bytes = 4096;
  int64_t max_connections = 4096;
  std::vector<std::string> extract_headers_extra;
  std::string extract_headers_path = "/api/v0/version";
  Duration extract_headers_ttl = 5min;
};

/// GET /ipfs/… of the embedded node.
struct Gateway {
  bool present = false;
  Addresses http_listen_multiaddress = addresses({"/ip4/127.0.0.1/tcp/8080"});

  /// A busy default port is a warning, a busy configured one an error.
  bool at_default_address() const { return http_listen_multiaddress == Gateway{}.http_listen_multiaddress; }
};

/// A Kubo daemon.
struct IpfsHttp {
  bool present = false;
  ipld::Multiaddr node_multiaddress = addresses({"/ip4/127.0.0.1/tcp/5001"}).front();  ///< tcp or /unix/<path>
  bool node_https = false;
  std::string node_basic_auth;    ///< "user:password"; "" = none
  std::string node_bearer_token;  ///< "" = none
  Duration connect_swarms_delay = 30s;
  Duration ipfs_request_timeout = 5min;
  Duration pin_timeout = 2min;  ///< without progress
  Duration unpin_timeout = 3h;
  Duration repogc_timeout = 24h;
  bool unpin_disable = false;
};

/// The IPFS node inside this program.
struct Embedded {
  bool present = false;
  std::string folder = "ipfs";   ///< relative to the configuration folder
  ByteSize storage_max;          ///< of blocks; 0 = what the disk has
  ByteSize reserve{256u << 20};  ///< of free disk that only unpin and garbage collection may use
  int64_t gc_high_water = 90;    ///< percent of storage_max at which garbage collection starts by itself; 0 = never
  bool verify_on_read = false;   ///< re-hash every block that is read
  std::vector<std::string> gateways;  ///< URLs of trustless gateways for blocks that no peer has
  Duration fetch_timeout = 1min;      ///< without progress
};

struct Tracker {
  bool present = false;
  int64_t concurrent_pins = 10;
  Duration priority_pin_max_age = 24h;
  int64_t priority_pin_max_retries = 5;
};

struct Pubsubmon {
  bool present = false;
};

/// "zone:hard": no two copies of a pin on peers with the same value of the tag. "zone" or "zone:soft": as few as can
/// be.
struct SpreadRule {
  std::string tag;
  bool hard = false;
  bool operator==(const SpreadRule&) const = default;
};

struct Balanced {
  bool present = false;
  std::vector<std::string> allocate_by = {"tag:group", "freespace"};
  std::vector<SpreadRule> spread;  ///< the most important first; each tag once
};

struct DiskInformer {
  bool present = false;
  Duration metric_ttl = 30s;
  std::string metric_type = "freespace";  ///< or "reposize"
};

struct TagsInformer {
  bool present = false;
  Duration metric_ttl = 30s;
  std::map<std::string, std::string> tags = {{"group", "default"}};
};

struct PinqueueInformer {
  bool present = false;
  Duration metric_ttl = 30s;
  int64_t weight_bucket_size = 100'000;  ///< 0 = no division
};

struct BandwidthInformer {
  bool present = false;
  Duration metric_ttl = 30s;
  int64_t weight_bucket_bytes = 1 << 20;  ///< 0 = no division
};

struct RttInformer {
  bool present = false;
  Duration metric_ttl = 30s;
};

struct Logs {
  bool present = false;
  std::string level;  ///< "info,raft:debug"; "" = as the command line says
};

struct Metrics {
  bool present = false;
  bool enable_stats = false;
  Addresses prometheus_endpoint = addresses({"/ip4/127.0.0.1/tcp/8888"});
};

/// A value. `present` of a section = the file has it: that decides which APIs and informers run, and which IPFS node is
/// used; a section that is absent has its defaults (and the environment's values) all the same.
struct Configuration {
  std::string folder;  ///< of service.json, absolute; what is relative in it is relative to this

  Cluster cluster;
  Raft raft;
  HttpApi restapi, pinsvcapi;
  Proxy ipfsproxy;
  Gateway gateway;
  IpfsHttp ipfshttp;
  Embedded embedded;
  Tracker tracker;
  Pubsubmon pubsubmon;
  Balanced balanced;
  DiskInformer disk;
  TagsInformer tags;
  PinqueueInformer pinqueue;
  BandwidthInformer bandwidth;
  RttInformer rtt;
  Metrics metrics;
  Logs logs;

  Configuration();

  bool uses_embedded_node() const { return embedded.present; }
  /// `name` inside the folder, unless it is absolute.
  std::string path(std::string_view name) const;
};

inline constexpr size_t kMaxFileBytes = 4 << 20;

struct Loaded {
  Configuration config;
  std::vector<std::string> warnings;  ///< one sentence each: unknown keys and variables, keys without effect
};

/// defaults < file < environment, then validated. kInvalidArgument with one sentence that names the key;
/// kFailedPrecondition for a crdt section.
Result<Loaded> parse_configuration(std::string_view json, std::string folder, const Environment& environment);

/// The URL of a file that only says {"source": url}; nullopt for any other text.
std::optional<std::string> remote_source(std::string_view json);
std::string format_remote_source(std::string_view url);

/// "id" and "private_key" inside the `cluster` section of old files, which become identity.json.
struct LegacyIdentity {
  std::string id, private_key;
};
std::optional<LegacyIdentity> legacy_identity(std::string_view json);

/// Applies CLUSTER_* variables; returns warnings for those that are not known.
Result<std::vector<std::string>> apply_environment(Configuration& config, const Environment& environment);
/// The rules between keys, with Go's messages.
Result<> validate(const Configuration& config);

/// What of a configuration that can be used is dangerous, or surprising enough to be said; one sentence each.
std::vector<std::string> dangers(const Configuration& config);

/// "api.restapi.users" for each key whose values differ.
std::vector<std::string> changed_keys(const Configuration& a, const Configuration& b);

/// What `init` begins with: every section that this program offers, consensus raft, the given IPFS node, a random
/// secret.
Configuration initial_configuration(bool embedded_node);
/// All sections that are present, 2-space indentation, newline at the end.
std::string format_configuration(const Configuration& config);
/// Every listener of a section that is present: what init --randomports replaces.
std::vector<Addresses*> listeners(Configuration& config);

/// This process's environment.
Environment process_environment();

}  // namespace ipfsc::config
