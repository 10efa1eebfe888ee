#include "sim/sim_peer.h"

#include <fmt/format.h>

#include "base/check.h"
#include "consensus/raft/recovery.h"

namespace ipfsc::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kSayWhy = 1s, kMetricsTime = 3s, kJoinTime = 5min;  // as in app::Peer

ipld::PeerId peer_id(int number) {
  return ipld::PeerId::from_public_key_protobuf(std::string("\x08\x01\x12\x20", 4) +
                                                std::string(32, static_cast<char>('a' + number)));
}

ipld::Multiaddr address_of(int number) {
  auto address = ipld::Multiaddr::parse(fmt::format("/ip4/10.0.0.{}/tcp/9096", number));
  CHECK(address);
  return address->with_peer_id(peer_id(number));
}

}  // namespace

World::World(uint64_t seed) : runtime(seed), network(runtime) {
  swarm.connected = [this](const ipld::PeerId& from, const ipld::PeerId& to) { return network.reaches(from, to); };
}

/// From start() to stop() or crash().
struct SimPeer::Life {
  explicit Life(SimPeer& p)
      : peer(p), client(p.world_.network.client(p.id(), &p.runtime_)), tasks(p.runtime_), users(p.runtime_) {}
  Task<> start(std::vector<ipld::Multiaddr> bootstrap);
  Task<> open_data(std::vector<ipld::Multiaddr> bootstrap);
  Task<> stop(bool reached);

  SimPeer& peer;
  cluster::Traffic traffic;
  rpc::Router router;
  std::unique_ptr<rpc::PeerClient> client;
  std::unique_ptr<state::State> state;
  std::unique_ptr<cluster::Membership> membership;
  std::unique_ptr<consensus::RaftConsensus> consensus;
  std::unique_ptr<tracker::PinTracker> tracker;
  std::unique_ptr<cluster::Cluster> cluster;
  bool attached = false;
  TaskGroup tasks, users;
};

Task<> SimPeer::Life::open_data(std::vector<ipld::Multiaddr> bootstrap) {
  auto& runtime = peer.runtime_;
  CO_TRY_ASSIGN(state, co_await run_blocking(runtime, [this] { return state::State::open(peer.state_options_); }));
  membership = std::make_unique<cluster::Membership>(runtime, peer.cluster_options_, *state, *client);
  membership->add_hints(bootstrap);
  CO_TRY_ASSIGN(bool member, co_await run_blocking(runtime, [this] { return consensus::has_log(peer.raft_options_); }));
  if (!member && !bootstrap.empty()) {
    CO_TRY_ASSIGN(auto grant, co_await membership->join(bootstrap, runtime.now() + kJoinTime));
    CO_TRY(co_await run_blocking(runtime, [&] { return consensus::begin_log(peer.raft_options_, grant); }));
  }
  CO_TRY_ASSIGN(consensus, co_await consensus::RaftConsensus::open(runtime, *state, peer.raft_options_,
                                                                   consensus::RaftNetwork{*client, router}));
  membership->serve(router, *consensus);
  co_return Result<>{};
}

Task<> SimPeer::Life::start(std::vector<ipld::Multiaddr> bootstrap) {
  auto& runtime = peer.runtime_;
  CO_TRY(co_await open_data(std::move(bootstrap)));
  auto feed = [this](state::FeedPosition from) { return consensus->feed(from); };
  CO_TRY_ASSIGN(tracker, tracker::PinTracker::open(runtime, *state, peer.node_, feed, peer.tracker_options_));
  cluster = std::make_unique<cluster::Cluster>(runtime, peer.cluster_options_, *state, *consensus, *tracker, peer.node_,
                                               *client, traffic);
  cluster->serve(router);
  peer.world_.network.attach(peer.id(), router, [this](const ipld::PeerId& caller, rpc::Access access) {
    return membership->admit(caller, access);
  });
  attached = true;
  membership->start();
  cluster->start();
  for (;;) {
    auto caught_up = co_await consensus->barrier(runtime.now() + kSayWhy);
    if (caught_up) break;
    if (caught_up.error().kind == ErrorKind::kCancelled) co_return fail(caught_up.error());
  }
  CO_TRY(co_await cluster->wait_for_metrics(runtime.now() + kMetricsTime));
  cluster->set_ready({});
  co_return Result<>{};
}

/// `reached`: the others reach this peer while it stops.
Task<> SimPeer::Life::stop(bool reached) {
  Result<> outcome;
  auto note = [&outcome](Result<> step) {
    if (!step && outcome) outcome = std::move(step);
  };
  auto& network = peer.world_.network;
  if (attached && !reached) note(co_await network.detach(peer.id()));
  co_await users.stop();
  co_await tasks.stop();
  if (membership) note(co_await membership->stop());
  if (cluster) note(co_await cluster->stop());
  if (tracker) note(co_await tracker->stop());
  if (consensus) note(co_await consensus->stop());
  if (attached && reached) note(co_await network.detach(peer.id()));
  co_return outcome;
}

