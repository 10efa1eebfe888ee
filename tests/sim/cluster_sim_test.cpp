// A whole cluster on virtual time, with everything going wrong that a seed says (docs/architecture.md).
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "base/test_seeds.h"
#include "sim/sim_cluster.h"

namespace ipfsc::sim {
namespace {

using namespace std::chrono_literals;

class ClusterSim : public ::testing::Test {
 protected:
  /// What goes wrong is announced: nobody wants to read of it. SIM_LOG="info,raft:debug" shows it.
  static void SetUpTestSuite() {
    const char* levels = std::getenv("SIM_LOG");
    ASSERT_TRUE(set_log_levels(levels != nullptr ? levels : "fatal"));
  }
  static void TearDownTestSuite() { ASSERT_TRUE(set_log_levels("info")); }

  /// SIM_STORY=1 tells it in any case.
  static void run(uint64_t seed) { run(seed, SimCluster::story_of(seed)); }
  static void run(uint64_t seed, const Story& story) {
    SCOPED_TRACE(fmt::format("SIM_FROM={} SIM_SEEDS=1{}{}", seed, story.admin ? "" : ", no orders",
                             story.adds ? "" : ", no adds"));
    SimCluster cluster(seed, story);
    cluster.run();
    auto told = fmt::format("what happened:\n  {}\n", fmt::join(cluster.trace(), "\n  "));
    EXPECT_TRUE(cluster.complaints().empty()) << fmt::format("{}", fmt::join(cluster.complaints(), "\n")) << '\n'
                                              << told;
    if (std::getenv("SIM_STORY") != nullptr) fmt::print("{}", told);
  }
};

/// Seeds that have found something when there were only pins and unpins.
constexpr uint64_t kKept[] = {
    29,    // a repeated pin whose expiry had passed meanwhile was refused, though its first try had been acknowledged
    129,   // a peer that the log called down became the leader, and was down as long as it led
    1038,  // a member that was away refused the leader, who had joined meanwhile
    5097,  // after its disk had been full, a peer's tracker asked a state that was behind what it had been fed
};

/// And those that did with changes of the members as well.
constexpr uint64_t kKeptWithChanges[] = {
    15,    // a voter was removed while two others were down, and the rest had no majority
    98,    // of two changes of a peer's entry at the same time one was lost
    105,   // the end of a movement undid what a pin had put under way meanwhile
    2031,  // a peer that had joined again was told by one that lagged behind that it was removed, and refused as leader
    3022,  // a peer that was removed before it had applied anything was never told
};

/// And with adds, too.
constexpr uint64_t kKeptWithAdds[] = {
    55,   // an add whose own peer's node was full did not name that peer among those who lack blocks
    99,   // a leader that was lost within a removal left a peer that only the log knew to be gone, and
    134,  // who is gone believed in the leader that answered its questions
};

/// And with requests of the pinning service.
constexpr uint64_t kKeptWithRequests[] = {
    1338,   // what a peer had unpinned before a power cut was wanted again when it was back, and not pinned again,
    2981,   // and its pin of another kind
    1639,   // of two that claimed a pin at once the second's holders were all, fewer than the first had asked for
    2601,   // the last member of a cluster applied its shrinking again after a power cut, and led no more
    4064,   // the leader was lost before a new member had heard of another one, which led then and was not believed
    6755,   // who had joined again met its own removal in the log that it applied, and left once more, for ever
    6098,   // a change of the voters needed one that needed the state, which nobody gave during a change
    6796,   // a member that had not applied its own joining yet announced itself as new, and so was drained no more
    4288,   // two claims of a pin that was held everywhere ended at once, and the third's holders were too few
    11871,  // a peer that had lost its disk joined while it was removed: it had a place in the log and was no member
    12029,
    20185,  // a clock that was set back by half a minute left the next tries of failed pins behind those looked at
    29643,  // a claim ended while copies were replaced for it too: one copy more than the other claim asks for
    25930,  // holders were chosen without knowing of a movement, whose end left too few
    8571,   // of two voters that stayed after a removal the dead one was given the votes, for its role
};

TEST_F(ClusterSim, KeepsItsPromisesInStoriesThatFoundABug) {
  auto keep = [](uint64_t seed, bool admin, bool adds, bool requests) {
    auto story = SimCluster::story_of(seed);
    story.admin = admin;
    story.adds = adds;
    story.requests = requests;
    run(seed, story);
  };
  for (auto seed : kKept) keep(seed, false, false, false);
  for (auto seed : kKeptWithChanges) keep(seed, true, false, false);
  for (auto seed : kKeptWithAdds) keep(seed, true, true, false);
  for (auto seed : kKeptWithRequests) keep(seed, true, true, true);
}

/// Every n-th seed, so that ctest can spread them over processes.
class ClusterSimSlice : public ClusterSim, public ::testing::WithParamInterface<uint64_t> {};
constexpr uint64_t kSlices = 8;
INSTANTIATE_TEST_SUITE_P(Seeds, ClusterSimSlice, ::testing::Range(uint64_t{0}, kSlices));

TEST_P(ClusterSimSlice, KeepsItsPromisesWhateverGoesWrong) {
  for (auto seed : sim_seeds(1, 200)) {
    if (seed % kSlices != GetParam()) continue;
    run(seed);
    if (HasFailure()) return;
  }
}

TEST_F(ClusterSim, AnswersARepeatedPinAsTheFirst) {
  SimCluster cluster(1, {.peers = 1, .steps = 0});
  cluster.gather_peers();
  auto& runtime = cluster.world().runtime;
  model::PinOptions options{.expire_at = runtime.wall_now() + std::chrono::seconds(5)};
  auto pin = [&](Bytes request_id) {
    return runtime.run_task(cluster.peers().front()->cluster().pin(cluster.load().cids().front(), options,
                                                                   {.actor = "user", .request_id = request_id}));
  };
  ASSERT_TRUE(pin("once"));
  runtime.run_for(std::chrono::seconds(20));
  EXPECT_TRUE(pin("once"));
  EXPECT_FALSE(pin("another"));
  EXPECT_EQ(cluster.peers().front()->state()->counters().pins, 0u);
}

TEST_F(ClusterSim, TellsTheSameStoryAgain) {
  SimCluster once(7, SimCluster::story_of(7)), again(7, SimCluster::story_of(7));
  once.run();
  again.run();
  EXPECT_EQ(once.trace(), again.trace());
  EXPECT_EQ(once.world().network.calls(), again.world().network.calls());
}

/// A quiet cluster of which a test does single things.
class QuietCluster : public ClusterSim {
 protected:
  void gather(const Story& story) {
    cluster.emplace(1, story);
    cluster->gather_peers();
    ASSERT_TRUE(wait([&] {
      return std::ranges::all_of(cluster->peers(), [](const auto& peer) { return peer->ready(); }) &&
             voters() == std::min(cluster->peers().size(), consensus::RaftOptions().max_voters);
    }));
  }
  /// Within a minute of virtual time.
  bool wait(const std::function<bool()>& condition) {
    auto end = runtime().now() + 1min;
    while (!condition() && runtime().now() < end) runtime().run_for(100ms);
    return condition();
  }
  VirtualRuntime& runtime() { return cluster->world().runtime; }
  SimPeer& peer(size_t i) { return *cluster->peers()[i]; }
  size_t voters() {
    return static_cast<size_t>(
        std::ranges::count(peer(0).consensus().members(), consensus::MemberRole::kVoter, &consensus::Member::role));
  }
  SimPeer* leader() {
    for (const auto& each : cluster->peers()) {
      if (each->ready() && each->consensus().is_leader()) return each.get();
    }
    return nullptr;
  }
  /// The running peers without `those`.
  std::vector<SimPeer*> others(std::vector<SimPeer*> those) {
    std::vector<SimPeer*> out;
    for (const auto& each : cluster->peers()) {
      if (each->running() && std::ranges::count(those, each.get()) == 0) out.push_back(each.get());
    }
    return out;
  }
  Result<model::Pin> pin(const ipld::Cid& cid, int copies, const std::vector<SimPeer*>& on = {}) {
    model::PinOptions options{.replication_factor_min = copies, .replication_factor_max = copies};
    for (auto* each : on) options.user_allocations.push_back(each->id());
    return runtime().run_task(leader()->cluster().pin(cid, std::move(options), {.actor = "user"}));
  }
  Task<> add(int copies, Bytes request_id) {
    auto content = contents_of(1).back();
    content.params.pin = {.replication_factor_min = copies, .replication_factor_max = copies};
    cluster::Caller caller{.actor = "user", .request_id = std::move(request_id)};
    CO_TRY_ASSIGN(auto session, co_await leader()->cluster().add(std::move(content.params), std::move(caller)));
    for (auto& [path, bytes] : content.files) {
      CO_TRY(co_await session->begin_file(path));
      CO_TRY(co_await session->write(std::move(bytes)));
      CO_TRY(co_await session->end_file());
    }
    CO_TRY(co_await session->finish());
    co_return Result<>{};
  }
  std::vector<ipld::PeerId> allocations(const ipld::Cid& cid) {
    return leader() ? leader()->state()->get(cid)->value().pin.allocations : std::vector<ipld::PeerId>();
  }

