// Several peers with their logs and states, on a virtual clock and network.
#include "consensus/testing/raft_cluster.h"

#include <gmock/gmock.h>

#include "base/test_seeds.h"
#include "proto/peer.pb.h"
#include "storage/folder.h"

namespace ipfsc::consensus {
namespace {

using state::Outcome;
using state::OutcomeStatus;
using state::testing::cid_of;
using state::testing::peer_of;
using state::testing::pin_of;
using state::testing::put_op;
using ::testing::HasSubstr;
using testing::RaftCluster;
using namespace std::chrono_literals;

TEST_F(RaftCluster, GrowsFromOneToFiveAndAllHaveTheSame) {
  begin();
  ASSERT_TRUE(put(node(0), 1));
  for (int n = 1; n < 5; ++n) {
    join();
    auto wrote = put(node(n), 10 + n);  // through the new one
    ASSERT_TRUE(wrote) << wrote.error().message;
    EXPECT_EQ(wrote->front().status, OutcomeStatus::kApplied);
    EXPECT_TRUE(node(n).has(10 + n)) << "one reads one's own writes";
    EXPECT_TRUE(node(n).has(1));
  }
  ASSERT_TRUE(eventually(
      [&] { return std::ranges::count(node(0).consensus->members(), MemberRole::kVoter, &Member::role) == 5; }));
  expect_equal();
}

TEST_F(RaftCluster, VotersAreOddInNumber) {
  begin();
  auto voters = [&] { return std::ranges::count(node(0).consensus->members(), MemberRole::kVoter, &Member::role); };
  std::vector<ptrdiff_t> seen;
  for (int n = 1; n < 7; ++n) {
    join();
    runtime.run_for(3s);
    seen.push_back(voters());
    EXPECT_EQ(node(0).consensus->members().size(), static_cast<size_t>(n) + 1);
  }
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 3, 3, 5, 5, 5));
}

/// RaftCluster with roles.
class RaftRoles : public RaftCluster {
 protected:
  RaftRoles() {
    configure = [](RaftOptions& options) { options.voter_grace = 20s; };
  }
  void set_role(Node& of, proto::PeerRole role) {
    ASSERT_TRUE(eventually([&] { return leader() != nullptr; }));
    proto::Operation operation;
    operation.mutable_peer_put()->set_peer(of.id.bytes());
    operation.mutable_peer_put()->set_role(role);
    ASSERT_TRUE(runtime.run_task(leader()->consensus->submit({operation}, in(10s))));
  }
  /// Numbers of the nodes that vote, as the leader has it.
  std::vector<int> voters() {
    std::vector<int> out;
    if (leader() == nullptr) return out;
    for (const auto& member : leader()->consensus->members()) {
      if (member.role != MemberRole::kVoter) continue;
      for (size_t n = 0; n < nodes.size(); ++n) {
        if (nodes[n]->id == member.peer) out.push_back(static_cast<int>(n));
      }
    }
    std::ranges::sort(out);
    return out;
  }
  bool come_to(std::vector<int> wanted) {
    bool came = eventually([&] { return voters() == wanted; }, 60s);
    runtime.run_for(300ms);  // until all have left the joint configuration
    return came;
  }
};

TEST_F(RaftRoles, ADirectorAloneVotesAndAgentsHaveEverything) {
  begin();
  set_role(node(0), proto::PEER_ROLE_VOTER);
  for (int n = 1; n < 4; ++n) {
    join();
    set_role(node(n), proto::PEER_ROLE_AGENT);
  }
  ASSERT_TRUE(come_to({0}));
  for (int n = 1; n < 4; ++n) node(n).lose_power();
  ASSERT_TRUE(put(node(0), 1)) << "agents are not asked";
  for (int n = 1; n < 4; ++n) ASSERT_TRUE(node(n).open());
  ASSERT_TRUE(put(node(2), 2)) << "through an agent";
  node(0).lose_power();
  auto refused = put(node(2), 3, 20s);
  EXPECT_THAT(refused.error().message, HasSubstr("the leader " + node(0).id.to_string() + " was not heard for"));
  ASSERT_TRUE(node(0).open());
  expect_equal();
  EXPECT_EQ(voters(), std::vector{0});
}

