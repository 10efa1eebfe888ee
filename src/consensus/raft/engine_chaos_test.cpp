// Seeded runs of whole groups with a bad network and crashing members.
#include <gtest/gtest.h>

#include "base/test_seeds.h"
#include "consensus/testing/raft_sim.h"

namespace ipfsc::consensus {
namespace {

using testing::RaftSim;
using testing::SimOptions;

SimOptions chaos_options(int members, uint64_t seed) {
  SimOptions options{.members = members, .seed = seed, .max_delay_us = 10000, .max_sync_us = seed % 2 ? 5000 : 60000};
  options.lost = 5;
  options.doubled = 5;
  options.late = 5;
  options.engine.max_message_bytes = seed % 3 == 0 ? 0 : 256;
  options.engine.pre_vote = seed % 4 != 0;
  options.engine.check_quorum = seed % 5 != 0;
  return options;
}

void random_event(RaftSim& sim, int members) {
  auto any = [&] { return static_cast<RaftId>(1 + sim.random(static_cast<uint64_t>(members))); };
  switch (sim.random(10)) {
    case 0:
      sim.crash(any());
      break;
    case 1:
    case 2:
      sim.restart(any());
      break;
    case 3: {
      std::set<RaftId> left, right;
      for (int i = 1; i <= members; ++i) (sim.random(2) ? left : right).insert(static_cast<RaftId>(i));
      sim.partition({left, right});
      break;
    }
    case 4:
      sim.partition({});
      break;
    case 5:
      if (RaftId leader = sim.leader()) {
        (void)sim.node(leader).engine->transfer_leader(any());
        sim.pump(leader);
      }
      break;
    case 6:
      sim.flush_state(any());
      break;
    case 7: {
      auto& node = sim.node(any());
      LogIndex upto(std::min(node.applied.value, node.log.durable.last().value));
      if (node.engine && upto > node.log.durable.base && upto > LogIndex(5))
        sim.truncate(node.id, LogIndex(upto.value - 2));
      break;
    }
    case 8:  // a leader that crashes is the interesting one
      if (RaftId leader = sim.leader()) sim.crash(leader);
      break;
    default:
      break;
  }
}

/// Returns the trace.
uint64_t run(int members, uint64_t seed) {
  RaftSim sim(chaos_options(members, seed));
  for (int round = 0; round < 120; ++round) {
    for (auto& [id, node] : sim.nodes()) {
      uint64_t count = sim.random(4);
      for (uint64_t i = 0; i < count && node.engine && node.role == RaftRole::kLeader; ++i) (void)sim.propose(id);
    }
    sim.run_us(sim.random(40'000));  // into the middle of what that began
    random_event(sim, members);
    sim.run_ms(sim.random(200));
  }
  // When all is well again everybody comes to the same.
  sim.partition({});
  for (auto& [id, node] : sim.nodes()) sim.restart(id);
  Result<Proposed> last = fail(ErrorKind::kUnavailable, "");
  bool fine = sim.run_until(
      [&] {
        RaftId leader = sim.leader();
        if (leader == kNobody) return false;
        // Never proposed yet, or lost with the leader that took it.
        LogIndex end = sim.node(leader).log.last_index();
        if (!last || end < last->index || *sim.node(leader).log.term(last->index) != last->term)
          last = sim.propose(leader);
        return last && sim.committed(last->index) && sim.converged();
      },
      60000);
  EXPECT_TRUE(fine) << "no agreement, seed " << seed;
  EXPECT_EQ(sim.violations(), std::vector<std::string>()) << "seed " << seed;
  EXPECT_GT(sim.acknowledged(), 0u) << "seed " << seed;
  return sim.trace();
}

TEST(RaftChaos, ThreeMembers) {
  for (uint64_t seed : sim_seeds(1, 150)) {
    run(3, seed);
    if (HasFailure()) break;
  }
}

TEST(RaftChaos, FiveMembers) {
  for (uint64_t seed : sim_seeds(1001, 100)) {
    run(5, seed);
    if (HasFailure()) break;
  }
}

TEST(RaftChaos, TheSameSeedGivesTheSameRun) {
  EXPECT_EQ(run(3, 7), run(3, 7));
  EXPECT_EQ(run(5, 8), run(5, 8));
  EXPECT_NE(run(3, 7), run(3, 9));
}

}  // namespace
}  // namespace ipfsc::consensus
