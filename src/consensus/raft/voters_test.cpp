#include "consensus/raft/voters.h"

#include <gmock/gmock.h>

#include <random>

#include "base/test_seeds.h"

namespace ipfsc::consensus {
namespace {

using ::testing::ElementsAre;

VoterCandidate voter(uint64_t id, proto::PeerRole role = proto::PEER_ROLE_AUTO) {
  return {.id = RaftId(id), .role = role, .votes = true, .heard = true, .caught_up = true};
}
VoterCandidate learner(uint64_t id, proto::PeerRole role = proto::PEER_ROLE_AUTO) {
  return {.id = RaftId(id), .role = role, .heard = true, .caught_up = true};
}
VoterCandidate lost(VoterCandidate member) {
  member.lost = true;
  member.heard = false;
  return member;
}
VoterCandidate behind(VoterCandidate member) {
  member.caught_up = false;
  return member;
}

TEST(ChooseVoters, GrowByTwoAsMembersCatchUp) {
  EXPECT_THAT(choose_voters({voter(1)}, 5), ElementsAre(1));
  EXPECT_THAT(choose_voters({voter(1), learner(2)}, 5), ElementsAre(1));
  EXPECT_THAT(choose_voters({voter(1), learner(2), learner(3)}, 5), ElementsAre(1, 2, 3));
  EXPECT_THAT(choose_voters({voter(1), learner(2), behind(learner(3))}, 5), ElementsAre(1));
  EXPECT_THAT(choose_voters({voter(1), voter(2), voter(3), learner(4), learner(5)}, 3), ElementsAre(1, 2, 3));
}

TEST(ChooseVoters, ShrinkByTwoAsMembersLeave) {
  EXPECT_THAT(choose_voters({voter(1), voter(2), voter(3), voter(4)}, 5), ElementsAre(1, 2, 3));
  EXPECT_THAT(choose_voters({voter(1), lost(voter(2)), voter(3), voter(4)}, 5), ElementsAre(1, 3, 4));
  EXPECT_THAT(choose_voters({lost(voter(1)), voter(2)}, 5), ElementsAre(2));
}

TEST(ChooseVoters, AMemberThatIsOnlyUnheardForAMomentKeepsItsVote) {
  EXPECT_THAT(choose_voters({voter(1), behind(voter(2)), voter(3), learner(4)}, 3), ElementsAre(1, 2, 3));
}

TEST(ChooseVoters, ALostVoterIsReplacedOrKeepsItsVote) {
  EXPECT_THAT(choose_voters({voter(1), lost(voter(2)), voter(3), learner(4)}, 3), ElementsAre(1, 3, 4));
  EXPECT_THAT(choose_voters({voter(1), lost(voter(2)), voter(3), behind(learner(4))}, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(choose_voters({voter(1), lost(voter(2)), voter(3)}, 3), ElementsAre(1, 2, 3));
}

TEST(ChooseVoters, AStandbyVotesWhileAnotherIsLostBeforeOtherMembersDo) {
  auto standby = learner(4, proto::PEER_ROLE_STANDBY);
  EXPECT_THAT(choose_voters({voter(1), voter(2), voter(3), standby}, 5), ElementsAre(1, 2, 3));
  EXPECT_THAT(choose_voters({voter(1), lost(voter(2)), voter(3), standby, learner(5)}, 3), ElementsAre(1, 3, 4));
  standby.votes = true;
  auto gone = lost(learner(2));
  EXPECT_THAT(choose_voters({voter(1), gone, voter(3), standby, learner(5)}, 3), ElementsAre(1, 3, 4))
      << "as long as it is lost";
  EXPECT_THAT(choose_voters({voter(1), learner(2), voter(3), standby}, 3), ElementsAre(1, 2, 3));
}

TEST(ChooseVoters, WhoIsLeftBehindIsNotTheLeaderNorOneThatIsHeard) {
  auto silent = voter(1);
  silent.heard = false;
  EXPECT_THAT(choose_voters({silent, voter(3)}, 5), ElementsAre(3));
  auto leader = voter(4);
  leader.leads = true;
  EXPECT_THAT(choose_voters({silent, voter(3), leader}, 2), ElementsAre(4));
}

TEST(ChooseVoters, RolesDecide) {
  auto agent = [](uint64_t id) { return learner(id, proto::PEER_ROLE_AGENT); };
  EXPECT_THAT(choose_voters({voter(1, proto::PEER_ROLE_VOTER), agent(2), agent(3), agent(4)}, 5), ElementsAre(1))
      << "director";
  EXPECT_THAT(choose_voters({voter(1), voter(2), voter(3), learner(4, proto::PEER_ROLE_VOTER)}, 3),
              ElementsAre(1, 2, 4));
  EXPECT_THAT(choose_voters({voter(1, proto::PEER_ROLE_AGENT), voter(2), voter(3)}, 5), ElementsAre(2));
  EXPECT_THAT(choose_voters({voter(1, proto::PEER_ROLE_STANDBY), learner(2, proto::PEER_ROLE_VOTER)}, 5),
              ElementsAre(2));
}

TEST(ChooseVoters, WithoutAnyThatMayVoteAllStaysAsItIs) {
  EXPECT_THAT(choose_voters({voter(1, proto::PEER_ROLE_AGENT), learner(2, proto::PEER_ROLE_AGENT)}, 5), ElementsAre(1));
  EXPECT_THAT(choose_voters({voter(1, proto::PEER_ROLE_AGENT), lost(learner(2))}, 5), ElementsAre(1));
}

TEST(ChooseVoters, AnySetIsOddHasAMajorityAndComesToRest) {
  for (uint64_t seed : sim_seeds(1, 500)) {
    std::mt19937_64 random(seed);
    auto one_in = [&](uint64_t n) { return random() % n == 0; };
    std::vector<VoterCandidate> members;
    uint64_t count = 1 + random() % 9;
    for (uint64_t id = 1; id <= count; ++id) {
      bool is_lost = one_in(4);
      members.push_back({.id = RaftId(id),
                         .role = static_cast<proto::PeerRole>(random() % 4),
                         .votes = one_in(2),
                         .heard = !is_lost && !one_in(4),
                         .lost = is_lost,
                         .caught_up = !one_in(3)});
    }
    size_t max_voters = 1 + random() % 6;
    auto chosen = choose_voters(members, max_voters);
    bool changed = false;
    for (const auto& member : members) changed |= member.votes != std::ranges::binary_search(chosen, member.id);
    if (!changed) continue;
    EXPECT_EQ(chosen.size() % 2, 1) << seed;
    size_t heard = 0;
    for (auto& member : members) {
      bool votes = std::ranges::binary_search(chosen, member.id);
      EXPECT_FALSE(votes && member.role == proto::PEER_ROLE_AGENT) << seed;
      EXPECT_FALSE(votes && !member.votes && !(member.caught_up && member.heard)) << seed;
      heard += votes && member.heard;
      member.votes = votes;
    }
    EXPECT_GT(heard * 2, chosen.size()) << seed;
    EXPECT_EQ(choose_voters(members, max_voters), chosen) << "a second look changes nothing, seed " << seed;
  }
}

}  // namespace
}  // namespace ipfsc::consensus
