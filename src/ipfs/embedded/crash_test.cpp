// A power cut at any write: what was acknowledged is there, whole; what is pinned is whole.
#include <atomic>

#include "base/test_seeds.h"
#include "ipfs/embedded/dag_walk.h"
#include "ipfs/embedded/test_support.h"

namespace ipfsc::ipfs::test {
namespace {

class CrashTest : public NodeTest, public testing::WithParamInterface<uint64_t> {
 protected:
  struct Acknowledged {
    std::vector<Dag> adds;
    std::set<ipld::Cid> pins;
  };

  /// Adds and pins, small and large ones at once, until the power goes.
  Task<> actor(uint64_t seed, Acknowledged& done) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < 20; ++i) {
      bool large = random() % 3 == 0;
      Dag dag = make_dag(random(), large ? 20 + random() % 20 : 1 + random() % 10, large ? 20'000 : 500);
      WriterOptions options{.size_hint_bytes = large ? 100u << 20 : 0, .verified = random() % 2 == 0};
      CO_TRY_ASSIGN(auto writer, co_await node().put_blocks(options));
      CO_TRY(co_await writer->put(dag.blocks));
      CO_TRY(co_await runtime_.sleep_for(std::chrono::microseconds(random() % 500)));
      if (random() % 5 == 0) {  // a pin of what is not durable yet
        auto early = co_await node().pin({.cid = dag.root});
        if (early) done.pins.insert(dag.root);
        if (early) done.adds.push_back(dag);
        if (!early && early.error().kind != ErrorKind::kNotFound) co_return early;
      }
      CO_TRY(co_await writer->finish());
      done.adds.push_back(dag);
      if (random() % 2 == 0) {
        CO_TRY(co_await node().pin({.cid = dag.root}));
        done.pins.insert(dag.root);
      }
    }
    co_return Result<>{};
  }

  void check(const Acknowledged& done) {
    for (const auto& dag : done.adds) {
      ASSERT_EQ(count_present(dag.blocks), dag.blocks.size()) << "seed " << GetParam();
    }
    std::set<ipld::Cid> pinned;
    for (const auto& item : pins()) pinned.insert(item.cid);
    for (const auto& cid : done.pins) EXPECT_TRUE(pinned.contains(cid)) << "seed " << GetParam();
    for (const auto& cid : pinned) {  // acknowledged or not: a record means a whole DAG
      DagWalk walk(*node().core().store, 1, 1 << 20);
      std::vector<ipld::Cid> missing;
      ASSERT_TRUE(walk.add_root(cid, true));
      while (!walk.done()) ASSERT_TRUE(walk.run({}, missing));
      EXPECT_TRUE(missing.empty()) << "seed " << GetParam();
    }
    auto verified = run(node().verify({}));
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->corrupt, 0u) << "seed " << GetParam();
  }
};

TEST_P(CrashTest, KeepsWhatItAcknowledged) {
  uint64_t seed = GetParam();
  options_.write_buffer_bytes = 256 << 10;
  used_ = &jitter_;
  Acknowledged done;
  for (int round = 0; round < 3; ++round) {
    open();
    env_.cut_power_after(50 + (seed * 7919 + round * 104729) % 900);
    std::vector<std::optional<Result<>>> ended(4);
    for (size_t i = 0; i < ended.size(); ++i) {
      spawn_into(runtime_.executor(), actor(seed * 1000 + round * 10 + i, done), [&, i](Result<> r) { ended[i] = r; });
    }
    runtime_.run_for(std::chrono::seconds(30));
    for (auto& result : ended) ASSERT_TRUE(result) << "seed " << seed;
    env_.cut_power();
    close();
    env_.restore_power();
    check(done);
    close();
  }
  EXPECT_FALSE(done.adds.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, CrashTest, testing::ValuesIn(sim_seeds(1, 15)));

}  // namespace
}  // namespace ipfsc::ipfs::test
