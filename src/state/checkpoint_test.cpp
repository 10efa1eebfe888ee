#include <gtest/gtest.h>

#include <thread>

#include "state/test_support.h"
#include "storage/folder.h"

namespace ipfsc::state {
namespace {

using namespace testing;

StateInfo inspect(const Fixture& f, const std::string& path) {
  StateOptions options = f.options;
  options.path = path;
  auto info = State::inspect(options);
  EXPECT_TRUE(info) << info.error().message;
  return info ? *info : StateInfo();
}

TEST(StateCheckpoint, HoldsWhatWasAppliedAndSaysIt) {
  Fixture f;
  f.one(put_op(pin_of(1, {1})));
  ASSERT_TRUE(f.state->flush());
  f.one(put_op(pin_of(2, {1})));  // only in memory, and there is no log of the database
  auto info = f.state->checkpoint("/copy");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->applied, LogIndex(2));
  EXPECT_EQ(info->hash, f.state->state_hash());
  f.one(put_op(pin_of(3)));
  EXPECT_EQ(inspect(f, "/copy").applied, LogIndex(2));
  EXPECT_EQ(f.state->checkpoint("/copy").error().kind, ErrorKind::kInvalidArgument) << "a folder is not replaced";
}

TEST(StateCheckpoint, IsWholeWhileEntriesAreApplied) {
  Fixture f;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 1; !done; ++i) f.one(put_op(pin_of(i % 300, {i % 7 + 1})));
  });
  for (int copy = 0; copy < 5; ++copy) {
    auto before = f.state->applied_index();
    auto path = "/copy" + std::to_string(copy);
    auto info = f.state->checkpoint(path);
    EXPECT_TRUE(info) << info.error().message;
    if (!info) break;
    EXPECT_GE(info->applied, before);
    StateOptions options = f.options;
    options.path = path;
    auto opened = State::open(options);
    EXPECT_TRUE(opened) << opened.error().message;
    if (opened) EXPECT_TRUE((*opened)->scan_hash()->equal());
  }
  done = true;
  writer.join();
}

TEST(StateCheckpoint, IsInstalledUnderReaders) {
  Fixture f;
  f.one(put_op(pin_of(1, {1})));
  auto copied = f.state->checkpoint("/copy");
  ASSERT_TRUE(copied);
  f.one(put_op(pin_of(2, {2})));
  auto cursor = f.state->list({});
  ASSERT_TRUE(f.state->install("/copy"));
  EXPECT_EQ(f.state->applied_index(), LogIndex(1));
  EXPECT_EQ(f.state->flushed_index(), LogIndex(1));
  EXPECT_EQ(f.state->state_hash(), copied->hash);
  EXPECT_TRUE(f.state->scan_hash()->equal());
  std::vector<StoredPin> pins;
  EXPECT_EQ((*cursor)->next(pins, 10), 1u);  // it goes on in the new data
  for (const char* gone : {"/copy", "/state.next", "/state.old"}) {
    EXPECT_FALSE(storage::folder_exists(gone, &f.env)) << gone;
  }
  f.one(put_op(pin_of(3)));
  EXPECT_TRUE(f.state->flush());
}

TEST(StateCheckpoint, WhatIsNoStateIsNotInstalled) {
  Fixture f;
  f.one(put_op(pin_of(1)));
  EXPECT_EQ(f.state->install("/nothing").error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(storage::make_folder("/empty", &f.env));
  EXPECT_FALSE(f.state->install("/empty"));
  EXPECT_TRUE(*f.state->get(cid_of(1)));
  f.one(put_op(pin_of(2)));
}

/// The power is cut at every write of an install: the old or the new state is there, whole, and stays.
TEST(StateCheckpoint, WhereverThePowerIsCutOneStateIsWhole) {
  bool finished = false;
  int old_seen = 0, new_seen = 0;
  // Renames come first; opening the new database makes most of the writes.
  for (uint64_t cut = 1; !finished; cut += cut < 12 ? 1 : 7) {
    SCOPED_TRACE(cut);
    Fixture f;
    f.one(put_op(pin_of(1)));
    f.one(put_op(pin_of(2)));
    ASSERT_TRUE(f.state->checkpoint("/copy"));
    f.one(put_op(pin_of(3)));
    ASSERT_TRUE(f.state->flush());
    ASSERT_TRUE(storage::sync_folder("/", &f.env));
    // What a fetched checkpoint has.
    ASSERT_TRUE(storage::sync_folder("/copy", &f.env));
    f.env.cut_power_after(cut);
    finished = f.state->install("/copy").has_value() && !f.env.power_is_cut();
    f.env.cut_power();
    f.state.reset();
    f.env.restore_power();
    for (int again = 0; again < 2; ++again) {
      f.open();
      ASSERT_TRUE(f.state);
      LogIndex applied = f.state->applied_index();
      ASSERT_TRUE(applied == LogIndex(2) || applied == LogIndex(3)) << applied.value;
      if (again == 0) ++(applied == LogIndex(2) ? new_seen : old_seen);
      EXPECT_TRUE(f.state->scan_hash()->equal());
      EXPECT_EQ(f.state->get(cid_of(3))->has_value(), applied == LogIndex(3));
      f.one(put_op(pin_of(9)));
      f.one(remove_op(cid_of(9)));
      f.state.reset();  // without a flush
    }
    for (const char* gone : {"/state.next", "/state.old"}) EXPECT_FALSE(storage::folder_exists(gone, &f.env)) << gone;
  }
  EXPECT_GT(old_seen, 1);
  EXPECT_GT(new_seen, 1);
}

}  // namespace
}  // namespace ipfsc::state
