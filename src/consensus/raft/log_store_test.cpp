#include "consensus/raft/log_store.h"

#include <gtest/gtest.h>

#include <random>

#include "consensus/raft/log_format.h"
#include "storage/fault_env.h"

namespace ipfsc::consensus {
namespace {

using storage::FaultEnv;

class LogStoreTest : public ::testing::Test {
 protected:
  LogStoreTest() { reopen(); }

  void reopen() {
    store.reset();
    auto opened = LogStore::open(options());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store = *std::move(opened);
    if (store->empty()) ASSERT_TRUE(store->bootstrap(1, LogIndex(0), Term(0), {.voters = {1}}, {}).has_value());
  }

  LogStoreOptions options() {
    return {.path = "/raft",
            .env = &env,
            .keep_bytes = keep_bytes,
            .recent_bytes = recent_bytes,
            .write_buffer_bytes = 1 << 20};
  }

  /// What an engine would hand out: entries from `first` on.
  Ready ready(uint64_t first, int count, uint64_t term, uint64_t commit, size_t size = 10) {
    Ready out;
    out.number = ++number;
    out.must_sync = true;
    out.hard_state = HardState{Term(term), 1, LogIndex(commit)};
    for (int i = 0; i < count; ++i) {
      uint64_t index = first + static_cast<uint64_t>(i);
      Bytes data = fmt::format("{}/{} ", index, term);
      data.resize(size, 'x');
      out.entries.push_back(std::make_shared<LogEntry>(LogIndex(index), Term(term), EntryType::kNormal, data, ""));
    }
    return out;
  }

  Result<> write() {
    LogWrite write = store->take_write();
    TRY(store->write(write));
    store->written(write);
    return {};
  }

  Bytes at(uint64_t index) {
    auto entries = store->read(LogIndex(index), LogIndex(index + 1), 1);
    if (!entries) return entries.error().message;
    return (*entries)[0]->data.substr(0, (*entries)[0]->data.find(' '));
  }

  void lose_power() {
    env.cut_power();
    store.reset();
    env.restore_power();
    reopen();
  }

