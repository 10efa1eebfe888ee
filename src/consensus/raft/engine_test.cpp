#include "consensus/raft/engine.h"

#include <gtest/gtest.h>

#include "consensus/testing/raft_sim.h"

namespace ipfsc::consensus {
namespace {

using testing::RaftSim;
using testing::SimOptions;

constexpr uint32_t kMsgAppend = 3;
constexpr uint32_t kMsgSnapshot = 7;

/// For exact scripts: elections by hand, one entry a message, no time but the network's.
SimOptions script(int members) {
  SimOptions options{.members = members, .min_delay_us = 500, .max_delay_us = 500, .ticking = false};
  options.engine.pre_vote = false;
  options.engine.check_quorum = false;
  options.engine.max_message_bytes = 0;
  return options;
}

void elect(RaftSim& sim, RaftId id) {
  ASSERT_TRUE(sim.node(id).engine->campaign().has_value());
  sim.pump(id);
}

Term last_term(RaftSim& sim, RaftId id) { return *sim.node(id).log.term(sim.node(id).log.last_index()); }
LogIndex commit_of(RaftSim& sim, RaftId id) { return sim.node(id).engine->status().hard_state.commit; }

#define EXPECT_SOUND(sim) EXPECT_EQ((sim).violations(), std::vector<std::string>())

TEST(RaftEngine, ALoneVoterLeadsAndCommitsAtOnce) {
  RaftSim sim(script(1));
  elect(sim, 1);
  sim.run_ms(3);
  EXPECT_EQ(sim.leader(), 1u);
  ASSERT_TRUE(sim.propose(1).has_value());
  sim.run_ms(2);
  EXPECT_EQ(sim.acknowledged(), 1u);
  EXPECT_EQ(sim.node(1).applied, LogIndex(2));
}

TEST(RaftEngine, ProposalsPipelineWhileTheDiskIsBusy) {
  RaftSim sim(script(1));
  elect(sim, 1);
  sim.run_ms(3);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(sim.propose(1).has_value());
  EXPECT_EQ(sim.node(1).writes.size(), 5u);
  EXPECT_EQ(sim.acknowledged(), 0u);
  sim.run_ms(10);
  EXPECT_EQ(sim.acknowledged(), 5u);
  EXPECT_SOUND(sim);
}

TEST(RaftEngine, OnlyALeaderTakesProposals) {
  RaftSim sim({});
  RaftId leader = sim.wait_for_leader();
  auto refused = sim.propose(leader % 3 + 1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
}

// Figure 8 of "In Search of an Understandable Consensus Algorithm": an entry of an old term on a majority is not
// committed by counting, because a later leader may still replace it. Index 1 is the first leader's own first entry.
class Figure8 : public ::testing::Test {
 protected:
  Figure8() : sim(script(5)) {
    // (a) S1 leads and replicates index 2 to S2 alone.
    elect(sim, 1);
    sim.run_ms(20);
    EXPECT_EQ(commit_of(sim, 1), LogIndex(1));
    sim.partition({{1, 2}});
    EXPECT_TRUE(sim.propose(1, "old term").has_value());
    sim.run_ms(20);
    EXPECT_EQ(sim.node(2).log.last_index(), LogIndex(2));
    EXPECT_EQ(commit_of(sim, 1), LogIndex(1));
    // (b) S1 crashes; S3 to S5 elect S5, whose own entry at index 2 reaches nobody.
    sim.crash(1, /*keep_unsynced=*/true);
    sim.partition({{3, 4, 5}});
    sim.filter = [](const RaftSim::Sent& sent) { return sent.info.type != kMsgAppend; };
    elect(sim, 5);
    sim.run_ms(20);
    EXPECT_EQ(sim.leader(), 5u);
    EXPECT_EQ(sim.node(5).log.last_index(), LogIndex(2));
    EXPECT_EQ(sim.node(3).log.last_index(), LogIndex(1));
    s5_term = last_term(sim, 5);
    sim.crash(5, /*keep_unsynced=*/true);
    // (c) S1 returns, is elected by S2 and S3, and brings index 2 to S3: it is on a majority now. Its own first entry
    // of the new term, index 3, stays behind.
    sim.restart(1);
    sim.partition({{1, 2, 3}});
    let_through = LogIndex(2);
    sim.filter = [this](const RaftSim::Sent& sent) {
      // What the receiver will reject for lack of the entry before it may pass: so the leader learns where to begin.
      return sent.info.type != kMsgAppend || sent.info.index.value + sent.info.entries <= let_through.value ||
             sim.node(sent.to).log.last_index() < sent.info.index;
    };
    // Another candidacy may be needed to pass S5's term, which S3 has seen.
    for (int i = 0; i < 3 && sim.leader() != 1; ++i) {
      elect(sim, 1);
      sim.run_ms(20);
    }
    EXPECT_EQ(sim.leader(), 1u);
    settle();
  }

  /// Lets the leader learn what S2 and S3 have.
  void settle() {
    for (int i = 0; i < 30; ++i) {
      sim.node(1).engine->tick();
      sim.pump(1);
      sim.run_ms(10);
    }
  }

  RaftSim sim;
  Term s5_term;
  LogIndex let_through;
};

TEST_F(Figure8, AnEntryOfAnOldTermIsNotCommittedByCounting) {
  for (RaftId id : {1, 2, 3}) {
    EXPECT_GE(sim.node(id).log.durable.last(), LogIndex(2)) << id;
    EXPECT_EQ(sim.node(id).log.read(LogIndex(2), LogIndex(3), 0).value()[0]->data, "old term") << id;
  }
  EXPECT_EQ(commit_of(sim, 1), LogIndex(1));
  EXPECT_EQ(sim.highest_committed(), LogIndex(1));

  // (d) S1 crashes; S5 can still be elected by S2, S3 and S4 and replaces index 2 everywhere.
  sim.crash(1, /*keep_unsynced=*/true);
  sim.filter = nullptr;
  sim.partition({{2, 3, 4, 5}});
  sim.restart(5);
  for (int i = 0; i < 4 && sim.leader() != 5; ++i) {
    elect(sim, 5);
    sim.run_ms(20);
  }
  EXPECT_EQ(sim.leader(), 5u);
  ASSERT_TRUE(sim.run_until([&] { return sim.highest_committed() >= LogIndex(3); }, 1000));
  EXPECT_EQ(sim.committed(LogIndex(2))->term, s5_term);
  sim.restart(1);
  sim.partition({});
  for (int i = 0; i < 20; ++i) {
    sim.node(5).engine->tick();
    sim.pump(5);
    sim.run_ms(10);
  }
  EXPECT_EQ(*sim.node(1).log.term(LogIndex(2)), s5_term);
  EXPECT_TRUE(sim.converged());
  EXPECT_SOUND(sim);
}

TEST_F(Figure8, AnEntryOfItsOwnTermCommitsWhatIsBefore) {
  // (e) S1's entry of its own term reaches the majority: index 2 is committed with it, and S5 cannot win.
  let_through = LogIndex(3);
  settle();
  EXPECT_GE(commit_of(sim, 1), LogIndex(3));
  EXPECT_EQ(sim.committed(LogIndex(2))->data, "old term");
  sim.crash(1, true);
  sim.filter = nullptr;
  sim.partition({{2, 3, 4, 5}});
  sim.restart(5);
  for (int i = 0; i < 4; ++i) {
    elect(sim, 5);
    sim.run_ms(20);
  }
  EXPECT_NE(sim.leader(), 5u);
  EXPECT_SOUND(sim);
}

TEST(RaftEngine, CommitsWhileEntriesArriveSteadilyOverASlowNetwork) {
  SimOptions options{.members = 3, .min_delay_us = 5000, .max_delay_us = 5000};
  RaftSim sim(options);
  RaftId leader = sim.wait_for_leader();
  sim.run_ms(200);
  // One entry a millisecond for two seconds: there is always one under way.
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(sim.propose(leader).has_value());
    sim.run_ms(1);
    if (i > 50) ASSERT_GT(sim.acknowledged(), static_cast<size_t>(i - 20));
  }
  sim.run_ms(50);
  EXPECT_EQ(sim.acknowledged(), 2000u);
  uint64_t worst = 0;
  for (auto [index, at] : sim.applied_at) worst = std::max(worst, at - sim.proposed_at[index]);
  EXPECT_LT(worst, 20'000u);  // a round trip and two fsyncs
  EXPECT_SOUND(sim);
}

TEST(RaftEngine, FollowersLearnOfACommitAtOnce) {
  RaftSim sim({.members = 3, .min_delay_us = 500, .max_delay_us = 500});
  RaftId leader = sim.wait_for_leader();
  sim.run_ms(500);
  uint64_t start = sim.now_us();
  LogIndex index = sim.propose(leader)->index;
  ASSERT_TRUE(sim.run_until([&] {
    return std::all_of(sim.nodes().begin(), sim.nodes().end(), [&](auto& n) { return n.second.applied >= index; });
  }));
  EXPECT_LT(sim.now_us() - start, 5000u);  // not at the next heartbeat, 50 ms away
}

TEST(RaftEngine, LeadershipIsTransferred) {
  RaftSim sim({.members = 3});
  RaftId old = sim.wait_for_leader();
  sim.run_ms(300);
  RaftId next = old % 3 + 1;
  ASSERT_TRUE(sim.node(old).engine->transfer_leader(next).has_value());
  sim.pump(old);
  ASSERT_TRUE(sim.run_until([&] { return sim.leader() == next; }, 400));
  ASSERT_TRUE(sim.propose(next).has_value());
  sim.run_ms(100);
  EXPECT_EQ(sim.acknowledged(), 1u);
  EXPECT_FALSE(sim.node(next).engine->transfer_leader(9).has_value());
  EXPECT_SOUND(sim);
}

TEST(RaftEngine, ALearnerIsAddedPromotedAndAVoterRemoved) {
  RaftSim sim({.members = 3});
  RaftId leader = sim.wait_for_leader();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(sim.propose(leader).has_value());
  sim.run_ms(100);
  sim.add_node(4);
  ASSERT_TRUE(sim.change(leader, {{ConfChange::kAddLearner, 4}}).has_value());
  ASSERT_TRUE(sim.run_until([&] { return sim.node(4).applied >= LogIndex(21); }, 5000));
  EXPECT_EQ(sim.node(leader).engine->status().conf.learners, std::vector<RaftId>{4});
  // A learner does not count: with it alone the leader commits nothing.
  sim.partition({{leader, 4}});
  size_t before = sim.acknowledged();
  ASSERT_TRUE(sim.propose(leader).has_value());
  sim.run_ms(200);
  EXPECT_EQ(sim.acknowledged(), before);
  sim.partition({});
  leader = sim.wait_for_leader();
  sim.run_ms(1000);
  leader = sim.wait_for_leader();

  ASSERT_TRUE(sim.change(leader, {{ConfChange::kAddVoter, 4}}).has_value());
  sim.run_ms(300);
  EXPECT_EQ(sim.node(4).engine->status().conf.voters.size(), 4u);
  RaftId gone = leader % 3 + 1;
  ASSERT_TRUE(sim.change(leader, {{ConfChange::kRemove, gone}}).has_value());
  sim.run_ms(300);
  sim.crash(gone);
  EXPECT_EQ(sim.node(leader).engine->status().conf.voters.size(), 3u);
  before = sim.acknowledged();
  ASSERT_TRUE(sim.propose(leader).has_value());
  sim.run_ms(100);
  EXPECT_EQ(sim.acknowledged(), before + 1);
  EXPECT_SOUND(sim);
}

TEST(RaftEngine, VotersAreReplacedTogetherThroughAJointConfiguration) {
  RaftSim sim({.members = 3});
  RaftId leader = sim.wait_for_leader();
  RaftId gone = leader % 3 + 1;
  sim.add_node(4);
  ASSERT_TRUE(sim.change(leader, {{ConfChange::kAddVoter, 4}, {ConfChange::kRemove, gone}}).has_value());
  ASSERT_TRUE(sim.run_until(
      [&] {
        ConfState conf = sim.node(leader).engine->status().conf;
        return std::count(conf.voters.begin(), conf.voters.end(), 4u) == 1 && conf.voters.size() == 3 &&
               conf.voters_outgoing.empty() && sim.node(4).applied == sim.node(leader).applied;
      },
      5000));
  ConfState conf = sim.node(4).engine->status().conf;
  EXPECT_EQ(std::count(conf.voters.begin(), conf.voters.end(), 4u), 1);
  EXPECT_EQ(std::count(conf.voters.begin(), conf.voters.end(), gone), 0);
  // After a crash a member knows the configuration again.
  sim.crash(4, true);
  sim.restart(4);
  sim.run_ms(1000);
  EXPECT_EQ(sim.node(4).engine->status().conf, conf);
  EXPECT_SOUND(sim);
}

TEST(RaftEngine, OneChangeOfTheMembersAtATime) {
  RaftSim sim({.members = 3, .min_delay_us = 5000, .max_delay_us = 5000});
  RaftId leader = sim.wait_for_leader();
  sim.run_ms(100);
  ASSERT_TRUE(sim.change(leader, {{ConfChange::kAddLearner, 4}}).has_value());
  auto second = sim.change(leader, {{ConfChange::kAddLearner, 5}});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().message, "another change of the members is under way");
}

TEST(RaftEngine, AMemberThatIsTooFarBehindGetsASnapshot) {
  RaftSim sim({.members = 3});
  RaftId leader = sim.wait_for_leader();
  RaftId late = leader % 3 + 1;
  sim.run_ms(100);
  sim.crash(late);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(sim.propose(leader).has_value());
    sim.run_ms(1);
  }
  sim.run_ms(100);
  sim.truncate(leader, LogIndex(60));
  int fetches = 0;
  std::string manifest;
  sim.fetch = [&](RaftSim::Node& node, const LogSnapshot& snapshot) {
    EXPECT_EQ(node.id, late);
    manifest = snapshot.manifest;
    return ++fetches > 2;  // the checkpoint is not there yet: the message is dropped and comes again
  };
  sim.restart(late);
  ASSERT_TRUE(sim.run_until([&] { return sim.node(late).applied == sim.node(leader).applied; }, 10000));
  EXPECT_GT(fetches, 2);
  EXPECT_TRUE(manifest.starts_with("manifest "));
  EXPECT_GE(sim.node(late).log.first_index(), LogIndex(100));
  // It goes on by itself, also after a crash.
  sim.crash(late, true);
  ASSERT_TRUE(sim.propose(leader).has_value());
  sim.run_ms(100);
  sim.restart(late);
  ASSERT_TRUE(sim.run_until([&] { return sim.node(late).applied == sim.node(leader).applied; }, 10000));
  EXPECT_SOUND(sim);
}

TEST(RaftEngine, WithoutASnapshotToOfferTheLeaderWaits) {
  RaftSim sim({.members = 3});
  RaftId leader = sim.wait_for_leader();
  RaftId late = leader % 3 + 1;
  sim.crash(late);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sim.propose(leader).has_value());
  sim.run_ms(100);
  sim.truncate(leader, LogIndex(8));
  auto offer = std::exchange(sim.node(leader).log.snapshot_offer, std::nullopt);
  bool sent = false;
  sim.filter = [&](const RaftSim::Sent& message) {
    sent |= message.info.type == kMsgSnapshot;
    return true;
  };
  sim.restart(late);
  sim.run_ms(1000);
  EXPECT_FALSE(sent);
  EXPECT_LT(sim.node(late).applied, LogIndex(8));
  sim.node(leader).log.snapshot_offer = offer;
  EXPECT_TRUE(sim.run_until([&] { return sim.node(late).applied == sim.node(leader).applied; }, 10000));
}