SimPeer::SimPeer(World& world, const PeerSettings& settings)
    : world_(world),
      runtime_(world.runtime, settings.drift_ppm),
      node_(runtime_, peer_id(settings.number), world.swarm, settings.ipfs_id) {
  disk_.emplace().set_no_records();
  auto self = peer_id(settings.number);
  state_options_.path = "/state";
  state_options_.env = &*disk_;
  state_options_.cache_bytes = 2 << 20;
  state_options_.write_buffer_bytes = 0;
  state_options_.background_compaction = false;
  state_options_.now = [this] { return runtime_.now(); };
  raft_options_.self = self;
  raft_options_.path = "/raft";
  raft_options_.env = &*disk_;
  raft_options_.tick = 200ms;
  raft_options_.background_compaction = false;
  raft_options_.voter_grace = settings.voter_grace;
  raft_options_.flush_log_bytes = settings.flush_log_bytes;
  raft_options_.keep_log_bytes = settings.keep_log_bytes;
  tracker_options_.path = "/local";
  tracker_options_.env = &*disk_;
  tracker_options_.cache_bytes = 1 << 20;
  tracker_options_.write_buffer_bytes = 1 << 20;
  tracker_options_.self = self;
  tracker_options_.peername = fmt::format("peer{}", settings.number);
  tracker_options_.pin_timeout = 20s;
  tracker_options_.unpin_timeout = 20s;
  auto& retry = tracker_options_.retry;
  for (auto* backoff : {&retry.not_found, &retry.timeout, &retry.disk_full, &retry.other, &retry.unavailable}) {
    *backoff = {.first = 1s, .most = 10s};
  }
  tracker_options_.concurrency.pause.most = 10s;
  cluster_options_.self = self;
  cluster_options_.peername = tracker_options_.peername;
  cluster_options_.addresses = {address_of(settings.number)};
  cluster_options_.allocate_by = {"freespace"};
  std::tie(cluster_options_.replication_factor_min, cluster_options_.replication_factor_max) = settings.factors;
  cluster_options_.repin_grace = settings.repin_grace;
  cluster_options_.write_timeout = 6s;
  cluster_options_.promise_lifetime = kPromiseLifetime;
  cluster_options_.most_heard_at_once = kMostHeardAtOnce;
  cluster_options_.most_relayed = kMostRelayed;
  cluster_options_.trim_interval = 20s;
  cluster_options_.metric_ttl = cluster_options_.ping_ttl = kMetricTime * 2;
}

SimPeer::~SimPeer() {
  if (running()) crash();
}

void SimPeer::start(std::vector<ipld::Multiaddr> bootstrap) {
  CHECK(!running());
  ++starts_;
  start_error_.reset();
  life_ = std::make_unique<Life>(*this);
  auto begin = [](SimPeer& self, Life& life, std::vector<ipld::Multiaddr> others) -> Task<> {
    auto started = co_await life.start(std::move(others));
    if (!started && started.error().kind != ErrorKind::kCancelled) self.start_error_ = started.error();
    co_return Result<>{};
  };
  life_->tasks.spawn("starting", begin(*this, *life_, std::move(bootstrap)));
}

bool SimPeer::ready() const { return life_ && life_->cluster && life_->cluster->ready(); }

bool SimPeer::expelled() const {
  return life_ && life_->consensus && life_->membership && life_->membership->removed();
}

Result<> SimPeer::stop() {
  CHECK(running());
  auto stopped = world_.runtime.run_task(life_->stop(true));
  life_.reset();
  return stopped;
}

void SimPeer::crash() {
  CHECK(running());
  disk_->cut_power();
  (void)world_.runtime.run_task(life_->stop(false));
  life_.reset();
  disk_->restore_power();
}

void SimPeer::lose_disk() {
  if (running()) crash();
  disk_.emplace().set_no_records();  // at the same address
  node_.forget_pins();
}

cluster::Cluster& SimPeer::cluster() { return *life_->cluster; }
tracker::PinTracker& SimPeer::tracker() { return *life_->tracker; }
const consensus::Consensus& SimPeer::consensus() const { return *life_->consensus; }
const state::State* SimPeer::state() const { return life_ ? life_->state.get() : nullptr; }
void SimPeer::ask(Task<> task) { life_->users.spawn("asking", std::move(task)); }

}  // namespace ipfsc::sim