  FaultEnv env;
  uint64_t keep_bytes = 64 << 10;
  uint64_t recent_bytes = 1 << 10;
  std::unique_ptr<LogStore> store;
  uint64_t number = 0;
};

TEST_F(LogStoreTest, StagedEntriesAreReadAtOnceAndSurviveOnceWritten) {
  store->stage(ready(1, 3, 1, 0));
  EXPECT_EQ(store->last_index(), LogIndex(3));
  EXPECT_EQ(at(2), "2/1");
  ASSERT_TRUE(write().has_value());
  store->stage(ready(4, 2, 2, 3));
  EXPECT_EQ(at(5), "5/2");
  lose_power();
  EXPECT_EQ(store->last_index(), LogIndex(3));
  EXPECT_EQ(at(3), "3/1");
  EXPECT_EQ(store->hard_state(), (HardState{Term(1), 1, LogIndex(0)}));
  EXPECT_EQ(store->self(), 1u);
}

TEST_F(LogStoreTest, AWriteTakesAllThatWasStagedMeanwhile) {
  store->stage(ready(1, 1, 1, 0));
  LogWrite first = store->take_write();
  store->stage(ready(2, 1, 1, 0));
  store->stage(ready(3, 1, 1, 1));
  ASSERT_TRUE(store->write(first).has_value());
  store->written(first);
  LogWrite second = store->take_write();
  EXPECT_EQ(second.number, 3u);
  ASSERT_TRUE(store->write(second).has_value());
  store->written(second);
  EXPECT_FALSE(store->has_staged());
  lose_power();
  EXPECT_EQ(store->last_index(), LogIndex(3));
  EXPECT_EQ(store->hard_state().commit, LogIndex(1));
}

TEST_F(LogStoreTest, AnotherLeadersEntriesReplaceTheEnd) {
  store->stage(ready(1, 5, 1, 1));
  ASSERT_TRUE(write().has_value());
  store->stage(ready(6, 5, 1, 1));
  LogWrite old = store->take_write();  // still on its way to the disk
  store->stage(ready(3, 2, 2, 1));
  EXPECT_EQ(store->last_index(), LogIndex(4));
  EXPECT_EQ(store->term(LogIndex(2)), Term(1));
  EXPECT_EQ(store->term(LogIndex(3)), Term(2));
  EXPECT_EQ(store->term(LogIndex(5)), std::nullopt);
  ASSERT_TRUE(store->write(old).has_value());
  store->written(old);
  EXPECT_EQ(at(3), "3/2");
  ASSERT_TRUE(write().has_value());
  EXPECT_EQ(at(4), "4/2");
  lose_power();
  EXPECT_EQ(store->last_index(), LogIndex(4));
  EXPECT_EQ(at(2), "2/1");
  EXPECT_EQ(at(3), "3/2");
  EXPECT_EQ(store->term(LogIndex(4)), Term(2));
}

TEST_F(LogStoreTest, ReadsStopAtTheByteLimitAndGoOnFromDisk) {
  store->stage(ready(1, 100, 1, 0, 100));
  ASSERT_TRUE(write().has_value());
  auto some = store->read(LogIndex(1), LogIndex(101), 1000);
  ASSERT_TRUE(some.has_value());
  EXPECT_GT(some->size(), 3u);
  EXPECT_LT(some->size(), 10u);
  std::vector<EntryPtr> all;
  while (all.size() < 100) {
    auto part = store->read(LogIndex(all.size() + 1), LogIndex(101), 100000);
    ASSERT_TRUE(part.has_value());
    all.insert(all.end(), part->begin(), part->end());
  }
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(all[i]->index, LogIndex(i + 1));
  EXPECT_EQ(store->read(LogIndex(0), LogIndex(2), 10).error().kind, ErrorKind::kOutOfRange);
}

TEST_F(LogStoreTest, TruncationKeepsTheBytesBehindTheFlush) {
  // Every entry is larger than the distance of the marks.
  uint64_t next = 1;
  for (int i = 0; i < 10; ++i, next += 10) {
    store->stage(ready(next, 10, 1 + next / 40, next, 100 << 10));
    ASSERT_TRUE(write().has_value());
  }
  EXPECT_FALSE(store->truncate_behind(LogIndex(1)));
  EXPECT_TRUE(store->truncate_behind(LogIndex(50)));
  LogIndex first = store->first_index();
  EXPECT_EQ(first, LogIndex(50));
  EXPECT_EQ(store->term(LogIndex(first.value - 1)), Term(1 + (first.value - 2) / 10 * 10 / 40));
  EXPECT_EQ(store->term(LogIndex(first.value - 2)), std::nullopt);
  ASSERT_TRUE(write().has_value());
  ASSERT_TRUE(store->flush().has_value());
  lose_power();
  EXPECT_EQ(store->first_index(), first);
  EXPECT_EQ(store->last_index(), LogIndex(100));
  EXPECT_EQ(at(first.value).substr(0, 2), fmt::format("{}", first.value));
  EXPECT_EQ(store->read(LogIndex(first.value - 1), first, 1).error().kind, ErrorKind::kOutOfRange);
}

TEST_F(LogStoreTest, ASnapshotReplacesTheLog) {
  store->stage(ready(1, 5, 1, 3));
  ASSERT_TRUE(write().has_value());
  Ready snapshot;
  snapshot.number = ++number;
  snapshot.must_sync = true;
  snapshot.snapshot = LogSnapshot{LogIndex(100), Term(7), {.voters = {1, 2}}, "manifest"};
  snapshot.hard_state = HardState{Term(7), kNobody, LogIndex(100)};
  store->stage(snapshot);
  EXPECT_EQ(store->first_index(), LogIndex(101));
  EXPECT_EQ(store->last_index(), LogIndex(100));
  store->stage(ready(101, 2, 7, 100));
  ASSERT_TRUE(write().has_value());
  lose_power();
  EXPECT_EQ(store->first_index(), LogIndex(101));
  EXPECT_EQ(store->last_index(), LogIndex(102));
  EXPECT_EQ(store->term(LogIndex(100)), Term(7));
  EXPECT_EQ(store->conf_at(LogIndex(100)).voters.size(), 2u);
  EXPECT_EQ(at(101), "101/7");
}

TEST_F(LogStoreTest, ConfigurationsBelongToAnIndex) {
  ASSERT_TRUE(store->save_conf(LogIndex(5), {.voters = {1, 2}, .learners = {9}}).has_value());
  ASSERT_TRUE(store->save_conf(LogIndex(8), {.voters = {1, 2, 3}}).has_value());
  lose_power();
  EXPECT_EQ(store->conf_at(LogIndex(4)).voters.size(), 1u);
  EXPECT_EQ(store->conf_at(LogIndex(5)).learners, std::vector<RaftId>{9});
  EXPECT_EQ(store->conf_at(LogIndex(7)).voters.size(), 2u);
  EXPECT_EQ(store->conf_at(LogIndex(100)).voters.size(), 3u);
}

TEST_F(LogStoreTest, AnErrorPoisonsItUntilItIsOpenedAgain) {
  store->stage(ready(1, 1, 1, 0));
  ASSERT_TRUE(write().has_value());
  env.fail_after(1, FaultEnv::Fault::kNoSpace);
  store->stage(ready(2, 1, 1, 0));
  auto failed = write();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().kind, ErrorKind::kResourceExhausted) << failed.error().message;
  env.clear_faults();
  store->stage(ready(3, 1, 1, 0));
  EXPECT_EQ(write().error(), failed.error());
  reopen();
  EXPECT_GE(store->last_index(), LogIndex(1));
  EXPECT_LE(store->last_index(), LogIndex(2));
}

TEST_F(LogStoreTest, ALogThatEndsBeforeWhatWasCommittedIsRefused) {
  store->stage(ready(1, 3, 1, 9));
  ASSERT_TRUE(write().has_value());
  store.reset();
  auto opened = LogStore::open(options());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().kind, ErrorKind::kDataLoss);
  EXPECT_NE(opened.error().message.find("ends at entry 3, but entry 9 was committed"), std::string::npos);
}

