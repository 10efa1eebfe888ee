#include "consensus/raft/raft_consensus.h"

#include <gtest/gtest.h>

#include <set>

#include "base/real_runtime.h"
#include "base/test_seeds.h"
#include "base/virtual_runtime.h"
#include "state/test_support.h"
#include "storage/fault_env.h"

namespace ipfsc::consensus {
namespace {

using state::Outcome;
using state::OutcomeStatus;
using state::testing::cid_of;
using state::testing::peer_of;
using state::testing::pin_of;
using state::testing::put_op;
using state::testing::remove_op;
using storage::FaultEnv;
using namespace std::chrono_literals;

/// A peer's log and state on files in memory and a virtual clock.
class Peer {
 public:
  explicit Peer(uint64_t seed = 1) : runtime(seed) {
    state_options.path = "/state";
    state_options.env = &env;
    state_options.cache_bytes = 8 << 20;
    state_options.write_buffer_bytes = 0;
    state_options.background_compaction = false;
    options.self = peer_of(1);
    options.path = "/raft";
    options.env = &env;
    options.background_compaction = false;
  }
  ~Peer() { close(); }

  Result<> try_open() {
    TRY_ASSIGN(state, state::State::open(state_options));
    auto opened = runtime.run_task(RaftConsensus::open(runtime, *state, options));
    if (!opened) {
      state.reset();
      return fail(opened.error());
    }
    consensus = *std::move(opened);
    return {};
  }
  void open() {
    auto done = try_open();
    ASSERT_TRUE(done.has_value()) << done.error().message;
    auto is_ready = runtime.run_task(consensus->wait_ready(in(10s)));
    ASSERT_TRUE(is_ready.has_value()) << is_ready.error().message;
  }
  Result<> close() {
    Result<> done;
    if (consensus) done = runtime.run_task(consensus->stop());
    consensus.reset();
    state.reset();
    return done;
  }
  void lose_power() {
    env.cut_power();
    (void)close();
    env.restore_power();
  }

  SteadyTime in(Duration time) const { return runtime.now() + time; }
  Result<std::vector<Outcome>> submit(std::vector<proto::Operation> operations, Duration patience = 10s) {
    return runtime.run_task(consensus->submit(std::move(operations), in(patience)));
  }
  bool has(int pin) const { return state->get(cid_of(pin)).value().has_value(); }

