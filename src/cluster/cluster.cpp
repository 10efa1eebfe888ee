#include "cluster/cluster.h"

#include "cluster/add_writer.h"
#include "cluster/background.h"
#include "cluster/mover.h"
#include "cluster/pinning_requests.h"

namespace ipfsc::cluster {

Cluster::Cluster(Runtime& runtime, ClusterOptions options, state::State& state, consensus::Consensus& consensus,
                 tracker::PinTracker& tracker, ipfs::IpfsNode& ipfs, rpc::PeerClient& client, Traffic& traffic)
    : runtime_(runtime),
      options_(std::move(options)),
      state_(state),
      consensus_(consensus),
      tracker_(tracker),
      ipfs_(ipfs),
      client_(client),
      traffic_(traffic),
      calls_(runtime, options_, state, client),
      tasks_(runtime),
      slow_peers_(std::make_shared<SlowPeers>()),
      ready_(fail(ErrorKind::kUnavailable, "the peer is starting")),
      heartbeats_(runtime, options_, state, consensus, tracker, client, metric_sources()),
      picture_(runtime, options_, state, heartbeats_),
      placement_(runtime, state, consensus, picture_, client),
      mover_(std::make_unique<Mover>(context(), picture_, calls_)),
      pinning_(std::make_unique<PinningRequests>(*this)) {
  calls_.set_doubt([this](const ipld::PeerId& peer) -> std::optional<Error> {
    auto standing = heartbeats_.standing(peer);
    if (!standing || standing->standing != monitor::Standing::kSuspect) return std::nullopt;
    return Error{ErrorKind::kUnavailable,
                 fmt::format("no heartbeat for {} s", standing->silence / std::chrono::seconds(1))};
  });
}

Cluster::~Cluster() = default;

void Cluster::serve(rpc::Router& router) {
  serve_peer_calls(router, {.id = [this] { return id(); },
                            .gc = [this](OnGcKey on_key) { return gc_here(std::move(on_key)); },
                            .swarm = [this] { return swarm_here(); },
                            .tracker = tracker_,
                            .runtime = runtime_});
  heartbeats_.serve(router);
  serve_adds(router);
  serve_removal(router);
  serve_plans(router);
  placement_.serve(router);
}

void Cluster::start() {
  tasks_.spawn("expiry", expire_pins(context()));
  tasks_.spawn("trimming", trim_history(context()));
  tasks_.spawn("replaced pinning requests", pinning_->run());
  tasks_.spawn("interrupted removals", finish_removals());
  if (options_.connect_swarms_delay > Duration::zero()) tasks_.spawn("connecting IPFS nodes", connect_swarms());
  heartbeats_.start();
  if (!options_.follower_mode) tasks_.spawn("moving copies", mover_->run());
}

void Cluster::reload(const ClusterOptions& options) {
  options_.tags = options.tags;
  options_.moves_per_second = options.moves_per_second;
  mover_->rate_has_changed();
}

Task<> Cluster::stop() {
  ready_ = fail(ErrorKind::kUnavailable, "the peer is stopping");
  CO_TRY(co_await heartbeats_.stop());
  co_await tasks_.stop();
  co_return Result<>{};
}

Result<> Cluster::ready() const { return ready_; }

Result<> Cluster::check_writable() const {
  if (options_.follower_mode) {
    return fail(ErrorKind::kFailedPrecondition,
                "this peer is configured to be in follower mode. Write operations are disabled");
  }
  return {};
}

Task<std::vector<state::Outcome>> Cluster::submit(std::vector<proto::Operation> operations) {
  return consensus_.submit(std::move(operations), runtime_.now() + options_.write_timeout);
}

}  // namespace ipfsc::cluster
