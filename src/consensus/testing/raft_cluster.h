// Several peers with their logs and states, on a virtual clock and network. For tests.
#pragma once

#include <gtest/gtest.h>

#include "base/virtual_runtime.h"
#include "consensus/raft/raft_consensus.h"
#include "consensus/raft/recovery.h"
#include "rpc/testing/sim_network.h"
#include "state/test_support.h"
#include "storage/fault_env.h"

namespace ipfsc::consensus::testing {

using namespace std::chrono_literals;

class RaftCluster : public ::testing::Test {
 protected:
  struct Node {
    Node(RaftCluster& c, int n) : cluster(c), id(state::testing::peer_of(n)), client(c.network.client(id)) {
      state_options.path = "/state";
      state_options.env = &env;
      state_options.cache_bytes = 8 << 20;
      state_options.write_buffer_bytes = 0;
      state_options.background_compaction = false;
      if (c.configure) c.configure(options);
      options.self = id;
      options.path = "/raft";
      options.env = &env;
      options.background_compaction = false;
    }

    Result<> open() {
      TRY_ASSIGN(state, state::State::open(state_options));
      router = std::make_unique<rpc::Router>();
      TRY_ASSIGN(consensus, cluster.runtime.run_task(
                                RaftConsensus::open(cluster.runtime, *state, options, RaftNetwork{*client, *router})));
      cluster.network.attach(id, *router);
      return {};
    }
    Result<> close() {
      if (!consensus) {
        state.reset();
        return {};
      }
      TRY(cluster.runtime.run_task(cluster.network.detach(id)));
      auto done = cluster.runtime.run_task(consensus->stop());
      consensus.reset();
      state.reset();
      return done;
    }
    /// A planned stop: leadership moves while the peer is still reached.
    Result<> stop() {
      auto done = cluster.runtime.run_task(consensus->stop());
      TRY(cluster.runtime.run_task(cluster.network.detach(id)));
      consensus.reset();
      state.reset();
      return done;
    }
    void lose_power() {
      env.cut_power();
      (void)close();
      env.restore_power();
    }
    bool has(int pin) const { return state->get(state::testing::cid_of(pin)).value().has_value(); }

    RaftCluster& cluster;
    ipld::PeerId id;
    storage::FaultEnv env;
    state::StateOptions state_options;
    RaftOptions options;
    std::unique_ptr<rpc::PeerClient> client;
    std::unique_ptr<rpc::Router> router;
    std::unique_ptr<state::State> state;
    std::unique_ptr<RaftConsensus> consensus;
  };

  explicit RaftCluster(uint64_t seed = 1) : runtime(seed), network(runtime) {}
  ~RaftCluster() override {
    for (auto& node : nodes) (void)node->close();
  }

  SteadyTime in(Duration time) const { return runtime.now() + time; }
  Node& node(int n) { return *nodes.at(static_cast<size_t>(n)); }
  template <class Condition>
  bool eventually(Condition condition, Duration limit = 30s) {
    for (SteadyTime end = in(limit); !condition(); runtime.run_for(10ms)) {
      if (runtime.now() > end) return false;
    }
    return true;
  }
  Node* leader() {
    for (auto& node : nodes) {
      if (node->consensus && node->consensus->is_leader()) return node.get();
    }
    return nullptr;
  }

  void begin() {
    nodes.push_back(std::make_unique<Node>(*this, 1));
    ASSERT_TRUE(node(0).open());
    ASSERT_TRUE(runtime.run_task(node(0).consensus->wait_ready(in(10s))));
  }
  void join() {
    ASSERT_TRUE(eventually([&] { return leader() != nullptr; }));
    nodes.push_back(std::make_unique<Node>(*this, static_cast<int>(nodes.size()) + 1));
    rejoin(*nodes.back());
  }
  void rejoin(Node& fresh) {
    auto grant = runtime.run_task(leader()->consensus->add_member(fresh.id, in(10s)));
    ASSERT_TRUE(grant) << grant.error().message;
    auto begun = begin_log(fresh.options, *grant);
    ASSERT_TRUE(begun) << begun.error().message;
    auto opened = fresh.open();
    ASSERT_TRUE(opened) << opened.error().message;
    auto ready = runtime.run_task(fresh.consensus->wait_ready(in(30s)));
    ASSERT_TRUE(ready) << ready.error().message;
  }
  void make(int count) {
    begin();
    while (nodes.size() < static_cast<size_t>(count)) join();
    size_t voters = std::min(count, 5) % 2 == 1 ? std::min(count, 5) : std::min(count, 5) - 1;
    ASSERT_TRUE(eventually([&] {
      return leader() && static_cast<size_t>(std::ranges::count(leader()->consensus->members(), MemberRole::kVoter,
                                                                &Member::role)) == voters;
    }));
    runtime.run_for(300ms);  // until all have left the joint configuration
  }