  FaultEnv env;
  VirtualRuntime runtime;
  state::StateOptions state_options;
  RaftOptions options;
  std::unique_ptr<state::State> state;
  std::unique_ptr<RaftConsensus> consensus;
};

TEST(RaftConsensus, ALonePeerBeginsAClusterAndLeadsIt) {
  Peer peer;
  SteadyTime start = peer.runtime.now();
  peer.open();
  EXPECT_EQ(peer.runtime.now(), start);  // no election timeout
  EXPECT_TRUE(peer.consensus->is_leader());
  EXPECT_EQ(peer.consensus->leader(), peer_of(1));
  auto members = peer.consensus->members();
  ASSERT_EQ(members.size(), 1u);
  EXPECT_TRUE(members[0].self);
  EXPECT_EQ(members[0].role, MemberRole::kVoter);
  EXPECT_EQ(peer.state->info().cluster_id.size(), 16u);
  EXPECT_EQ(peer.state->info().incarnation, 1u);
  EXPECT_EQ(peer.consensus->trouble(), "");
}

TEST(RaftConsensus, AWriteIsVisibleWhenItReturns) {
  Peer peer;
  peer.open();
  auto outcomes = peer.submit({put_op(pin_of(1)), put_op(pin_of(2)), remove_op(cid_of(3))});
  ASSERT_TRUE(outcomes.has_value()) << outcomes.error().message;
  ASSERT_EQ(outcomes->size(), 3u);
  EXPECT_EQ((*outcomes)[0].status, OutcomeStatus::kApplied);
  EXPECT_EQ((*outcomes)[1].after->cid, cid_of(2));
  EXPECT_EQ((*outcomes)[2].status, OutcomeStatus::kNotFound);
  EXPECT_TRUE(peer.has(1));
  EXPECT_EQ(peer.state->info().time, WallTime(std::chrono::floor<std::chrono::milliseconds>(peer.runtime.wall_now())));
}

TEST(RaftConsensus, WritesThatWaitShareAnEntryAndGetTheirOwnOutcomes) {
  Peer peer;
  peer.open();
  LogIndex before = peer.state->applied_index();
  TaskGroup group(peer.runtime);
  int answered = 0;
  for (int i = 0; i < 100; ++i) {
    group.spawn("writer", [](Peer& peer, int i, int& answered) -> Task<> {
      std::vector<proto::Operation> operations;
      for (int k = 0; k <= i % 3; ++k) operations.push_back(put_op(pin_of(1000 * k + i)));
      size_t count = operations.size();
      CO_TRY_ASSIGN(auto outcomes, co_await peer.consensus->submit(std::move(operations), peer.in(10s)));
      EXPECT_EQ(outcomes.size(), count);
      for (size_t k = 0; k < outcomes.size(); ++k) {
        EXPECT_EQ(outcomes[k].after->cid, cid_of(1000 * static_cast<int>(k) + i));
      }
      ++answered;
      co_return Result<>{};
    }(peer, i, answered));
  }
  peer.runtime.run_ready();
  EXPECT_EQ(answered, 100);
  EXPECT_LE(peer.state->applied_index().value - before.value, 4u);
}

TEST(RaftConsensus, AFullEntryIsFollowedByTheNext) {
  Peer peer;
  peer.options.max_entry_bytes = 4096;
  peer.open();
  TaskGroup group(peer.runtime);
  int answered = 0;
  for (int i = 0; i < 200; ++i) {
    group.spawn("writer", [](Peer& peer, int i, int& answered) -> Task<> {
      CO_TRY(co_await peer.consensus->submit({put_op(pin_of(i))}, peer.in(10s)));
      ++answered;
      co_return Result<>{};
    }(peer, i, answered));
  }
  peer.runtime.run_ready();
  EXPECT_EQ(answered, 200);
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(peer.has(i));
}

TEST(RaftConsensus, BadWritesAreRefusedAndChangeNothing) {
  Peer peer;
  peer.options.max_entry_bytes = 2000;
  peer.open();
  LogIndex before = peer.state->applied_index();
  auto kind = [&](std::vector<proto::Operation> operations) {
    auto done = peer.submit(std::move(operations));
    return done ? ErrorKind::kUnknown : done.error().kind;
  };
  EXPECT_EQ(kind({}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind({proto::Operation()}), ErrorKind::kInvalidArgument);
  auto large = pin_of(1);
  large.options.name = std::string(3000, 'x');
  EXPECT_EQ(kind({put_op(large)}), ErrorKind::kInvalidArgument);
  auto not_text = pin_of(1);
  not_text.options.metadata["k"] = "\xff\xfe";
  EXPECT_EQ(kind({put_op(not_text)}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(peer.state->applied_index(), before);
}

TEST(RaftConsensus, TheQueueIsBounded) {
  Peer peer;
  peer.options.max_waiting_writes = 10;
  peer.open();
  TaskGroup group(peer.runtime);
  int done = 0, refused = 0;
  for (int i = 0; i < 30; ++i) {
    group.spawn("writer", [](Peer& peer, int i, int& done, int& refused) -> Task<> {
      auto outcome = co_await peer.consensus->submit({put_op(pin_of(i))}, peer.in(10s));
      if (outcome) ++done;
      if (!outcome && outcome.error().kind == ErrorKind::kResourceExhausted) ++refused;
      co_return Result<>{};
    }(peer, i, done, refused));
  }
  peer.runtime.run_ready();
  EXPECT_EQ(done + refused, 30);
  EXPECT_GE(done, 10);
  EXPECT_GT(refused, 0);
}

TEST(RaftConsensus, ACleanStopIsFoundAsItWas) {
  Peer peer;
  peer.open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(peer.submit({put_op(pin_of(i))}).has_value());
  LogIndex applied = peer.state->applied_index();
  auto hash = peer.state->state_hash();
  auto cluster = peer.state->info().cluster_id;
  ASSERT_TRUE(peer.close().has_value());
  peer.state = state::State::open(peer.state_options).value();
  EXPECT_EQ(peer.state->applied_index(), applied);
  EXPECT_EQ(peer.state->state_hash(), hash);
  peer.state.reset();
  peer.open();
  EXPECT_EQ(peer.state->state_hash(), hash);
  EXPECT_EQ(peer.state->info().cluster_id, cluster);
  EXPECT_TRUE(peer.submit({put_op(pin_of(100))}).has_value());
}

TEST(RaftConsensus, AfterACrashTheStateIsMadeAgainFromTheLog) {
  Peer peer;
  peer.open();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(peer.submit({put_op(pin_of(i))}).has_value());
    if (i == 20) ASSERT_TRUE(peer.state->flush().has_value());
  }
  auto hash = peer.state->state_hash();
  peer.lose_power();
  peer.open();
  EXPECT_EQ(peer.state->state_hash(), hash);
  EXPECT_TRUE(peer.has(49));
}

/// Submits until the power is cut; returns the pins that were acknowledged.
std::set<int> write_until_the_power_fails(Peer& peer, int first) {
  std::set<int> acknowledged;
  TaskGroup group(peer.runtime);
  int next = first;
  for (int writer = 0; writer < 4; ++writer) {
    group.spawn("writer", [](Peer& peer, int& next, std::set<int>& acknowledged) -> Task<> {
      for (int n = 0; n < 100; ++n) {
        int i = next++;
        auto outcome = co_await peer.consensus->submit({put_op(pin_of(i))}, peer.in(1s));
        if (!outcome) break;
        acknowledged.insert(i);
        CO_TRY(co_await peer.runtime.sleep_for(std::chrono::microseconds(peer.runtime.random() % 1000)));
      }
      co_return Result<>{};
    }(peer, next, acknowledged));
  }
  peer.runtime.run_for(5s);
  EXPECT_EQ(group.size(), 0u);
  return acknowledged;
}

TEST(RaftConsensus, NoAcknowledgedWriteIsLostWhereverThePowerIsCut) {
  for (uint64_t seed : sim_seeds(1, 12)) {
    if (HasFailure()) break;
    Peer peer(seed);
    peer.options.keep_log_bytes = 0;
    peer.options.flush_log_bytes = 4000;  // state flushes among the writes
    std::set<int> acknowledged;
    int first = 0;
    for (int life = 0; life < 4; ++life) {
      peer.open();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << " life " << life;
      for (int i : acknowledged) ASSERT_TRUE(peer.has(i)) << "seed " << seed << " life " << life << " pin " << i;
      auto scan = peer.state->scan_hash();
      ASSERT_TRUE(scan.has_value() && scan->equal()) << "seed " << seed;
      peer.env.cut_power_after(1 + peer.runtime.random() % 400);
      acknowledged.merge(write_until_the_power_fails(peer, first));
      first += 1000;
      peer.lose_power();
    }
    EXPECT_FALSE(acknowledged.empty());
  }
}

TEST(RaftConsensus, AFullDiskIsSaidAndTheLogGoesOnWhenThereIsSpace) {
  Peer peer;
  peer.open();
  ASSERT_TRUE(peer.submit({put_op(pin_of(1))}).has_value());
  peer.env.fail_after(1, FaultEnv::Fault::kNoSpace);
  auto unknown = peer.submit({put_op(pin_of(2))});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().kind, ErrorKind::kDeadlineExceeded);
  EXPECT_NE(unknown.error().message.find("a retry with the same idempotency key is safe"), std::string::npos)
      << unknown.error().message;
  auto refused = peer.submit({put_op(pin_of(3))});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kResourceExhausted) << refused.error().message;
  EXPECT_FALSE(peer.consensus->is_leader());
  EXPECT_NE(peer.consensus->trouble(), "");
  EXPECT_TRUE(peer.has(1));  // reads go on
  peer.runtime.run_for(20s);
  peer.env.clear_faults();
  ASSERT_TRUE(peer.runtime.run_task(peer.consensus->wait_ready(peer.in(60s))).has_value());
  EXPECT_TRUE(peer.submit({put_op(pin_of(4))}).has_value());
  EXPECT_TRUE(peer.has(1));
  EXPECT_FALSE(peer.has(3));
}

TEST(RaftConsensus, AnErrorOfTheStateIsRepairedFromTheLog) {
  Peer peer;
  peer.options.flush_log_bytes = 3000;
  peer.open();
  std::set<int> acknowledged;
  for (int i = 0; i < 200; ++i) {
    if (i == 50) peer.env.fail_after(20, FaultEnv::Fault::kIoError);
    if (peer.submit({put_op(pin_of(i))}, 1s)) acknowledged.insert(i);
    if (i == 60) peer.env.clear_faults();
    if (i > 60) peer.runtime.run_for(100ms);
  }
  ASSERT_TRUE(peer.runtime.run_task(peer.consensus->wait_ready(peer.in(60s))).has_value());
  EXPECT_GT(acknowledged.size(), 100u);
  for (int i : acknowledged) EXPECT_TRUE(peer.has(i)) << i;
}

TEST(RaftConsensus, WithoutALogThatCanBeWrittenADeadlineEnds) {
  Peer peer;
  peer.open();
  peer.env.fail_after(1, FaultEnv::Fault::kIoError);
  (void)peer.submit({put_op(pin_of(1))});
  auto waited = peer.runtime.run_task(peer.consensus->wait_ready(peer.in(3s)));
  ASSERT_FALSE(waited.has_value());
  EXPECT_EQ(waited.error().kind, ErrorKind::kUnavailable);
  auto barrier = peer.runtime.run_task(peer.consensus->barrier(peer.in(3s)));
  ASSERT_FALSE(barrier.has_value());
  peer.env.clear_faults();
}

TEST(RaftConsensus, ABarrierWaitsForWhatWasAcknowledged) {
  Peer peer;
  peer.open();
  ASSERT_TRUE(peer.submit({put_op(pin_of(1))}).has_value());
  auto index = peer.runtime.run_task(peer.consensus->barrier(peer.in(1s)));
  ASSERT_TRUE(index.has_value()) << index.error().message;
  EXPECT_GE(*index, LogIndex(3));
  EXPECT_LE(*index, peer.state->applied_index());
}

TEST(RaftConsensus, TheFeedTellsOldAndNewChangesInOrder) {
  Peer peer;
  peer.open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(peer.submit({put_op(pin_of(i))}).has_value());
  auto feed = peer.consensus->feed({});
  std::vector<ipld::Cid> seen;
  TaskGroup group(peer.runtime);
  std::optional<Error> end;
  group.spawn("reader",
              [](state::ChangeStream& feed, std::vector<ipld::Cid>& seen, std::optional<Error>& end) -> Task<> {
                for (;;) {
                  auto changes = co_await feed.next(2);
                  if (!changes) {
                    end = changes.error();
                    co_return Result<>{};
                  }
                  EXPECT_LE(changes->size(), 2u);
                  for (auto& change : *changes) {
                    if (change.kind == state::Change::kPin) seen.push_back(change.cid);
                  }
                }
              }(*feed, seen, end));
  peer.runtime.run_ready();
  EXPECT_EQ(seen.size(), 5u);
  ASSERT_TRUE(peer.submit({put_op(pin_of(5)), put_op(pin_of(6))}).has_value());
  peer.runtime.run_ready();
  ASSERT_EQ(seen.size(), 7u);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], cid_of(i));
  ASSERT_TRUE(peer.runtime.run_task(peer.consensus->stop()).has_value());
  peer.runtime.run_ready();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->kind, ErrorKind::kUnavailable);
}

