#include "app/daemon.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>

#include "api/auth/password.h"
#include "app/data_folders.h"
#include "app/peer.h"
#include "app/peerstore.h"
#include "app/reload.h"
#include "app/signals.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/real_runtime.h"
#include "base/task_group.h"
#include "base/version.h"

namespace ipfsc::app {
namespace {

LogComponent log("service");

constexpr Duration kLeaveTime = std::chrono::seconds(15);

/// glibc gives every thread its own heap and keeps what is freed in each: two heaps are enough and stay small. Blocks
/// come from them too: memory mapped for each would cost a page fault for every 4 KiB of content.
void bound_the_heap() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
}

/// Shells give 1,024 where the system would allow many more: connections and files of databases need them.
void raise_descriptor_limit() {
  constexpr rlim_t kEnough = 1 << 20;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= std::min(limit.rlim_max, kEnough)) return;
  limit.rlim_cur = std::min(limit.rlim_max, kEnough);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) log.warn("the limit of file descriptors cannot be raised");
}

/// How a run of the peer ended.
struct End {
  bool set_data_aside = false;
  std::vector<ipld::Multiaddr> rejoin;  ///< the members to join then
};

struct Start {
  explicit Start(Runtime& runtime) : changed(runtime) {}
  Notifier changed;
  std::optional<Result<>> result;
};

Task<> start_peer(Peer& peer, Start& start) {
  start.result = co_await peer.start();
  start.changed.notify_all();
  co_return Result<>{};
}

void say_where(const Peer& peer, const PeerOptions& options) {
  for (const auto& address : peer.rest_addresses()) log.info("REST API: {}", address.to_string());
  for (const auto& address : peer.proxy_addresses()) log.info("IPFS proxy: {}", address.to_string());
  for (const auto& address : peer.pinning_addresses()) log.info("pinning service: {}", address.to_string());
  for (const auto& address : peer.gateway_addresses()) log.info("gateway: {}", address.to_string());
  if (!options.cluster.addresses.empty()) {
    log.info("to join another peer: ipfs-cluster-service daemon --bootstrap {}",
             options.cluster.addresses.front().to_string());
  }
}

/// cluster.leave_on_shutdown: true when this peer is out of the cluster. Its copies stay allocated to it until somebody
/// decides otherwise, as with the Go program.
boost::asio::awaitable<bool> leave(Runtime& runtime, Peer& peer, const ipld::PeerId& self) {
  auto left = co_await with_deadline(runtime, runtime.now() + kLeaveTime, "leaving the cluster",
                                     peer.cluster()->remove_peer(self, /*force=*/true, /*ban=*/false));
  if (!left) log.warn("this peer stays a member: {}", left.error().message);
  co_return left.has_value();
}

/// What a run reads its configuration again with.
struct Reloading {
  const config::Configuration& config;
  const identity::Identity& identity;
  const LoadConfiguration& load;
};

Task<End> run(Runtime& runtime, PeerOptions options, Reloading reloading) {
  StopSignals signals(runtime);
  ReloadSignal reload_signal(runtime);
  TaskGroup reloads(runtime);
  Peer peer(runtime, options);
  TaskGroup starting(runtime);
  Start start(runtime);
  starting.spawn("starting the peer", start_peer(peer, start));
  TaskGroup watchdog(runtime);
  watchdog.spawn("watchdog", feed_watchdog(runtime));
  while (!start.result && !signals.asked()) {
    using boost::asio::experimental::awaitable_operators::operator||;
    (void)co_await (start.changed.wait() || signals.wait());
  }
  // A signal during the start ends the start, wherever it is.
  co_await starting.stop();
  Result<> outcome;
  bool removed = false;
  std::vector<ipld::Multiaddr> rejoin;
  if (start.result && !*start.result && !signals.asked()) {
    removed = peer.removed();
    rejoin = peer.superseded_by();
    bool expelled = removed || !rejoin.empty();
    if (expelled) log.warn("{}", start.result->error().message);
    if (!expelled) outcome = *start.result;
  }
  if (start.result && *start.result && !signals.asked()) {
    log.info("** IPFS Cluster is READY **");
    say_where(peer, options);
    notify_service_manager("READY=1");
    if (reloading.load) {
      reloads.spawn(
          "reading the configuration again",
          reload_at_signals(runtime, reload_signal, peer, reloading.identity, reloading.config, reloading.load));
    }
    using boost::asio::experimental::awaitable_operators::operator||;
    auto ended = co_await (signals.wait() || peer.wait_expelled());
    bool expelled = ended.index() == 1 && std::get<1>(ended);
    removed = expelled && peer.removed();
    if (expelled && !removed) rejoin = peer.superseded_by();
    if (auto error = peer.given_up()) outcome = fail(*error);
    if (removed) log.warn("this peer was removed from the cluster: shutting down");
    if (!expelled && options.leave_on_shutdown) removed = co_await leave(runtime, peer, options.cluster.self);
  }
  co_await reloads.stop();
  if (rejoin.empty()) notify_service_manager("STOPPING=1");
  auto stopped = co_await peer.stop();
  co_await watchdog.stop();
  signals.cancel();
  reload_signal.cancel();
  if (!stopped) log.warn("while shutting down: {}", stopped.error().message);
  CO_TRY(outcome);
  if (rejoin.empty()) log.info("the peer has ended");
  co_return End{.set_data_aside = removed || !rejoin.empty(), .rejoin = std::move(rejoin)};
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
  TRY_ASSIGN(auto hash, api::auth::hash_password(password));
  return hash.to_string();
}

Result<int> run_daemon(const config::Configuration& config, const identity::Identity& identity,
                       const DaemonFlags& flags) {
  bound_the_heap();
  raise_descriptor_limit();
  TRY(finish_replacement(DataFolders(config)));
  TRY_ASSIGN(auto options, peer_options(config, identity));
  options.bootstrap = flags.bootstrap;
  log.info("IPFS Cluster v{}, peer {} ({})", kVersion, identity.id.to_string(), options.cluster.peername);
  log.info("IPFS node: {}", options.use_embedded ? "embedded, in " + options.embedded.path
                                                 : "Kubo at " + config.ipfshttp.node_multiaddress.to_string());
  DataFolders folders(config);
  // A peer that has set its data aside for a later incarnation must not begin a cluster of its own when it ends here.
  for (;;) {
    auto rejoin = read_peerstore(options.rejoin_path);
    options.bootstrap.insert(options.bootstrap.end(), rejoin.begin(), rejoin.end());
    RealRuntime runtime;
    TRY_ASSIGN(auto end, runtime.run_task<End>(run(runtime, options, {config, identity, flags.load})));
    if (!end.set_data_aside) return 0;
    if (!end.rejoin.empty()) TRY(write_peerstore(options.rejoin_path, end.rejoin));
    // To come back it joins anew; its blocks stay.
    TRY(set_data_aside(folders, config.raft.backups_rotate, /*with_local=*/true));
    log.info("log and pinset were set aside as {}.old.0", folders.raft);
    if (end.rejoin.empty()) return 0;
    log.info("joining the cluster's later incarnation");
  }
}

}  // namespace ipfsc::app
