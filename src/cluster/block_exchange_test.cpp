#include "cluster/block_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/gather.h"
#include "base/virtual_runtime.h"
#include "cluster/members.h"
#include "ipfs/test_node.h"
#include "rpc/testing/sim_network.h"
#include "state/test_support.h"

namespace ipfsc::cluster {
namespace {

using namespace std::chrono_literals;
using state::testing::peer_of;
using ::testing::HasSubstr;

constexpr int kSelf = 0;

ipld::Cid cid_of(const Bytes& data) { return ipld::Cid::of(1, ipld::kRaw, 0x12, data).value(); }
Bytes data_of(int n, size_t size = 10) { return std::to_string(n) + Bytes(size, 'x'); }

class Node final : public ipfs::UnusedNode {
 public:
  Task<Bytes> get_block(ipld::Cid cid) override {
    auto it = blocks.find(cid);
    if (it == blocks.end()) co_return fail(ErrorKind::kNotFound, "no such block");
    co_return it->second;
  }
  Task<std::vector<Result<Bytes>>> get_blocks(std::vector<ipld::Cid> cids) override {
    asked += cids.size();
    return UnusedNode::get_blocks(std::move(cids));
  }
  void add(const Bytes& data) { blocks[cid_of(data)] = data; }

  std::map<ipld::Cid, Bytes> blocks;
  size_t asked = 0;
};

class BlockExchange : public ::testing::Test {
 protected:
  BlockExchange() : network(runtime), client(network.client(peer_of(kSelf))) {
    for (int peer : {kSelf, 1, 2}) {
      state.one(put_peer({.id = peer_of(peer), .member = true, .state = proto::PEER_STATE_UP}, "test"));
    }
    for (int peer : {1, 2}) serve(peer, {});
    use({});
  }
  ~BlockExchange() override {
    stop();
    for (int peer : {1, 2}) (void)runtime.run_task(network.detach(peer_of(peer)));
  }
  void stop() {
    if (source) EXPECT_TRUE(runtime.run_task(source->stop()));
  }
  void serve(int peer, const BlockExchangeOptions& options) {
    if (routers.contains(peer)) (void)runtime.run_task(network.detach(peer_of(peer)));
    routers[peer] = {};
    sending.insert_or_assign(peer, byte_limiter(options.send_bytes_per_second));
    serve_blocks(runtime, routers[peer], nodes[peer], traffic[peer], sending.at(peer));
    network.attach(peer_of(peer), routers[peer]);
  }
  void use(const BlockExchangeOptions& options) {
    stop();
    source = std::make_unique<PeerSource>(runtime, peer_of(kSelf), *state.state, *client, traffic[kSelf], options);
  }
  Result<Bytes> fetch(const Bytes& data, size_t max_bytes = 1 << 20) {
    auto cid = cid_of(data);
    return runtime.run_task(source->fetch(cid, {.root = cid}, max_bytes));
  }
  std::vector<Result<Bytes>> fetch_all(int count, size_t size = 10) {
    auto all = [](BlockExchange& test, int n, size_t bytes) -> Task<std::vector<Result<Bytes>>> {
      std::vector<Task<Bytes>> tasks;
      for (int i = 0; i < n; ++i) {
        auto cid = cid_of(data_of(i, bytes));
        tasks.push_back(test.source->fetch(cid, {.root = cid}, 1 << 20));
      }
      co_return co_await gather(test.runtime, std::move(tasks));
    };
    return runtime.run_task(all(*this, count, size)).value();
  }