TEST(RaftConsensus, ACancelledWriteDoesNotDisturbOthers) {
  Peer peer;
  peer.open();
  TaskGroup cancelled(peer.runtime), kept(peer.runtime);
  auto writer = [](Peer& peer, int i, int& done) -> Task<> {
    auto outcome = co_await peer.consensus->submit({put_op(pin_of(i))}, peer.in(10s));
    if (outcome) ++done;
    co_return outcome ? Result<>{} : Result<>(fail(outcome.error()));
  };
  int done = 0, never = 0;
  kept.spawn("kept", writer(peer, 1, done));
  cancelled.spawn("cancelled", writer(peer, 2, never));
  kept.spawn("kept", writer(peer, 3, done));
  cancelled.cancel();
  peer.runtime.run_ready();
  EXPECT_EQ(done, 2);
  EXPECT_EQ(never, 0);
  EXPECT_EQ(cancelled.size(), 0u);
  EXPECT_TRUE(peer.submit({put_op(pin_of(4))}).has_value());
}

TEST(RaftConsensus, StoppingEndsWhatIsUnderWayAndRefusesMore) {
  Peer peer;
  peer.open();
  TaskGroup group(peer.runtime);
  int done = 0;
  for (int i = 0; i < 10; ++i) {
    group.spawn("writer", [](Peer& peer, int i, int& done) -> Task<> {
      CO_TRY(co_await peer.consensus->submit({put_op(pin_of(i))}, peer.in(10s)));
      ++done;
      co_return Result<>{};
    }(peer, i, done));
  }
  ASSERT_TRUE(peer.runtime.run_task(peer.consensus->stop()).has_value());
  EXPECT_EQ(done, 10);
  EXPECT_EQ(peer.submit({put_op(pin_of(50))}).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(peer.runtime.run_task(peer.consensus->wait_ready(peer.in(1s))).error().kind, ErrorKind::kUnavailable);
}

TEST(RaftConsensus, TheLogIsTruncatedBehindTheFlushedState) {
  Peer peer;
  peer.options.keep_log_bytes = 1 << 20;
  peer.options.flush_log_bytes = 1 << 20;
  peer.open();
  auto pin = pin_of(0);
  pin.options.metadata["large"] = std::string(100'000, 'x');
  for (int i = 0; i < 60; ++i) {
    pin.cid = cid_of(i);
    ASSERT_TRUE(peer.submit({put_op(pin)}).has_value());
  }
  ASSERT_TRUE(peer.close().has_value());
  auto log = LogStore::open({.path = "/raft", .env = &peer.env}).value();
  EXPECT_GT(log->first_index(), LogIndex(20));
  EXPECT_LT(log->first_index(), LogIndex(50));
  EXPECT_GE(log->last_index(), LogIndex(60));
  log.reset();
  peer.open();
  EXPECT_TRUE(peer.submit({put_op(pin_of(100))}).has_value());
}

TEST(RaftConsensus, AStateWithoutALogGoesOnBehindItsIndex) {
  Peer peer;
  peer.open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(peer.submit({put_op(pin_of(i))}).has_value());
  LogIndex applied = peer.state->applied_index();
  auto cluster = peer.state->info().cluster_id;
  ASSERT_TRUE(peer.close().has_value());
  ASSERT_TRUE(RaftConsensus::remove_log("/raft", &peer.env).has_value());
  ASSERT_TRUE(RaftConsensus::remove_log("/raft", &peer.env).has_value());
  peer.open();
  auto outcomes = peer.submit({put_op(pin_of(9))});
  ASSERT_TRUE(outcomes.has_value());
  EXPECT_GT((*outcomes)[0].index, applied);
  EXPECT_EQ(peer.state->info().cluster_id, cluster);
  peer.lose_power();
  peer.open();
  EXPECT_TRUE(peer.has(9));
}

TEST(RaftConsensus, ALogThatDoesNotFitTheStateIsRefused) {
  Peer peer;
  peer.open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(peer.submit({put_op(pin_of(i))}).has_value());
  ASSERT_TRUE(peer.close().has_value());
  // Another log, shorter than the state.
  ASSERT_TRUE(RaftConsensus::remove_log("/raft", &peer.env).has_value());
  {
    auto log = LogStore::open({.path = "/raft", .env = &peer.env}).value();
    ASSERT_TRUE(log->bootstrap(1, LogIndex(0), Term(0), {.voters = {1}}, {{1, peer_of(1)}}).has_value());
  }
  auto refused = peer.try_open();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kDataLoss);
  // Another peer's.
  ASSERT_TRUE(RaftConsensus::remove_log("/raft", &peer.env).has_value());
  peer.open();
  ASSERT_TRUE(peer.close().has_value());
  peer.options.self = peer_of(2);
  refused = peer.try_open();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kFailedPrecondition);
}