TEST_F(RaftRoles, AStandbyVotesFromTheLossOfAVoterUntilItIsBack) {
  make(3);
  join();
  set_role(node(3), proto::PEER_ROLE_STANDBY);
  runtime.run_for(5s);
  ASSERT_EQ(voters(), (std::vector{0, 1, 2}));
  node(1).lose_power();
  runtime.run_for(15s);
  EXPECT_EQ(voters(), (std::vector{0, 1, 2})) << "within the grace";
  ASSERT_TRUE(come_to({0, 2, 3}));
  node(leader() == &node(0) ? 2 : 0).lose_power();
  ASSERT_TRUE(put(node(3), 1)) << "two of the three that vote now are there";
  for (int n : {0, 1, 2}) {
    if (!node(n).consensus) ASSERT_TRUE(node(n).open());
  }
  ASSERT_TRUE(come_to({0, 1, 2}));
  expect_equal();
}

TEST_F(RaftRoles, ManyAgentsFollowWithFewHeartbeats) {
  configure = [](RaftOptions& options) { options.learner_heartbeats = 2; };
  begin();
  for (int n = 1; n < 8; ++n) {
    join();
    set_role(node(n), proto::PEER_ROLE_AGENT);
  }
  node(5).lose_power();
  ASSERT_TRUE(put(node(0), 1));
  ASSERT_TRUE(node(5).open());
  network.cut(node(6).id, node(0).id);
  ASSERT_TRUE(put(node(7), 2));
  network.heal();
  expect_equal();  // without another write
}

TEST_F(RaftRoles, TheRemovalOfAVoterWhileAnotherIsDownLeavesAMajority) {
  make(3);
  std::vector<Node*> followers;
  for (auto& n : nodes) {
    if (n.get() != leader()) followers.push_back(n.get());
  }
  followers[0]->lose_power();
  ASSERT_TRUE(runtime.run_task(leader()->consensus->remove_member(followers[1]->id, in(10s))));
  runtime.run_for(300ms);
  (void)followers[1]->close();
  runtime.run_for(2s);
  ASSERT_TRUE(leader() != nullptr);
  auto wrote = put(*leader(), 1);
  EXPECT_TRUE(wrote) << wrote.error().message;
  ASSERT_TRUE(followers[0]->open());
  ASSERT_TRUE(eventually([&] { return followers[0]->has(1); }));
}

TEST_F(RaftRoles, WhoIsDownDoesNotKeepItsVoteForItsRoleWhenAnotherIsRemoved) {
  make(3);
  std::vector<Node*> followers;
  for (auto& n : nodes) {
    if (n.get() != leader()) followers.push_back(n.get());
  }
  set_role(*followers[0], proto::PEER_ROLE_VOTER);
  followers[0]->lose_power();
  runtime.run_for(1s);
  ASSERT_TRUE(runtime.run_task(leader()->consensus->remove_member(followers[1]->id, in(10s))));
  (void)followers[1]->close();
  runtime.run_for(2s);
  ASSERT_TRUE(leader() != nullptr);
  auto wrote = put(*leader(), 1);
  EXPECT_TRUE(wrote) << wrote.error().message;
  ASSERT_TRUE(followers[0]->open());
  ASSERT_TRUE(eventually([&] { return followers[0]->has(1); }));
}

