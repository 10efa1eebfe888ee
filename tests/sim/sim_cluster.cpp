#include "sim/sim_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace ipfsc::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLook = 200ms;       // between two looks at what must always hold
constexpr Duration kGatherTime = 2min;  // until all peers are there
constexpr Duration kRestTime = 5min;    // until all is as the pinset says
constexpr Duration kRestLook = 1s;
constexpr Duration kHeardTime = 1s;             // until the leader has heard what is given back
constexpr Duration kTurnTime = 10s;             // until the leader has heard all who have no vote, in their turns
constexpr Duration kExpireTime = 2min;          // for pins of users, which have a minute at most
constexpr uint64_t kNever = uint64_t{1} << 40;  // writes
constexpr size_t kMostPeers = 9;
constexpr Duration kVoterGrace = 5s;
constexpr int64_t kDriftPpm = 50'000;
constexpr std::pair<int, int> kFactors[] = {{1, 1}, {1, 2}, {2, 2}, {2, 3}, {-1, -1}};

}  // namespace

Story SimCluster::story_of(uint64_t seed) {
  std::mt19937_64 random(seed);
  auto size = random() % 10;
  return {.peers = size < 5   ? 3
                   : size < 8 ? 5
                   : size < 9 ? 4
                              : static_cast<int>(6 + random() % 4),
          .steps = static_cast<int>(15 + random() % 20),
          .admin = true,
          .adds = true,
          .requests = true};
}

SimCluster::SimCluster(uint64_t seed, const Story& story)
    : story_(story),
      random_(seed),
      world_(seed),
      load_(world_, random_(), complaints_, story.adds),
      requests_(world_, seed, complaints_, load_.there()),
      admin_(world_, seed, complaints_),
      book_(complaints_),
      started_(static_cast<size_t>(story.peers)),
      checked_start_(static_cast<size_t>(story.peers)) {
  // Some clusters flush and forget all the time, so that peers that were away need checkpoints.
  forgetful_ = below(3) == 0;
  if (story.requests) factors_ = kFactors[below(std::size(kFactors))];
  for (int number = 1; number <= story.peers; ++number) {
    peers_.push_back(std::make_unique<SimPeer>(world_, settings_of(number)));
  }
  for (const auto& cid : load_.cids()) {
    if (!world_.swarm.elsewhere.contains(cid)) any_peer().node().hold(cid);
  }
}

PeerSettings SimCluster::settings_of(int number) {
  PeerSettings settings{.number = number, .repin_grace = story_.repin_grace, .factors = factors_};
  if (story_.admin) {
    settings.voter_grace = kVoterGrace;
    if (below(4) == 0) settings.drift_ppm = below(2) == 0 ? kDriftPpm : -kDriftPpm;
  }
  if (std::ranges::count(story_.one_node, number) > 0) settings.ipfs_id = "the same node";
  if (forgetful_) {
    settings.flush_log_bytes = 256;
    settings.keep_log_bytes = 512;
  } else if (below(2) == 0) {
    settings.flush_log_bytes = 2048;
  }
  return settings;
}

void SimCluster::say(std::string what) {
  auto time = std::chrono::duration<double>(world_.runtime.now().time_since_epoch() - 1h);
  trace_.push_back(fmt::format("{:8.3f} {}", time.count(), what));
}

void SimCluster::run() {
  gather_peers();
  if (complaints_.empty()) storm();
  if (complaints_.empty()) come_to_rest();
  if (complaints_.empty()) check_end();
  if (complaints_.empty() && story_.adds) check_room();
}

void SimCluster::start(SimPeer& peer) {
  std::vector<ipld::Multiaddr> others;
  bool begins = &peer == peers_.front().get() && peer.starts() == 0;
  for (const auto& other : peers_) {
    if (other.get() != &peer && !begins) others.push_back(other->address());
  }
  for (size_t n = 0; n < peers_.size(); ++n) {
    if (peers_[n].get() == &peer) started_[n] = world_.runtime.now();
  }
  say(fmt::format("{} starts", peer.name()));
  // A peer that joins asks any of them first.
  if (story_.admin && !others.empty())
    std::ranges::rotate(others, others.begin() + static_cast<long>(below(others.size())));
  peer.start(std::move(others));
}

void SimCluster::gather_peers() {
  start(*peers_.front());
  auto end = world_.runtime.now() + kGatherTime;
  while (!peers_.front()->ready() && world_.runtime.now() < end) run_for(kLook);
  for (size_t n = 1; n < peers_.size(); ++n) start(*peers_[n]);
  // Some storms begin while peers are still joining.
  if (below(3) == 0) return;
  auto all_ready = [this] { return std::ranges::all_of(peers_, [](const auto& peer) { return peer->ready(); }); };
  while (!all_ready() && world_.runtime.now() < end) run_for(kLook);
  if (!all_ready()) complaints_.push_back("the peers did not come together");
}