// Power cuts at every write of a random history: what was reported written is there, as it was.
TEST_F(LogStoreTest, NothingWrittenIsLostWhereverThePowerIsCut) {
  for (uint64_t cut = 1; cut <= 60; ++cut) {
    store.reset();
    ASSERT_TRUE(storage::Database::destroy({.path = "/raft", .env = &env}).has_value());
    reopen();
    std::mt19937_64 random(cut);
    std::vector<uint64_t> durable_terms;  // of entries 1 …
    std::vector<uint64_t> terms;
    uint64_t term = 1;
    env.cut_power_after(cut);
    for (int step = 0; step < 200; ++step) {
      if (random() % 8 == 0 && !terms.empty()) {
        ++term;
        terms.resize(terms.size() - random() % std::min<size_t>(terms.size(), 5));
      }
      int count = 1 + static_cast<int>(random() % 4);
      store->stage(ready(terms.size() + 1, count, term, 0, 200));
      terms.insert(terms.end(), static_cast<size_t>(count), term);
      if (step % 50 == 49 && !store->flush()) break;
      if (!write()) break;
      durable_terms = terms;
    }
    lose_power();
    ASSERT_GE(store->last_index().value + 5, durable_terms.size()) << cut;
    // The write that failed may have arrived whole; otherwise all is as last reported.
    bool old_state = store->last_index().value == durable_terms.size();
    const auto& expected = old_state ? durable_terms : terms;
    ASSERT_EQ(store->last_index().value, expected.size()) << cut;
    for (size_t i = 0; i < expected.size(); ++i) {
      if (store->term(LogIndex(i + 1)) == Term(expected[i])) continue;
      ASSERT_EQ(store->term(LogIndex(i + 1)), Term(terms.at(i))) << cut;  // same length, the newer content
    }
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(at(i + 1), fmt::format("{}/{}", i + 1, store->term(LogIndex(i + 1))->value)) << cut;
    }
  }
}

TEST(LogFormat, DamagedValuesAreRefused) {
  LogEntry entry{LogIndex(7), Term(300), EntryType::kConfChangeV2, "data", "context"};
  Bytes value = log_format::encode_entry(entry);
  EXPECT_EQ(log_format::decode_entry(LogIndex(7), value).value(), entry);
  for (size_t size = 0; size < 4; ++size) {
    EXPECT_FALSE(log_format::decode_entry(LogIndex(7), ByteView(value).substr(0, size)).has_value());
  }
  value[0] = 9;
  EXPECT_FALSE(log_format::decode_entry(LogIndex(7), value).has_value());
  ConfState conf{{1, 2}, {3}, {1}, {4}, true};
  Bytes encoded = log_format::encode_conf(conf);
  EXPECT_EQ(log_format::decode_conf(encoded).value(), conf);
  EXPECT_FALSE(log_format::decode_conf(encoded + "x").has_value());
  EXPECT_FALSE(log_format::decode_conf(encoded.substr(0, encoded.size() - 1)).has_value());
  EXPECT_FALSE(log_format::decode_numbers("1234567", 1).has_value());
}

}  // namespace
}  // namespace ipfsc::consensus