  Result<std::vector<state::Outcome>> put(Node& at, int pin, Duration patience = 10s) {
    return runtime.run_task(at.consensus->submit({state::testing::put_op(state::testing::pin_of(pin))}, in(patience)));
  }
  static std::vector<state::Change> history(Node& of) {
    return of.state->changes_after(of.state->feed_begin(), SIZE_MAX).value();
  }
  void expect_equal() {
    ASSERT_TRUE(eventually([&] {
      return std::ranges::all_of(nodes, [&](auto& n) {
        return !n->consensus || n->state->applied_index() == nodes.front()->state->applied_index();
      });
    }));
    for (auto& n : nodes) {
      if (!n->consensus) continue;
      EXPECT_EQ(n->state->info().hash, nodes.front()->state->info().hash);
      EXPECT_EQ(n->state->info().time, nodes.front()->state->info().time);
      EXPECT_TRUE(history(*n) == history(*nodes.front())) << "times and actors are not in the hash";
    }
  }

  void close_all() {
    for (auto& n : nodes) (void)n->close();
    nodes.clear();
  }

  /// Writes go on through three peers while peers crash and links are cut; what was acknowledged stays.
  void storm(uint64_t seed, int steps) {
    std::mt19937_64 random(seed);
    std::set<int> acknowledged;
    TaskGroup writers(runtime);
    std::atomic<bool> blowing = true;
    auto write = [&](int first) -> Task<> {
      for (int pin = first; blowing; pin += 3) {
        Node& at = this->node(static_cast<int>(random() % 3));
        if (!at.consensus) {
          CO_TRY(co_await runtime.sleep_for(20ms));
          continue;
        }
        auto operation = state::testing::put_op(state::testing::pin_of(pin));
        auto wrote = co_await at.consensus->submit({std::move(operation)}, in(2s));
        if (wrote) acknowledged.insert(pin);
        CO_TRY(co_await runtime.sleep_for(wrote ? between_writes : Duration(20ms)));
      }
      co_return Result<>{};
    };
    for (int w = 0; w < 3; ++w) writers.spawn("writing", write(w));
    for (int step = 0; step < steps; ++step) {
      runtime.run_for(std::chrono::milliseconds(random() % 800));
      Node& victim = node(static_cast<int>(random() % 3));
      switch (random() % 4) {
        case 0:
          if (victim.consensus) victim.lose_power();
          break;
        case 1:
          if (!victim.consensus) ASSERT_TRUE(victim.open());
          break;
        case 2:
          network.cut(victim.id, node(static_cast<int>(random() % 3)).id);
          break;
        default:
          network.heal();
      }
    }
    network.heal();
    for (auto& n : nodes) {
      if (!n->consensus) ASSERT_TRUE(n->open());
    }
    blowing = false;
    ASSERT_TRUE(runtime.run_task([&]() -> Task<> {
      co_await writers.join();
      co_return Result<>{};
    }()));
    ASSERT_TRUE(eventually([&] { return leader() != nullptr; }));
    expect_equal();
    acknowledged_in_storms += acknowledged.size();
    for (int pin : acknowledged) {
      for (auto& n : nodes) EXPECT_TRUE(n->has(pin)) << pin;
    }
    std::map<ipld::Cid, int> times;
    for (const auto& change : history(node(0))) {
      if (change.cid.empty()) continue;  // not of a pin
      EXPECT_EQ(++times[change.cid], 1) << "a write was done twice";
    }
  }

  Duration between_writes{};  // of one writer in storm()
  size_t acknowledged_in_storms = 0;
  std::function<void(RaftOptions&)> configure;  // for peers that are made from now on
  VirtualRuntime runtime;
  rpc::testing::SimNetwork network;
  std::vector<std::unique_ptr<Node>> nodes;
};

}  // namespace ipfsc::consensus::testing