void SimCluster::run_for(Duration time) {
  for (auto end = world_.runtime.now() + time; world_.runtime.now() < end && complaints_.empty();) {
    world_.runtime.run_until(std::min(end, world_.runtime.now() + kLook));
    watch();
  }
}

void SimCluster::watch() {
  book_.look(peers_);
  admin_.look(peers_);
  for (size_t n = 0; n < peers_.size(); ++n) {
    auto& peer = *peers_[n];
    if (peer.running() && peer.start_error()) {
      say(fmt::format("{} could not start: {}", peer.name(), peer.start_error()->message));
      peer.crash();
    }
    if (peer.running() && peer.power_is_cut()) {
      say(fmt::format("{} is without power", peer.name()));
      peer.crash();
    }
    if (peer.expelled()) {
      if (!admin_.removes(peer.id())) complaints_.push_back(peer.name() + " says that it was removed, and was not");
      say(fmt::format("{} was removed and loses its data", peer.name()));
      peer.lose_disk();
      admin_.forget(peer.id());
      if (below(2) == 0) start(peer);
    }
    if (!peer.ready() || checked_start_[n] == peer.starts()) continue;
    checked_start_[n] = peer.starts();
    say(fmt::format("{} is ready", peer.name()));
    load_.check_visible(peer, started_[n]);
  }
}

void SimCluster::storm() {
  for (int step = 0; step < story_.steps && complaints_.empty(); ++step) {
    act();
    run_for(Duration(1ms) * below(1000));
  }
}

void SimCluster::act() {
  switch (below(20)) {
    case 0:
    case 1:
    case 2:
      return hurt_peer();
    case 3:
    case 4:
      return hurt_network();
    case 5:
      return hurt_node();
    case 6:
      return hurt_disk();
    case 7:
      say("nothing happens for a while");
      return run_for(Duration(1s) * (5 + below(15)));
    case 8: {
      auto& peer = any_peer();
      peer.runtime().wall_offset = Duration(1s) * below(7200) - 1h;
      return say(fmt::format("the clock of {} is wrong by {} s", peer.name(), peer.runtime().wall_offset / 1s));
    }
    default:
      if (story_.admin && below(5) < 2) return give_order();
      for (auto count = 1 + below(3); count > 0; --count) write();
  }
}

void SimCluster::write() {
  auto& peer = any_peer();
  if (!peer.ready()) return;
  say(story_.requests && below(2) == 0 ? requests_.act(peer) : load_.act(peer));
}

void SimCluster::add_peer() {
  peers_.push_back(std::make_unique<SimPeer>(world_, settings_of(static_cast<int>(peers_.size()) + 1)));
  started_.emplace_back();
  checked_start_.push_back(0);
  start(*peers_.back());
}

void SimCluster::give_order() {
  if (peers_.size() < kMostPeers && below(8) == 0) return add_peer();
  auto& peer = any_peer();
  if (peer.ready()) say(admin_.act(peer, peers_));
}

void SimCluster::hurt_peer() {
  auto& peer = any_peer();
  if (!peer.running()) return start(peer);
  switch (below(8)) {
    case 0:
      say(fmt::format("{} stops", peer.name()));
      (void)peer.stop();
      return;
    case 1:
      say("the power of all peers goes");
      for (const auto& each : peers_) {
        if (each->running()) each->crash();
      }
      for (const auto& each : peers_) start(*each);
      return;
    case 2:
    case 3:
      say(fmt::format("{} crashes and comes back", peer.name()));
      peer.crash();
      return start(peer);
    default:
      say(fmt::format("{} crashes", peer.name()));
      return peer.crash();
  }
}

void SimCluster::hurt_disk() {
  auto& peer = any_peer();
  auto writes = 1 + below(60);
  switch (below(4)) {
    case 0:
      if (!all_well() || !can_lose(peer)) return;  // the others have all that it had
      say(fmt::format("{} loses its disk", peer.name()));
      return peer.lose_disk();
    case 1:
      say(fmt::format("the disk of {} is full in {} writes", peer.name(), writes));
      return peer.fill_disk_after(writes);
    case 2:
      say("there is room on all disks");
      for (const auto& each : peers_) each->mend_disk();
      return;
    default:
      say(fmt::format("{} crashes in {} writes", peer.name(), writes));
      return peer.cut_power_after(writes);
  }
}

/// All peers answer users and have applied the same.
bool SimCluster::all_well() const {
  return std::ranges::all_of(peers_, [&](const auto& peer) {
    return peer->ready() && peer->consensus().trouble().empty() &&
           peer->state()->applied_index() == peers_.front()->state()->applied_index();
  });
}

/// The other voters are a majority.
bool SimCluster::can_lose(const SimPeer& peer) const {
  size_t voters = 0, others = 0;
  for (const auto& member : peers_.front()->consensus().members()) {
    if (member.role != consensus::MemberRole::kVoter) continue;
    ++voters;
    if (member.peer != peer.id()) ++others;
  }
  return others > voters / 2;
}