  std::optional<SimCluster> cluster;
};

/// Whether all peers restart in the middle of the grace, or only the leader.
class QuietClusterGrace : public QuietCluster, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(AllRestart, QuietClusterGrace, ::testing::Bool());

TEST_P(QuietClusterGrace, GoesOnWhenAnotherPeerLeads) {
  bool all_restart = GetParam();
  gather({.peers = 5, .steps = 0, .repin_grace = 60s});
  auto* first = leader();
  auto holders = others({first});
  holders.pop_back();
  const auto& cid = cluster->load().cids().front();
  ASSERT_TRUE(pin(cid, 3, holders));
  ASSERT_TRUE(
      wait([&] { return std::ranges::all_of(holders, [&](auto* p) { return p->node().pins().contains(cid); }); }));
  auto* dead = holders.front();
  dead->crash();
  ASSERT_TRUE(wait([&] { return first->state()->peer(dead->id())->state == proto::PEER_STATE_DOWN; }));
  auto down = runtime().now();
  runtime().run_for(40s);
  if (all_restart) {
    auto running = others({});
    for (auto* each : running) each->crash();
    for (auto* each : running) each->start({});
    ASSERT_TRUE(wait([&] { return leader() != nullptr; }));
  } else {
    ASSERT_TRUE(first->stop());
    first->start({});
    ASSERT_TRUE(wait([&] { return leader() != nullptr && leader() != first; }));
  }
  auto moved = [&] {
    auto held = allocations(cid);
    return !held.empty() && std::ranges::count(held, dead->id()) == 0;
  };
  EXPECT_FALSE(moved());
  ASSERT_TRUE(wait(moved));
  EXPECT_GE(runtime().now() - down, 58s);
  EXPECT_LE(runtime().now() - down, 70s);
}

/// By how much the leader's clock is set in the middle of the grace.
class QuietClusterClock : public QuietCluster, public ::testing::WithParamInterface<Duration> {};
INSTANTIATE_TEST_SUITE_P(Set, QuietClusterClock, ::testing::Values(-1h, 1h));

TEST_P(QuietClusterClock, DoesNotChangeTheGrace) {
  gather({.peers = 5, .steps = 0, .repin_grace = 60s});
  auto holders = others({leader()});
  holders.pop_back();
  const auto& cid = cluster->load().cids().front();
  ASSERT_TRUE(pin(cid, 3, holders));
  ASSERT_TRUE(
      wait([&] { return std::ranges::all_of(holders, [&](auto* p) { return p->node().pins().contains(cid); }); }));
  auto* dead = holders.front();
  dead->crash();
  ASSERT_TRUE(wait([&] { return leader()->state()->peer(dead->id())->state == proto::PEER_STATE_DOWN; }));
  auto down = runtime().now();
  runtime().run_for(20s);
  leader()->runtime().wall_offset += GetParam();
  ASSERT_TRUE(wait([&] { return std::ranges::count(allocations(cid), dead->id()) == 0; }));
  EXPECT_GE(runtime().now() - down, 58s);
  EXPECT_LE(runtime().now() - down, 70s);
}

TEST_F(QuietCluster, PeersOfOneNodeAreOnePlace) {
  gather({.peers = 3, .steps = 0, .one_node = {1, 2}});
  for (const auto& cid : cluster->load().cids()) {
    ASSERT_TRUE(pin(cid, 2));
    auto held = allocations(cid);
    ASSERT_EQ(held.size(), 2u);
    EXPECT_EQ(std::ranges::count(held, peer(2).id()), 1) << "the only peer with another node";
  }
  auto three = pin(cluster->load().cids().front(), 3);
  ASSERT_FALSE(three);
  EXPECT_EQ(three.error().kind, ErrorKind::kFailedPrecondition);
  auto both = pin(cluster->load().cids().front(), 2, {&peer(0), &peer(1)});
  ASSERT_FALSE(both);
  EXPECT_TRUE(both.error().message.contains("the same IPFS node as ")) << both.error().message;
}

TEST_F(QuietCluster, APeerThatLostItsDataStaysDrainedAndKeepsItsRole) {
  gather({.peers = 5, .steps = 0});
  auto* lost = others({leader()}).front();
  auto& cluster = leader()->cluster();
  ASSERT_TRUE(runtime().run_task(cluster.drain_peer(lost->id(), false)));
  ASSERT_TRUE(runtime().run_task(cluster.set_role(lost->id(), proto::PEER_ROLE_STANDBY)));
  lost->lose_disk();
  lost->start({leader()->address()});
  ASSERT_TRUE(wait([&] { return lost->ready(); }));
  auto known = leader()->state()->peer(lost->id());
  EXPECT_EQ(known->state, proto::PEER_STATE_DRAINING);
  EXPECT_EQ(known->role, proto::PEER_ROLE_STANDBY);
}

TEST_F(QuietCluster, CopiesOfAPeerRemovedAtOnceAreMadeElsewhere) {
  gather({.peers = 5, .steps = 0});
  auto* gone = others({leader()}).front();
  auto* stays = others({leader(), gone}).front();
  const auto& cid = cluster->load().cids()[1];
  ASSERT_TRUE(pin(cid, 2, {gone, stays}));
  ASSERT_TRUE(runtime().run_task(leader()->cluster().remove_peer(gone->id(), true, false)));
  gone->crash();
  EXPECT_TRUE(wait([&] {
    auto held = allocations(cid);
    return held.size() == 2 && std::ranges::count(held, gone->id()) == 0;
  })) << allocations(cid).size()
      << " copies, " << std::ranges::count(allocations(cid), gone->id()) << " of them gone";
}

// Of nine peers four have no vote. They hear of each other by what voters tell, a few at a time.
TEST_F(QuietCluster, WhoHasNoVoteSuspectsNobodyThatIsWellAndKnowsWhoIsNot) {
  gather({.peers = 9, .steps = 0});
  std::vector<SimPeer*> agents;
  for (const auto& member : peer(0).consensus().members()) {
    if (member.role == consensus::MemberRole::kVoter) continue;
    for (auto* each : others({})) {
      if (each->id() == member.peer) agents.push_back(each);
    }
  }
  ASSERT_EQ(agents.size(), 4u);
  const auto& cid = cluster->load().cids().front();
  ASSERT_TRUE(pin(cid, -1));
  runtime().run_for(30s);
  auto called_silent = [&](SimPeer& asked) {
    std::vector<ipld::PeerId> silent;
    auto info = runtime().run_task(asked.cluster().status(cid, false));
    EXPECT_TRUE(info);
    for (const auto& at : info->peers) {
      if (at.status == model::TrackerStatus::kClusterError) silent.push_back(at.on->peer);
    }
    return silent;
  };
  for (int i = 0; i < 60; ++i) {
    for (auto* agent : agents) ASSERT_TRUE(called_silent(*agent).empty()) << "after " << i << " s";
    runtime().run_for(1s);
  }
  for (auto* agent : agents) EXPECT_TRUE(agent->cluster().alerts().empty());

  auto* dead = agents.back();
  agents.pop_back();
  dead->crash();
  runtime().run_for(20s);
  EXPECT_EQ(leader()->state()->peer(dead->id())->state, proto::PEER_STATE_DOWN);
  for (auto* agent : agents) {
    EXPECT_EQ(called_silent(*agent), std::vector{dead->id()});
    auto alerts = agent->cluster().alerts();
    ASSERT_EQ(alerts.size(), 1u);
    EXPECT_EQ(alerts[0].metric.peer, dead->id());
  }
}

TEST_F(QuietCluster, AnswersARepeatedAddAsTheFirst) {
  gather({.peers = 3, .steps = 0});
  ASSERT_TRUE(runtime().run_task(add(3, "once")));
  auto* dead = others({leader()}).front();
  dead->crash();
  ASSERT_TRUE(wait([&] { return leader()->state()->peer(dead->id())->state == proto::PEER_STATE_DOWN; }));
  EXPECT_TRUE(runtime().run_task(add(3, "once")));
  EXPECT_FALSE(runtime().run_task(add(3, "another"))) << "there are two of the three peers that it needs";
}

TEST_F(QuietCluster, RoomForAddsIsPromisedOnceAndGivenBack) {
  gather({.peers = 3, .steps = 0});
  cluster->check_room();
  EXPECT_EQ(cluster->complaints(), std::vector<std::string>());
}

// What the checks have to see.

class ClusterSimChecks : public ClusterSim {
 protected:
  ClusterSimChecks() : cluster(1, {.peers = 3, .steps = 12}) { cluster.run(); }
  void SetUp() override { ASSERT_TRUE(cluster.complaints().empty()) << cluster.complaints().front(); }
  bool complains(std::string_view of) {
    return std::ranges::any_of(cluster.complaints(), [&](const auto& line) { return line.contains(of); });
  }