  VirtualRuntime runtime{1};
  state::testing::Fixture state;
  rpc::testing::SimNetwork network;
  std::unique_ptr<rpc::PeerClient> client;
  std::map<int, Node> nodes;
  std::map<int, rpc::Router> routers;
  std::map<int, Traffic> traffic;
  std::map<int, RateLimiter> sending;
  std::unique_ptr<PeerSource> source;
};

TEST_F(BlockExchange, ABlockComesFromWhoeverHasIt) {
  nodes[2].add("it");
  EXPECT_EQ(fetch("it").value(), "it");
  auto none = fetch("nobody has it");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(none.error().message, "not on any peer");
}

TEST_F(BlockExchange, HoldersAreAskedFirst) {
  for (int i = 0; i < 20; ++i) {
    auto pin = state::testing::pin_of(i, {2});
    pin.cid = cid_of(data_of(i));
    state.one(state::testing::put_op(pin));
    nodes[2].add(data_of(i));
    EXPECT_TRUE(fetch(data_of(i)));
  }
  EXPECT_EQ(nodes[1].asked, 0u);
  EXPECT_EQ(nodes[2].asked, 20u);
}

TEST_F(BlockExchange, ManyGoTogether) {
  for (int i = 0; i < 500; ++i) nodes[1].add(data_of(i)), nodes[2].add(data_of(i));
  network.delay = 10ms;
  auto start = runtime.now();
  for (const auto& block : fetch_all(500)) EXPECT_TRUE(block);
  EXPECT_LT(runtime.now() - start, 500ms);  // one by one: 10 s
}

TEST_F(BlockExchange, LargeOnesComeInSeveralMessages) {
  for (int i = 0; i < 20; ++i) nodes[1].add(data_of(i, 700'000));
  auto blocks = fetch_all(20, 700'000);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(blocks[static_cast<size_t>(i)]);
    EXPECT_EQ(blocks[static_cast<size_t>(i)]->size(), data_of(i, 700'000).size());
  }
}

TEST_F(BlockExchange, WhatGoesBetweenPeersIsCountedAtBothEnds) {
  for (int i = 0; i < 10; ++i) nodes[1].add(data_of(i, 100'000));
  for (const auto& block : fetch_all(10, 100'000)) EXPECT_TRUE(block);
  EXPECT_FALSE(fetch("nobody has it"));
  EXPECT_EQ(traffic[kSelf].in_bytes, 10 * data_of(0, 100'000).size());
  EXPECT_EQ(traffic[kSelf].out_bytes, 0u);
  EXPECT_EQ(traffic[1].in_bytes, 0u);
  EXPECT_GE(traffic[1].out_bytes, 1'000'000u);
  EXPECT_LT(traffic[1].out_bytes, 1'002'000u);
  EXPECT_LT(traffic[2].out_bytes, 1'000u);
}

TEST(Traffic, ARateIsTheMeanSinceTheLastLook) {
  Traffic traffic{.in_bytes = 1000, .out_bytes = 0};
  SteadyTime now{};
  TrafficMeter meter(traffic, now);
  auto rates = meter.measure(now);
  EXPECT_EQ(rates.in_bytes_per_second, 0u) << "no time has passed";
  traffic = {.in_bytes = 5000, .out_bytes = 100};
  rates = meter.measure(now += 4s);
  EXPECT_EQ(rates.in_bytes_per_second, 1000u);
  EXPECT_EQ(rates.out_bytes_per_second, 25u);
  EXPECT_EQ(meter.measure(now += 1s).in_bytes_per_second, 0u);
}

TEST_F(BlockExchange, WrongBytesHideNobody) {
  nodes[1].blocks[cid_of("right")] = "wrong";
  nodes[2].add("right");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fetch("right").value(), "right");
  nodes[2].blocks.clear();
  auto only_wrong = fetch("right");
  ASSERT_FALSE(only_wrong);
  EXPECT_EQ(only_wrong.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(only_wrong.error().message, HasSubstr("sent wrong bytes"));
  auto large = fetch("right", 3);
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("sent more than 3 bytes"));
}

TEST_F(BlockExchange, ASilentPeerIsAskedLastForAWhile) {
  use({.link = {.answer_timeout = 5s}, .avoid_time = 60s});
  network.cut(peer_of(kSelf), peer_of(1));
  for (int i = 0; i < 10; ++i) nodes[2].add(data_of(i));
  auto start = runtime.now();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(fetch(data_of(i)));
  EXPECT_LT(runtime.now() - start, 6s);  // waited for once at most
}

TEST_F(BlockExchange, AStreamThatWasIdleAndBrokeIsOpenedAnew) {
  nodes[1].add("a");
  nodes[1].add("b");
  EXPECT_TRUE(fetch("a"));
  (void)runtime.run_task(network.detach(peer_of(1)));
  routers.erase(1);
  serve(1, {});
  EXPECT_TRUE(fetch("b"));
}

TEST_F(BlockExchange, NobodyWaitsForEverWhenItStops) {
  network.cut(peer_of(kSelf), peer_of(1));
  network.cut(peer_of(kSelf), peer_of(2));
  std::vector<std::optional<Result<Bytes>>> ended(100);
  for (int i = 0; i < 100; ++i) {
    auto cid = cid_of(data_of(i));
    auto& to = ended[static_cast<size_t>(i)];
    spawn_into(runtime.executor(), source->fetch(cid, {.root = cid}, 1000),
               [&to](Result<Bytes> r) { to = std::move(r); });
  }
  runtime.run_for(1s);
  stop();
  runtime.run_ready();
  for (const auto& each : ended) {
    ASSERT_TRUE(each);
    EXPECT_EQ(each->error().kind, ErrorKind::kCancelled);
  }
  EXPECT_EQ(fetch("later").error().kind, ErrorKind::kCancelled);
}

TEST_F(BlockExchange, SendingIsBounded) {
  for (int i = 0; i < 40; ++i) nodes[1].add(data_of(i, 100'000));
  serve(1, {.send_bytes_per_second = 1'000'000});
  auto start = runtime.now();
  for (const auto& block : fetch_all(40, 100'000)) EXPECT_TRUE(block);
  // A second's worth may be saved up.
  EXPECT_GE(runtime.now() - start, 2900ms);
  EXPECT_LE(runtime.now() - start, 4500ms);
}

TEST_F(BlockExchange, ReceivingIsBounded) {
  for (int i = 0; i < 40; ++i) nodes[1].add(data_of(i, 100'000));
  use({.receive_bytes_per_second = 1'000'000});
  auto start = runtime.now();
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(fetch(data_of(i, 100'000)));
  EXPECT_GE(runtime.now() - start, 2800ms);
  EXPECT_LE(runtime.now() - start, 4500ms);
}

}  // namespace
}  // namespace ipfsc::cluster