void SimCluster::hurt_network() {
  auto& network = world_.network;
  auto& peer = any_peer();
  auto& other = any_peer();
  switch (below(6)) {
    case 0:
      say(fmt::format("nothing goes between {} and {}", peer.name(), other.name()));
      return network.cut(peer.id(), other.id());
    case 1:
      say(fmt::format("nothing goes from {} to {}", peer.name(), other.name()));
      return network.cut_one_way(peer.id(), other.id());
    case 2:
      say(fmt::format("{} is cut off", peer.name()));
      for (const auto& each : peers_) {
        if (each.get() != &peer) network.cut(peer.id(), each->id());
      }
      return;
    case 3:
      network.delay = Duration(1ms) * (1 + below(100));
      network.jitter = Duration(1ms) * below(200);
      return say(fmt::format("messages take {} to {} ms", network.delay / 1ms, (network.delay + network.jitter) / 1ms));
    default:
      say("the network is whole");
      return network.heal();
  }
}

void SimCluster::hurt_node() {
  static constexpr std::pair<NodeFault, const char*> kStates[] = {
      {NodeFault::kNone, "is well"}, {NodeFault::kNone, "is well"}, {NodeFault::kSlow, "is slow"},
      {NodeFault::kFull, "is full"}, {NodeFault::kDown, "is down"}, {NodeFault::kHangs, "hangs"}};
  auto& peer = any_peer();
  auto [fault, name] = kStates[below(std::size(kStates))];
  say(fmt::format("the node of {} {}", peer.name(), name));
  peer.node().set_fault(fault);
}

void SimCluster::come_to_rest() {
  say("all is well from here on");
  world_.network.heal();
  world_.network.delay = 1ms;
  world_.network.jitter = {};
  for (const auto& peer : peers_) {
    peer->node().set_fault(NodeFault::kNone);
    peer->mend_disk();
    if (!peer->running()) start(*peer);
  }
  auto begin = world_.runtime.now();
  std::string why;
  do {
    run_for(kRestLook);
    for (const auto& peer : peers_) {
      if (!peer->running()) start(*peer);
    }
    auto ready = std::ranges::find_if(peers_, [](const auto& peer) { return peer->ready(); });
    if (ready != peers_.end()) {
      if (auto order = admin_.put_right(**ready); !order.empty()) say(order);
    }
    why = unrest(world_, peers_, load_.cids());
    if (why.empty()) why = requests_.unrest(any_peer());
    if (!why.empty() && (trace_.empty() || !trace_.back().ends_with(why))) say(why);
  } while (!why.empty() && world_.runtime.now() - begin < kRestTime && complaints_.empty());
  rested_after_ = world_.runtime.now() - begin;
  if (!why.empty()) complaints_.push_back("the cluster does not come to rest: " + why);
}

void SimCluster::check_end() {
  admin_.check_end(*peers_.front()->state());
  requests_.check_end(any_peer(), load_.cids());
  for (const auto& peer : peers_) {
    load_.check_history(*peer);
    auto scan = peer->state()->scan_hash();
    if (!scan || !scan->equal()) complaints_.push_back("the state of " + peer->name() + " is not what its hash says");
  }
}

void SimCluster::check_room() {
  for (const auto& peer : peers_) peer->cut_power_after(kNever);  // those that were to crash later do not
  // What expires meanwhile would give room back.
  auto expiring = [this] { return peers_.front()->state()->counters().expiring; };
  for (auto end = world_.runtime.now() + kExpireTime; expiring() > 0 && world_.runtime.now() < end;) run_for(kRestLook);
  if (expiring() > 0) return;
  run_for(std::max(kPromiseLifetime, kMetricTime + kTurnTime));
  uint64_t free = std::numeric_limits<uint64_t>::max();
  int takers = 0;
  for (const auto& peer : peers_) {
    if (peers_.front()->state()->peer(peer->id())->state != proto::PEER_STATE_UP) continue;
    ++takers;
    auto stat = world_.runtime.run_task(peer->node().stat());
    CHECK(stat);
    free = std::min(free, stat->storage_max_bytes - stat->repo_size_bytes);
  }
  cluster::AddParams add{.pin = {.replication_factor_min = takers, .replication_factor_max = takers},
                         .size_hint_bytes = free + 1};
  auto open = [&] { return world_.runtime.run_task(any_peer().cluster().add(add, {})); };
  if (open()) complaints_.push_back("an add was accepted for which there is no room");
  add.size_hint_bytes = free;
  {
    auto first = open();
    if (!first) return complaints_.push_back("room is not given back: " + first.error().message);
    if (open()) complaints_.push_back("room was promised twice");
  }
  run_for(kHeardTime);
  if (auto again = open(); !again) {
    complaints_.push_back("room of an add that was given up is not given back: " + again.error().message);
  }
}

}  // namespace ipfsc::sim