  SimCluster cluster;
};

TEST_F(ClusterSimChecks, SeeAnAcknowledgedWriteThatIsLost) {
  cluster.load().forge({.cid = cluster.load().cids().front(), .actor = "nobody", .acknowledged = SteadyTime()});
  cluster.check_end();
  EXPECT_TRUE(complains("nobody was acknowledged and is lost"));
}

TEST_F(ClusterSimChecks, SeeARefusedWriteThatWasDone) {
  const auto& writes = cluster.load().writes();
  auto done = std::ranges::find_if(writes, [](const Write& write) { return write.acknowledged.has_value(); });
  ASSERT_NE(done, writes.end());
  cluster.load().forge({.cid = done->cid, .actor = done->actor, .refusal = "no"});
  cluster.check_end();
  EXPECT_TRUE(complains(done->actor + " was refused (no) and done all the same"));
}

TEST_F(ClusterSimChecks, SeeStatesThatDiffer) {
  cluster.book().see("another peer", cluster.peers().front()->state()->applied_index(), {});
  EXPECT_TRUE(complains("the states of"));
}

TEST_F(ClusterSimChecks, SeeAPinThatANodeLost) {
  auto& world = cluster.world();
  EXPECT_EQ(unrest(world, cluster.peers(), cluster.load().cids()), "");
  for (const auto& peer : cluster.peers()) {
    auto pins = peer->node().pins();
    if (pins.empty()) continue;
    ASSERT_TRUE(world.runtime.run_task(peer->node().unpin(pins.begin()->first)));
    break;
  }
  EXPECT_NE(unrest(world, cluster.peers(), cluster.load().cids()), "");
}

}  // namespace
}  // namespace ipfsc::sim
