// What peers of programs say to each other that cannot work together.
#include "cluster/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/version.h"
#include "base/virtual_runtime.h"
#include "consensus/raft/raft_consensus.h"
#include "rpc/testing/sim_network.h"
#include "state/test_support.h"
#include "storage/fault_env.h"

namespace ipfsc::cluster {
namespace {

using namespace std::chrono_literals;
using state::testing::peer_of;
using ::testing::HasSubstr;

/// A cluster of one, and a stranger that can call it.
class MembershipTest : public ::testing::Test {
 protected:
  MembershipTest() : client_(network_.client(peer_of(1))), stranger_(network_.client(peer_of(2))) {
    options_.self = peer_of(1);
    state_options_.path = "/state";
    state_options_.env = &env_;
    state_options_.background_compaction = false;
    raft_.self = peer_of(1);
    raft_.path = "/raft";
    raft_.env = &env_;
    raft_.background_compaction = false;
    state_ = *state::State::open(state_options_);
    consensus_ = *runtime_.run_task(
        consensus::RaftConsensus::open(runtime_, *state_, raft_, consensus::RaftNetwork{*client_, router_}));
    membership_ = std::make_unique<Membership>(runtime_, options_, *state_, *client_);
    membership_->serve(router_, *consensus_);
    network_.attach(peer_of(1), router_, [this](const ipld::PeerId& caller, rpc::Access access) {
      return membership_->admit(caller, access);
    });
    EXPECT_TRUE(runtime_.run_task(consensus_->wait_ready(runtime_.now() + 10s)));
  }
  ~MembershipTest() override {
    EXPECT_TRUE(runtime_.run_task(membership_->stop()));
    EXPECT_TRUE(runtime_.run_task(network_.detach(peer_of(1))));
    EXPECT_TRUE(runtime_.run_task(consensus_->stop()));
  }

  template <class Request>
  Result<Bytes> call(std::string_view method, Request request) {
    request.mutable_self()->set_peer(peer_of(2).bytes());
    return runtime_.run_task(stranger_->call(peer_of(1), method, request.SerializeAsString(), runtime_.now() + 5s));
  }

  VirtualRuntime runtime_{1};
  rpc::testing::SimNetwork network_{runtime_};
  std::unique_ptr<rpc::PeerClient> client_, stranger_;
  storage::FaultEnv env_;
  ClusterOptions options_;
  state::StateOptions state_options_;
  consensus::RaftOptions raft_;
  rpc::Router router_;
  std::unique_ptr<state::State> state_;
  std::unique_ptr<consensus::RaftConsensus> consensus_;
  std::unique_ptr<Membership> membership_;
};

TEST_F(MembershipTest, ProgramsWithoutACommonProtocolRefuseEachOther) {
  proto::HelloRequest hello;
  hello.set_protocol(kVersions.protocol + 8);
  hello.set_least_protocol(kVersions.protocol);
  EXPECT_TRUE(call("Membership/Hello", hello)) << "a newer one that can still talk to this one";
  hello.set_least_protocol(kVersions.protocol + 1);
  auto refused = call("Membership/Hello", hello);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("speaks versions 2 to 9 of the protocol"));
  proto::JoinRequest join;
  join.set_protocol(kVersions.protocol + 8);
  join.set_least_protocol(kVersions.protocol + 1);
  EXPECT_EQ(call("Membership/Join", join).error().kind, ErrorKind::kFailedPrecondition);
  EXPECT_EQ(consensus_->members().size(), 1u);
}

TEST_F(MembershipTest, OneThatCannotBeTalkedToIsNotJoined) {
  rpc::Router foreign;
  foreign.add_unary("Membership/Join", rpc::Access::kOutsider, [](rpc::CallInfo, Bytes) -> Task<Bytes> {
    proto::JoinAnswer answer;
    answer.set_protocol(9);
    answer.set_least_protocol(9);
    answer.set_grant("a log that this program could not read");
    co_return answer.SerializeAsString();
  });
  network_.attach(peer_of(3), foreign);
  auto address = ipld::Multiaddr::parse("/ip4/10.0.0.3/tcp/9096")->with_peer_id(peer_of(3));
  auto joined = runtime_.run_task(membership_->join({address}, runtime_.now() + 1min));
  ASSERT_FALSE(joined);
  EXPECT_THAT(joined.error().message, HasSubstr("speaks versions 9 to 9 of the protocol"));
  EXPECT_TRUE(runtime_.run_task(network_.detach(peer_of(3))));
}

}  // namespace
}  // namespace ipfsc::cluster