TEST_F(RaftRoles, ARemovalThatLeavesNoMajorityIsRefused) {
  make(3);
  std::vector<Node*> followers;
  for (auto& n : nodes) {
    if (n.get() != leader()) followers.push_back(n.get());
  }
  followers[0]->lose_power();
  runtime.run_for(1s);
  set_role(*leader(), proto::PEER_ROLE_AGENT);
  set_role(*followers[1], proto::PEER_ROLE_AGENT);  // only the one that is down is to vote
  auto refused = runtime.run_task(leader()->consensus->remove_member(followers[1]->id, in(10s)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("not reached: " + followers[0]->id.to_string()));
  ASSERT_TRUE(put(*leader(), 1)) << "nothing has changed";
}

TEST_F(RaftRoles, AnotherMemberTakesTheVoteOfALostOne) {
  configure = [](RaftOptions& options) {
    options.voter_grace = 20s;
    options.max_voters = 3;
  };
  make(1);
  for (int n = 1; n < 4; ++n) join();
  ASSERT_TRUE(come_to({0, 1, 2}));
  node(2).lose_power();
  ASSERT_TRUE(come_to({0, 1, 3}));
  ASSERT_TRUE(node(2).open());
  runtime.run_for(60s);
  EXPECT_EQ(voters(), (std::vector{0, 1, 3})) << "who votes already stays";
  expect_equal();
}

TEST_F(RaftRoles, ALeaderThatIsToVoteNoMoreHandsOver) {
  make(3);
  Node& before = *leader();
  set_role(before, proto::PEER_ROLE_AGENT);
  ASSERT_TRUE(eventually([&] { return leader() != nullptr && leader() != &before && voters().size() == 1; }));
  ASSERT_TRUE(put(before, 1));
  set_role(before, proto::PEER_ROLE_VOTER);
  ASSERT_TRUE(eventually([&] { return voters().size() == 3; }));
  expect_equal();
}

TEST_F(RaftCluster, ManyWritesThroughAllPeersAtOnce) {
  make(3);
  TaskGroup tasks(runtime);
  int answered = 0;
  auto write = [&](int n, int pin) -> Task<> {
    CO_TRY_ASSIGN(auto outcomes, co_await node(n).consensus->submit({put_op(pin_of(pin))}, in(10s)));
    EXPECT_EQ(outcomes.front().status, OutcomeStatus::kApplied);
    EXPECT_EQ(outcomes.front().after->cid, cid_of(pin)) << "each gets its own outcome";
    EXPECT_TRUE(node(n).has(pin));
    ++answered;
    co_return Result<>{};
  };
  for (int pin = 0; pin < 600; ++pin) tasks.spawn("writing", write(pin % 3, pin));
  EXPECT_TRUE(eventually([&] { return answered == 600; }));
  runtime.run_task([&]() -> Task<> {
    co_await tasks.join();
    co_return Result<>{};
  }());
  expect_equal();
}

TEST_F(RaftCluster, AWriteOnAnIdleFollowerTakesLittle) {
  make(3);
  Node& follower = leader() == &node(2) ? node(1) : node(2);
  SteadyTime start = runtime.now();
  ASSERT_TRUE(put(follower, 1));
  EXPECT_LT(runtime.now() - start, 10ms) << "a few one-way trips of 1 ms";
}

TEST_F(RaftCluster, TheLossOfTheLeaderNeedsNoHand) {
  make(3);
  ASSERT_TRUE(put(node(0), 1));
  Node* old = leader();
  old->lose_power();
  ASSERT_TRUE(eventually([&] { return leader() != nullptr; }, 3s));
  Node* now = leader();
  ASSERT_TRUE(put(*now, 2));
  ASSERT_TRUE(old->open());
  ASSERT_TRUE(runtime.run_task(old->consensus->wait_ready(in(10s))));
  ASSERT_TRUE(put(*old, 3));
  EXPECT_TRUE(old->has(2));
  expect_equal();
}

/// Writes through a follower that lose their leader on the way.
class RaftForwards : public RaftCluster {
 protected:
  RaftForwards() {
    make(3);
    old = leader();
    follower = old == &node(2) ? &node(1) : &node(2);
  }
  void expect_once(int pin) {
    auto changes = history(*follower);
    EXPECT_EQ(std::ranges::count(changes, cid_of(pin), &state::Change::cid), 1);
  }
  Node* old;
  Node* follower;
};

TEST_F(RaftForwards, AWriteThatALeaderOutOfReachHasNotTakenGoesToTheNext) {
  for (auto& n : nodes) {
    if (n.get() != old) network.cut(old->id, n->id);
  }
  SteadyTime start = runtime.now();
  auto wrote = put(*follower, 1);
  ASSERT_TRUE(wrote) << wrote.error().message;
  EXPECT_LT(runtime.now() - start, 3s) << "an election, not the patience with calls";
  network.heal();
  expect_equal();
  runtime.run_for(15s);  // the first try reaches its leader now
  expect_equal();
  expect_once(1);
}

TEST_F(RaftForwards, AWriteThatWasTakenIsFoundInTheLogOfTheNextLeader) {
  network.cut_one_way(old->id, follower->id);
  TaskGroup tasks(runtime);
  std::optional<Result<std::vector<Outcome>>> wrote;
  auto write = [&]() -> Task<> {
    wrote = co_await follower->consensus->submit({put_op(pin_of(1))}, in(20s));
    co_return Result<>{};
  };
  tasks.spawn("writing", write());
  ASSERT_TRUE(eventually([&] { return old->has(1); }, 300ms)) << "it is committed";
  old->lose_power();
  network.heal();
  ASSERT_TRUE(eventually([&] { return wrote.has_value(); }, 4s));
  ASSERT_TRUE(*wrote) << wrote->error().message;
  EXPECT_EQ((**wrote)[0].after->cid, cid_of(1));
  expect_once(1);
  ASSERT_TRUE(old->open());
  expect_equal();
}

TEST_F(RaftForwards, ALeaderTakesNothingThatIsMeantForAnotherTerm) {
  proto::ProposeRequest request;
  proto::Entry entry;
  *entry.add_operations() = put_op(pin_of(1));
  request.set_entry(entry.SerializeAsString());
  request.set_term(1'000'000);
  auto ask = [&] {
    auto reply = runtime.run_task(follower->client->call(old->id, "Raft/Propose", request.SerializeAsString(), in(5s)));
    proto::ProposeAnswer answer;
    EXPECT_TRUE(reply && answer.ParseFromString(*reply));
    return answer;
  };
  EXPECT_THAT(ask().refused(), HasSubstr("another term"));
  runtime.run_for(1s);
  EXPECT_FALSE(old->has(1));
  request.set_term(0);  // of a version that says none
  EXPECT_EQ(ask().refused(), "");
  ASSERT_TRUE(eventually([&] { return old->has(1); }));
}

TEST_F(RaftCluster, APlannedStopMovesTheLeadershipFirst) {
  make(3);
  Node* old = leader();
  SteadyTime start = runtime.now();
  ASSERT_TRUE(old->stop());
  ASSERT_TRUE(eventually([&] { return leader() != nullptr; }, 2s));
  EXPECT_LT(runtime.now() - start, 400ms) << "less than an election timeout";
  ASSERT_TRUE(put(*leader(), 1));
}

TEST_F(RaftCluster, AllLoseTheirPowerAtOnce) {
  make(3);
  for (int pin = 0; pin < 20; ++pin) ASSERT_TRUE(put(node(pin % 3), pin));
  for (auto& n : nodes) n->lose_power();
  for (auto& n : nodes) ASSERT_TRUE(n->open());
  ASSERT_TRUE(eventually([&] { return leader() != nullptr; }));
  for (int pin = 0; pin < 20; ++pin) EXPECT_TRUE(leader()->has(pin));
  expect_equal();
}

TEST_F(RaftCluster, TheLastOneLeadsAgainAfterAPowerCut) {
  make(3);
  Node& last = *leader();
  for (auto& each : nodes) {
    if (each.get() == &last) continue;
    ASSERT_TRUE(runtime.run_task(last.consensus->remove_member(each->id, in(10s))));
    ASSERT_TRUE(each->close());
  }
  ASSERT_TRUE(put(last, 1));
  last.lose_power();
  ASSERT_TRUE(last.open());
  auto wrote = put(last, 2);
  ASSERT_TRUE(wrote) << wrote.error().message;
  EXPECT_TRUE(last.has(1));
}

TEST_F(RaftCluster, WithoutAMajorityNothingIsWrittenAndItIsSaid) {
  make(3);
  Node* old = leader();
  for (auto& n : nodes) {
    if (n.get() != old) network.cut(old->id, n->id);
  }
  auto wrote = put(*old, 1, 3s);
  ASSERT_FALSE(wrote);
  EXPECT_THAT(wrote.error().message, HasSubstr("not yet committed"));
  runtime.run_for(3s);
  EXPECT_FALSE(old->consensus->is_leader()) << "a leader without followers steps down";
  auto later = put(*old, 2, 1s);
  EXPECT_THAT(later.error().message, HasSubstr("nothing was written"));
  EXPECT_EQ(later.error().kind, ErrorKind::kUnavailable);
  // The others go on; after the partition all agree.
  ASSERT_TRUE(eventually([&] { return leader() != nullptr && leader() != old; }));
  ASSERT_TRUE(put(*leader(), 3));
  network.heal();
  ASSERT_TRUE(eventually([&] { return old->has(3); }));
  EXPECT_FALSE(old->has(2));
  expect_equal();
}

TEST_F(RaftCluster, ABarrierOnAFollowerSeesWhatWasAcknowledgedElsewhere) {
  make(3);
  Node& follower = leader() == &node(2) ? node(1) : node(2);
  for (int pin = 0; pin < 10; ++pin) {
    ASSERT_TRUE(put(*leader(), pin));
    auto read = runtime.run_task(follower.consensus->barrier(in(5s)));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(follower.has(pin));
  }
}

TEST_F(RaftCluster, APeerThatLostItsLogComesBackUnderANewNumber) {
  make(3);
  Node* lost = leader() == &node(2) ? &node(1) : &node(2);
  auto id_of = [&](const ipld::PeerId& peer) {
    for (const auto& member : leader()->consensus->members()) {
      if (member.peer == peer) return member.raft_id;
    }
    return kNobody;
  };
  RaftId before = id_of(lost->id);
  ASSERT_TRUE(put(*leader(), 1));
  ASSERT_TRUE(lost->close());
  ASSERT_TRUE(RaftConsensus::remove_log(lost->options.path, &lost->env));
  ASSERT_TRUE(storage::Database::destroy({.path = lost->state_options.path, .env = &lost->env}));
  rejoin(*lost);
  EXPECT_GT(id_of(lost->id), before);
  EXPECT_TRUE(lost->has(1));
  ASSERT_TRUE(eventually(
      [&] { return std::ranges::count(leader()->consensus->members(), MemberRole::kVoter, &Member::role) == 3; }));
  expect_equal();
}

// Its log forgot what it has acknowledged and for whom it voted.
TEST_F(RaftCluster, AnOldCopyOfALogHasNoSay) {
  make(3);
  Node* old = leader() == &node(2) ? &node(1) : &node(2);
  Node* other = nullptr;
  for (auto& each : nodes) {
    if (each.get() != old && each.get() != leader()) other = each.get();
  }
  auto record = [&](Node& of) {
    auto start = of.consensus->log_start();
    auto known = known_start(*leader()->state, start.raft_id);
    ASSERT_TRUE(known && check_not_old(start, known->start));
    auto wrote = runtime.run_task(leader()->consensus->submit({record_start(*leader()->state, start, *known)}, in(5s)));
    ASSERT_TRUE(wrote && wrote->front().status == state::OutcomeStatus::kApplied);
  };
  record(*old);
  ASSERT_TRUE(put(*leader(), 1));
  ASSERT_TRUE(old->close());
  auto copy = [&](const std::string& from, const std::string& to) {
    std::vector<std::string> names;
    ASSERT_TRUE(old->env.GetChildren(from, &names).ok());
    ASSERT_TRUE(old->env.CreateDirIfMissing(to).ok());
    for (const auto& name : names) {
      std::string bytes;
      if (name == "." || name == ".." || name == "LOCK") continue;
      ASSERT_TRUE(rocksdb::ReadFileToString(&old->env, from + "/" + name, &bytes).ok());
      ASSERT_TRUE(rocksdb::WriteStringToFile(&old->env, bytes, to + "/" + name, true).ok());
    }
  };
  copy("/raft", "/raft.copy");
  copy("/state", "/state.copy");

  ASSERT_TRUE(old->open());
  record(*old);
  ASSERT_TRUE(put(*leader(), 2));
  ASSERT_TRUE(old->close());
  ASSERT_TRUE(storage::remove_folder("/raft", &old->env) && storage::remove_folder("/state", &old->env));
  copy("/raft.copy", "/raft");
  copy("/state.copy", "/state");

  // With its vote, the one that is left and has everything would lead; without it there is no majority.
  Node* lost = leader();
  ASSERT_TRUE(eventually([&] { return other->has(2); }));
  ASSERT_TRUE(lost->close());
  ASSERT_TRUE(old->open());
  auto start = old->consensus->log_start();
  auto refused = check_not_old(start, known_start(*other->state, start.raft_id)->start);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.contains("is an old copy")) << refused.error().message;
  runtime.run_for(10s);
  EXPECT_FALSE(other->consensus->is_leader());
  EXPECT_FALSE(put(*other, 3));

  // Under a new number it is as good as any.
  ASSERT_TRUE(lost->open());
  ASSERT_TRUE(eventually([&] { return leader() != nullptr; }));
  ASSERT_TRUE(old->close());
  ASSERT_TRUE(storage::remove_folder("/raft", &old->env) && storage::remove_folder("/state", &old->env));
  rejoin(*old);
  EXPECT_TRUE(old->has(2));
  expect_equal();
}

TEST_F(RaftCluster, ARemovedPeerHasNoSay) {
  make(4);
  Node* gone = leader() == &node(2) ? &node(1) : &node(2);
  ASSERT_TRUE(runtime.run_task(leader()->consensus->remove_member(gone->id, in(10s))));
  ASSERT_TRUE(gone->close());
  ASSERT_TRUE(eventually([&] {
    return std::ranges::count(leader()->consensus->members(), MemberRole::kVoter, &Member::role) == 3 &&
           leader()->consensus->members().size() == 3;
  }));
  ASSERT_TRUE(put(*leader(), 1));
  auto itself = runtime.run_task(leader()->consensus->remove_member(leader()->id, in(10s)));
  EXPECT_EQ(itself.error().kind, ErrorKind::kFailedPrecondition);
}

TEST_F(RaftCluster, NothingAcknowledgedIsLostInAStorm) {
  for (uint64_t seed : sim_seeds(1, 3)) {
    SCOPED_TRACE(seed);
    close_all();
    make(3);
    storm(seed, 12);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(acknowledged_in_storms, 30u);
}

}  // namespace
}  // namespace ipfsc::consensus