TEST(RaftConsensus, TimeInTheLogNeverRunsBack) {
  Peer peer;
  peer.open();
  ASSERT_TRUE(peer.submit({put_op(pin_of(1))}).has_value());
  WallTime before = peer.state->info().time;
  peer.runtime.jump_wall_clock(-24h);
  ASSERT_TRUE(peer.submit({put_op(pin_of(2))}).has_value());
  EXPECT_EQ(peer.state->info().time, before);
}

TEST(RaftConsensus, ManyThreadsOfARealMachine) {
  RealRuntime runtime;
  FaultEnv env;
  state::StateOptions state_options;
  state_options.path = "/state";
  state_options.env = &env;
  auto state = state::State::open(state_options).value();
  RaftOptions options{.self = peer_of(1), .path = "/raft", .env = &env};
  auto consensus = runtime.run_task(RaftConsensus::open(runtime, *state, options)).value();
  auto result = runtime.run_task([](RealRuntime& runtime, RaftConsensus& consensus) -> Task<> {
    CO_TRY(co_await consensus.wait_ready(runtime.now() + 10s));
    TaskGroup group(runtime);
    int done = 0;
    for (int writer = 0; writer < 32; ++writer) {
      group.spawn("writer", [](RealRuntime& runtime, RaftConsensus& consensus, int writer, int& done) -> Task<> {
        for (int i = 0; i < 50; ++i) {
          CO_TRY(co_await consensus.submit({put_op(pin_of(writer * 1000 + i))}, runtime.now() + 30s));
          ++done;
        }
        co_return Result<>{};
      }(runtime, consensus, writer, done));
    }
    co_await group.join();
    EXPECT_EQ(done, 32 * 50);
    co_return co_await consensus.stop();
  }(runtime, *consensus));
  EXPECT_TRUE(result.has_value());
  EXPECT_EQ(state->counters().pins, 32u * 50);
}

}  // namespace
}  // namespace ipfsc::consensus