TEST(RaftEngine, AMemberThatLostItsLogSaysSo) {
  RaftSim sim({.members = 3});
  RaftId leader = sim.wait_for_leader();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sim.propose(leader).has_value());
  sim.run_ms(200);
  RaftId victim = leader % 3 + 1;
  sim.crash(victim, true);
  auto& node = sim.node(victim);
  auto conf = node.log.now.confs;
  node.log.now = {};
  node.log.now.confs = conf;
  node.log.durable = node.log.now;
  node.flushed = LogIndex(0);
  sim.restart(victim);
  EXPECT_TRUE(sim.run_until([&] { return node.lost_its_log; }, 5000));
}

TEST(RaftEngine, ALogThatLacksWhatWasAppliedIsRefused) {
  testing::MemLog log;
  auto engine = RaftEngine::create({.id = 1}, log, {}, {.voters = {1}}, LogIndex(5));
  ASSERT_FALSE(engine.has_value());
  EXPECT_EQ(engine.error().kind, ErrorKind::kDataLoss);
}

TEST(RaftEngine, MalformedMessagesAreRefused) {
  RaftSim sim({.members = 3});
  RaftId leader = sim.wait_for_leader();
  for (std::string bad : {std::string("\xff\xff\xff"), std::string("\x08\x00", 2), std::string("\x0a")}) {
    EXPECT_FALSE(sim.node(leader).engine->step(bad).has_value());
  }
  sim.run_ms(500);
  EXPECT_EQ(sim.leader(), leader);
}

TEST(RaftEngine, AReadIndexIsAnsweredByAMajorityOnly) {
  RaftSim sim({.members = 3});
  RaftId leader = sim.wait_for_leader();
  sim.run_ms(200);
  sim.node(leader).engine->read_index("first");
  sim.pump(leader);
  sim.run_ms(20);
  ASSERT_EQ(sim.node(leader).reads.size(), 1u);
  EXPECT_EQ(sim.node(leader).reads[0].context, "first");
  EXPECT_GE(sim.node(leader).reads[0].index, LogIndex(1));
  sim.partition({{leader}});
  sim.node(leader).engine->read_index("second");
  sim.pump(leader);
  sim.run_ms(200);
  EXPECT_EQ(sim.node(leader).reads.size(), 1u);
}

}  // namespace
}  // namespace ipfsc::consensus
