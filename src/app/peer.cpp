#include "app/peer.h"

#include <algorithm>
#include <filesystem>

#include "app/peerstore.h"
#include "base/log.h"
#include "cluster/block_exchange.h"
#include "consensus/raft/raft_consensus.h"
#include "consensus/raft/recovery.h"
#include "ipfs/embedded/embedded_node.h"
#include "ipfs/gateway_source.h"
#include "ipfs/kubo/kubo_node.h"

namespace ipfsc::app {
namespace {

LogComponent log("service");

constexpr Duration kDrainTime = std::chrono::seconds(2);
constexpr Duration kJoinTime = std::chrono::minutes(5);  // for the other peers to be there
constexpr Duration kMetricsTime = std::chrono::seconds(3);
constexpr Duration kSayWhy = std::chrono::seconds(1);

net::ServerOptions metrics_server() { return {.max_connections = 64}; }

}  // namespace

Peer::Peer(Runtime& runtime, PeerOptions options)
    : runtime_(runtime),
      options_(std::move(options)),
      sending_blocks_(cluster::byte_limiter(options_.block_exchange.send_bytes_per_second)) {}

Peer::~Peer() = default;

Task<> Peer::start() {
  CO_TRY(listen_rest());
  CO_TRY(listen_proxy());
  CO_TRY(listen_pinning());
  CO_TRY(co_await open_data());
  CO_TRY(co_await open_node());
  cluster::serve_blocks(runtime_, router_, *node_, traffic_, sending_blocks_);
  auto feed = [this](state::FeedPosition from) { return consensus_->feed(from); };
  CO_TRY_ASSIGN(tracker_, tracker::PinTracker::open(runtime_, *state_, *node_, feed, options_.tracker));
  cluster_ = std::make_unique<cluster::Cluster>(runtime_, options_.cluster, *state_, *consensus_, *tracker_, *node_,
                                                *client_, traffic_);
  cluster_->serve(router_);
  records_ = std::make_unique<cluster::Records>(runtime_, cluster_->options(), *state_, *consensus_);
  if (rest_) rest_->serve(*cluster_, *records_);
  repo_stats_ = std::make_unique<cluster::RepoStats>(runtime_, options_.cluster, *state_, *node_, *client_);
  repo_stats_->serve(router_);
  if (proxy_) proxy_->serve(*cluster_, *repo_stats_, *content_);
  if (pinning_) pinning_->serve(*cluster_, *records_);
  CO_TRY(listen_gateway());
  CO_TRY(listen_metrics());
  CO_TRY(listen_peers());
  membership_->start();
  cluster_->start();
  for (;;) {
    // What was acknowledged while this peer was away is here before it answers.
    auto caught_up = co_await consensus_->barrier(runtime_.now() + kSayWhy);
    if (caught_up) break;
    if (caught_up.error().kind == ErrorKind::kCancelled) co_return fail(caught_up.error());
    if (membership_->removed()) co_return fail(ErrorKind::kPermissionDenied, "this peer was removed from the cluster");
    if (auto error = membership_->given_up()) co_return fail(*error);
    if (!superseded_by().empty()) co_return fail(ErrorKind::kAborted, "the cluster has begun anew without this peer");
    cluster_->set_ready(fail(ErrorKind::kUnavailable, "the peer is starting: " + caught_up.error().message));
  }
  CO_TRY(co_await cluster_->wait_for_metrics(runtime_.now() + kMetricsTime));
  cluster_->set_ready({});
  started_ = true;
  co_return Result<>{};
}

Task<> Peer::open_data() {
  CO_TRY_ASSIGN(state_, co_await run_blocking(runtime_, [this] { return state::State::open(options_.state); }));
  connections_ = std::make_unique<rpc::GrpcClient>(runtime_, *options_.rpc);
  client_ = std::make_unique<rpc::MeteredClient>(*connections_, meter_);
  membership_ = std::make_unique<cluster::Membership>(runtime_, options_.cluster, *state_, *client_);
  membership_->add_hints(options_.peer_addresses);
  membership_->add_hints(read_peerstore(options_.peerstore_path));
  membership_->add_hints(options_.bootstrap);
  CO_TRY(co_await join_if_asked());
  CO_TRY_ASSIGN(consensus_,
                co_await consensus::RaftConsensus::open(runtime_, *state_, options_.raft,
                                                        consensus::RaftNetwork{.client = *client_, .router = router_}));
  membership_->serve(router_, *consensus_);
  co_return Result<>{};
}

/// A peer that has a log is a member already: --bootstrap is then only a hint where the others are.
Task<> Peer::join_if_asked() {
  if (options_.bootstrap.empty() && options_.first_peers.empty()) co_return Result<>{};
  CO_TRY_ASSIGN(bool member, co_await run_blocking(runtime_, [this] { return consensus::has_log(options_.raft); }));
  std::error_code ec;
  if (options_.bootstrap.empty() && !member && state_->info().cluster_id.empty()) options_.bootstrap = first_to_join();
  if (options_.bootstrap.empty()) co_return Result<>{};
  if (member) {
    std::filesystem::remove(options_.rejoin_path, ec);
    co_return co_await membership_->check_same_cluster(options_.bootstrap);
  }
  if (!state_->info().cluster_id.empty()) {
    co_return fail(ErrorKind::kFailedPrecondition,
                   "this peer holds a pinset of its own and cannot join another cluster "
                   "(ipfs-cluster-service state cleanup sets it aside)");
  }
  CO_TRY_ASSIGN(auto grant, co_await membership_->join(options_.bootstrap, runtime_.now() + kJoinTime));
  // Until the state is here nothing else says where the others are.
  CO_TRY(write_peerstore(options_.peerstore_path, membership_->peer_addresses()));
  CO_TRY(co_await run_blocking(runtime_, [&] { return consensus::begin_log(options_.raft, grant); }));
  std::filesystem::remove(options_.rejoin_path, ec);
  log.info("joined the cluster");
  co_return Result<>{};
}

/// Of the peers with which a new cluster begins (consensus.raft.init_peerset) the one with the lowest id begins it; the
/// others join: these are their addresses. Empty: this one begins. A peer that was a member before (and was removed, or
/// cleaned up) is not new: it joins when it is told to.
std::vector<ipld::Multiaddr> Peer::first_to_join() const {
  const auto& first = options_.first_peers;
  std::error_code ec;
  if (std::filesystem::exists(options_.raft.path + ".old.0", ec)) return {};
  if (std::ranges::all_of(first, [&](const ipld::PeerId& id) { return options_.cluster.self <= id; })) return {};
  auto known = options_.peer_addresses;
  std::ranges::move(read_peerstore(options_.peerstore_path), std::back_inserter(known));
  std::erase_if(known, [&](const ipld::Multiaddr& address) {
    auto id = address.peer_id();
    return !id || *id == options_.cluster.self || std::ranges::find(first, *id) == first.end();
  });
  if (known.empty()) {
    log.warn(
        "consensus.raft.init_peerset names other peers, but neither the peerstore nor cluster.peer_addresses says "
        "where "
        "they are: this peer begins a cluster of its own; the others join with --bootstrap");
  }
  return known;
}

Result<> Peer::listen_peers() {
  server_ = std::make_unique<rpc::GrpcServer>(
      runtime_, *options_.rpc, router_,
      [this](const ipld::PeerId& caller, rpc::Access access) { return membership_->admit(caller, access); }, &meter_);
  auto started = server_->start();
  if (!started) return std::unexpected(started.error().with_context("cluster.listen_multiaddress"));
  return {};
}

Task<> Peer::open_node() {
  peer_blocks_ = std::make_shared<cluster::PeerSource>(runtime_, options_.cluster.self, *state_, *client_, traffic_,
                                                       options_.block_exchange);
  if (options_.use_embedded) {
    std::vector<std::shared_ptr<ipfs::BlockSource>> sources;
    CO_TRY_ASSIGN(auto gateways, ipfs::GatewaySource::make(runtime_, options_.block_gateways));
    sources.push_back(peer_blocks_);
    sources.push_back(std::move(gateways));
    CO_TRY_ASSIGN(node_, co_await ipfs::EmbeddedNode::open(runtime_, options_.embedded, std::move(sources)));
  } else {
    node_ = std::make_unique<ipfs::KuboNode>(runtime_, options_.kubo, peer_blocks_);
  }
  content_ = std::make_unique<cluster::ReadThroughNode>(*node_, peer_blocks_);
  co_return Result<>{};
}

Result<> Peer::listen_rest() {
  if (!options_.rest) return {};
  options_.rest->bandwidth = [this] {
    std::map<std::string, api::rest::Bandwidth> out;
    for (const auto& [method, figures] : meter_.read()) {
      out[method] = {.in_bytes = figures.in.bytes,
                     .out_bytes = figures.out.bytes,
                     .in_per_second = figures.in.per_second,
                     .out_per_second = figures.out.per_second};
    }
    return out;
  };
  rest_ = std::make_unique<api::rest::RestApi>(runtime_, *options_.rest);
  return rest_->listen();
}

Result<> Peer::listen_proxy() {
  if (!options_.proxy) return {};
  proxy_ = std::make_unique<api::proxy::IpfsProxy>(runtime_, *options_.proxy);
  auto bound = proxy_->listen();
  if (!bound) return std::unexpected(bound.error().with_context("api.ipfsproxy"));
  return {};
}

Result<> Peer::listen_pinning() {
  if (!options_.pinning) return {};
  pinning_ = std::make_unique<api::pinning::PinningApi>(runtime_, *options_.pinning);
  return pinning_->listen();
}

Result<> Peer::reload(const PeerOptions& options) {
  if (rest_ && options.rest) {
    auto taken = rest_->reload(*options.rest);
    if (!taken) return std::unexpected(taken.error().with_context("api.restapi"));
  }
  if (pinning_ && options.pinning) {
    auto taken = pinning_->reload(*options.pinning);
    if (!taken) return std::unexpected(taken.error().with_context("api.pinsvcapi"));
  }
  if (cluster_) cluster_->reload(options.cluster);
  sending_blocks_ = cluster::byte_limiter(options.block_exchange.send_bytes_per_second);
  if (peer_blocks_) peer_blocks_->set_rate(options.block_exchange.receive_bytes_per_second);
  return {};
}

Result<> Peer::listen_gateway() {
  if (!options_.gateway || !options_.use_embedded) return {};
  gateway_ = std::make_unique<api::gateway::Gateway>(runtime_, *content_, *options_.gateway);
  gateway_server_ = std::make_unique<net::HttpServer>(runtime_, options_.gateway->server, gateway_->handler());
  for (const auto& address : options_.gateway->addresses) {
    auto bound = gateway_server_->listen(address);
    if (bound) continue;
    if (!options_.gateway_may_be_busy || bound.error().kind != ErrorKind::kAlreadyExists) {
      return std::unexpected(bound.error().with_context("api.gateway"));
    }
    log.warn(
        "the gateway's default address {} is in use: this peer has no gateway (set "
        "api.gateway.http_listen_multiaddress)",
        address.to_string());
  }
  return {};
}

api::metrics::MetricsSources Peer::metrics_sources() {
  using enum model::TrackerStatus;
  api::metrics::MetricsSources sources;
  sources.version = options_.cluster.version;
  sources.pins = [this] {
    auto counts = tracker_->counts();
    return api::metrics::PinFigures{.pins = state_->counters().pins,
                                    .pin_queued = counts.of(kPinQueued),
                                    .pinning = counts.of(kPinning),
                                    .pin_error = counts.of(kPinError),
                                    .ipfs_pins = counts.of(kPinned)};
  };
  sources.pin_counters = [this] {
    auto activity = tracker_->activity();
    return api::metrics::PinCounters{.pin_adds = activity.pin_adds, .pin_add_errors = activity.pin_add_errors};
  };
  sources.cluster = [this] {
    std::chrono::duration<double> oldest_pending = tracker_->oldest_pending();
    auto applied = state_->info().applied.value, fed = tracker_->activity().position.index.value;
    return api::metrics::ClusterFigures{.applied_index = applied,
                                        .feed_lag = applied - std::min(applied, fed),
                                        .raft_term = consensus_->term(),
                                        .leads = consensus_->is_leader(),
                                        .work = state_->counters().work,
                                        .oldest_pending_seconds = oldest_pending.count()};
  };
  sources.folders = {{"state", options_.state.path}, {"raft", options_.raft.path}, {"local", options_.tracker.path}};
  if (options_.use_embedded) sources.folders.push_back({"blocks", options_.embedded.path});
  sources.adds = [this] {
    auto counters = cluster_->add_counters();
    return api::metrics::AddCounters{.blocks_put = counters.blocks_put,
                                     .blocks_put_errors = counters.blocks_put_errors,
                                     .blocks_added = counters.blocks_added,
                                     .blocks_added_bytes = counters.blocks_added_bytes};
  };
  sources.informer_disk = [this]() -> std::optional<double> {
    auto newest = cluster_->metrics("freespace");
    auto own = std::ranges::find(newest, options_.cluster.self, &model::Metric::peer);
    if (own == newest.end()) return std::nullopt;
    return static_cast<double>(own->weight);
  };
  sources.http = [this] {
    std::vector<api::metrics::HttpFigures> figures;
    if (gateway_server_) figures.push_back({"gateway", gateway_server_->requests(), gateway_server_->connections()});
    return figures;
  };
  return sources;
}

Result<> Peer::listen_metrics() {
  if (options_.metrics_addresses.empty()) return {};
  metrics_ = std::make_unique<api::metrics::Metrics>(runtime_, metrics_sources());
  metrics_server_ = std::make_unique<net::HttpServer>(runtime_, metrics_server(), metrics_->handler());
  for (const auto& address : options_.metrics_addresses) {
    auto bound = metrics_server_->listen(address);
    if (!bound) return std::unexpected(bound.error().with_context("observations.metrics.prometheus_endpoint"));
  }
  return {};
}

std::vector<ipld::Multiaddr> Peer::rest_addresses() const {
  return rest_ ? rest_->addresses() : std::vector<ipld::Multiaddr>();
}

std::vector<ipld::Multiaddr> Peer::proxy_addresses() const {
  return proxy_ ? proxy_->addresses() : std::vector<ipld::Multiaddr>();
}

std::vector<ipld::Multiaddr> Peer::pinning_addresses() const {
  return pinning_ ? pinning_->addresses() : std::vector<ipld::Multiaddr>();
}

std::vector<ipld::Multiaddr> Peer::gateway_addresses() const {
  return gateway_server_ ? gateway_server_->addresses() : std::vector<ipld::Multiaddr>();
}

Task<> Peer::stop() {
  Result<> outcome;
  auto note = [&outcome](Result<> step) {
    if (!step && outcome) outcome = std::move(step);
  };
  // Whoever asks goes first, whoever answers last.
  auto deadline = runtime_.now() + kDrainTime;
  if (metrics_server_) co_await metrics_server_->stop(deadline);
  if (gateway_server_) co_await gateway_server_->stop(deadline);
  if (proxy_) co_await proxy_->stop(deadline);
  if (rest_) co_await rest_->stop(deadline);
  if (pinning_) co_await pinning_->stop(deadline);
  if (membership_) note(co_await membership_->stop());
  if (cluster_) note(co_await cluster_->stop());
  if (tracker_) note(co_await tracker_->stop());
  if (peer_blocks_) note(co_await peer_blocks_->stop());
  if (node_) note(co_await node_->stop());
  if (consensus_) note(co_await consensus_->stop());
  if (server_) note(co_await server_->stop());
  if (connections_) co_await connections_->stop();
  if (started_) note(write_peerstore(options_.peerstore_path, membership_->peer_addresses()));
  co_return outcome;
}

}  // namespace ipfsc::app
