#include "storage/database.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "storage/fault_env.h"
#include "storage/sorted_file.h"

namespace ipfsc::storage {
namespace {

DatabaseOptions options_in(FaultEnv& env, bool log) {
  DatabaseOptions options;
  options.path = "/db";
  options.env = &env;
  options.families = {{.name = "a"}, {.name = "b", .blobs = true, .min_blob_bytes = 100}};
  options.write_ahead_log = log;
  options.background_compaction = false;
  return options;
}

std::unique_ptr<Database> open(const DatabaseOptions& options) {
  auto database = Database::open(options);
  EXPECT_TRUE(database.has_value()) << database.error().message;
  return database ? *std::move(database) : nullptr;
}

Result<> put(Database& database, std::string_view family, ByteView key, ByteView value, bool sync = false) {
  WriteBatch batch;
  batch.put(database.family(family), key, value);
  return database.write(batch, sync);
}

std::string get(Database& database, std::string_view family, ByteView key) {
  auto value = database.get(database.family(family), key);
  EXPECT_TRUE(value.has_value());
  return value && *value ? **value : "(none)";
}

TEST(Database, KeepsFamiliesApartAndReopens) {
  FaultEnv env;
  {
    auto database = open(options_in(env, true));
    ASSERT_TRUE(put(*database, "a", "k", "1"));
    ASSERT_TRUE(put(*database, "b", "k", std::string(1000, 'x')));
  }
  auto database = open(options_in(env, true));
  EXPECT_EQ(get(*database, "a", "k"), "1");
  EXPECT_EQ(get(*database, "b", "k"), std::string(1000, 'x'));
  EXPECT_EQ(get(*database, "a", "other"), "(none)");
  EXPECT_EQ(*database->contains(database->family("b"), "k"), true);
  EXPECT_EQ(*database->contains(database->family("b"), "l"), false);
}

TEST(Database, IsRemovedWhetherItIsThereOrNot) {
  auto path = std::filesystem::path(::testing::TempDir()) / "database_test_removed";
  std::filesystem::remove_all(path);
  DatabaseOptions options{.path = path.string(), .families = {{.name = "a"}}};
  for (bool there : {false, true}) {
    if (there) ASSERT_TRUE(open(options));
    auto removed = Database::destroy(options);
    EXPECT_TRUE(removed) << removed.error().message;
    EXPECT_FALSE(Database::exists(options.path, nullptr));
  }
}

TEST(Database, OpensOnlyWhatIsThere) {
  FaultEnv env;
  auto options = options_in(env, true);
  options.create_if_missing = false;
  auto missing = Database::open(options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
}

TEST(Database, RefusesADirectoryThatIsInUse) {
  auto path = std::filesystem::temp_directory_path() / fmt::format("ic-storage-{}", getpid());
  std::filesystem::remove_all(path);
  DatabaseOptions options{.path = path, .families = {{.name = "a"}}};
  {
    auto first = open(options);
    auto second = Database::open(options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kFailedPrecondition) << second.error().message;
  }
  EXPECT_TRUE(open(options));
  std::filesystem::remove_all(path);
}

TEST(Database, IteratesWithinBoundsBothWays) {
  FaultEnv env;
  auto database = open(options_in(env, true));
  for (auto key : {"a1", "b1", "b2", "b3", "c1"}) ASSERT_TRUE(put(*database, "a", key, key));
  Iterator it(*database, database->family("a"), {.lower = "b", .upper = prefix_end("b")});
  std::string seen;
  for (it.seek_to_first(); it.valid(); it.next()) seen += std::string(it.key()) + " ";
  EXPECT_EQ(seen, "b1 b2 b3 ");
  EXPECT_TRUE(it.status());
  it.seek_back("b2x");
  ASSERT_TRUE(it.valid());
  EXPECT_EQ(it.value(), "b2");
  it.prev();
  it.prev();
  EXPECT_FALSE(it.valid());
}

TEST(Database, PrefixEndPassesOverHighBytes) {
  EXPECT_EQ(prefix_end("ab"), "ac");
  EXPECT_EQ(prefix_end("a\xff\xff"), "b");
  EXPECT_EQ(prefix_end("\xff"), "");
}

TEST(Database, SnapshotStaysAsItWas) {
  FaultEnv env;
  auto database = open(options_in(env, true));
  ASSERT_TRUE(put(*database, "a", "k", "old"));
  Snapshot snapshot(*database);
  ASSERT_TRUE(put(*database, "a", "k", "new"));
  Bytes value;
  ASSERT_TRUE(*database->get(database->family("a"), "k", value, &snapshot));
  EXPECT_EQ(value, "old");
  EXPECT_EQ(get(*database, "a", "k"), "new");
}

TEST(Database, ManyKeysAtOnce) {
  FaultEnv env;
  auto database = open(options_in(env, true));
  ASSERT_TRUE(put(*database, "a", "1", "one"));
  ASSERT_TRUE(put(*database, "a", "3", "three"));
  auto values = database->get_many(database->family("a"), {"1", "2", "3"});
  ASSERT_TRUE(values);
  EXPECT_EQ((*values)[0], "one");
  EXPECT_EQ((*values)[1], std::nullopt);
  EXPECT_EQ((*values)[2], "three");
}

TEST(Database, PowerCutLosesWhatWasNotSynced) {
  FaultEnv env;
  {
    auto database = open(options_in(env, true));
    ASSERT_TRUE(put(*database, "a", "synced", "1", /*sync=*/true));
    ASSERT_TRUE(put(*database, "a", "not synced", "1"));
    env.cut_power();
    EXPECT_FALSE(put(*database, "a", "after", "1", true));
  }
  env.restore_power();
  auto database = open(options_in(env, true));
  EXPECT_EQ(get(*database, "a", "synced"), "1");
  EXPECT_EQ(get(*database, "a", "not synced"), "(none)");
}

TEST(Database, WithoutLogAFlushIsWhatLasts) {
  FaultEnv env;
  {
    auto database = open(options_in(env, false));
    ASSERT_TRUE(put(*database, "a", "1", "flushed"));
    ASSERT_TRUE(put(*database, "b", "1", std::string(500, 'b')));
    ASSERT_TRUE(database->flush());
    ASSERT_TRUE(put(*database, "a", "2", "not"));
    env.cut_power();
  }
  env.restore_power();
  auto database = open(options_in(env, false));
  EXPECT_EQ(get(*database, "a", "1"), "flushed");
  EXPECT_EQ(get(*database, "b", "1"), std::string(500, 'b'));
  EXPECT_EQ(get(*database, "a", "2"), "(none)");
}

TEST(Database, CheckpointWithoutLogIsComplete) {
  FaultEnv env;
  auto database = open(options_in(env, false));
  ASSERT_TRUE(put(*database, "a", "1", "one"));
  ASSERT_TRUE(put(*database, "b", "1", std::string(500, 'b')));
  ASSERT_TRUE(database->checkpoint("/copy"));
  ASSERT_TRUE(put(*database, "a", "1", "changed"));
  auto options = options_in(env, false);
  options.path = "/copy";
  auto copy = open(options);
  EXPECT_EQ(get(*copy, "a", "1"), "one");
  EXPECT_EQ(get(*copy, "b", "1"), std::string(500, 'b'));
}

TEST(Database, FullDiskIsSaidPlainly) {
  FaultEnv env;
  auto database = open(options_in(env, true));
  env.fail_after(1, FaultEnv::Fault::kNoSpace);
  auto result = put(*database, "a", "k", "v", true);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_NE(result.error().message.find("disk is full"), std::string::npos) << result.error().message;
}

TEST(Database, KeepsNoLogBesideTheData) {
  FaultEnv env;
  auto database = open(options_in(env, true));
  EXPECT_FALSE(env.FileExists("/db/LOG").ok());  // a full disk would end the process on its next message
}

TEST(Database, TakesOverSortedFiles) {
  FaultEnv env;
  auto options = options_in(env, false);
  auto database = open(options);
  ASSERT_TRUE(put(*database, "a", "k1", "old"));
  SortedFileWriter writer(options, options.families[0]);
  ASSERT_TRUE(writer.open("/db/bulk.sst"));
  ASSERT_TRUE(writer.put("k1", "new"));
  ASSERT_TRUE(writer.put("k2", "2"));
  ASSERT_TRUE(writer.finish());
  ASSERT_TRUE(database->ingest(database->family("a"), {"/db/bulk.sst"}));
  EXPECT_EQ(get(*database, "a", "k1"), "new");
  EXPECT_EQ(get(*database, "a", "k2"), "2");
}

// Whatever the write at which the power goes: what write(sync) or flush() acknowledged is there afterwards.
TEST(Database, KeepsAcknowledgedRowsWhereverThePowerGoes) {
  for (bool log : {true, false}) {
    uint64_t cuts = 0;
    for (uint64_t k = 1;; ++k) {
      FaultEnv env;
      int acknowledged = -1;
      bool finished = true;
      {
        env.cut_power_after(k);
        auto database = Database::open(options_in(env, log));
        for (int i = 0; database && i < 6; ++i) {
          auto written = put(**database, i % 2 ? "b" : "a", std::to_string(i), std::string(200, 'v'), log);
          if (written && !log) written = (*database)->flush();
          if (!written) break;
          acknowledged = i;
        }
        finished = acknowledged == 5;
        env.cut_power();
      }
      env.restore_power();
      auto database = open(options_in(env, log));
      ASSERT_TRUE(database) << "cut at " << k;
      for (int i = 0; i <= acknowledged; ++i) {
        EXPECT_EQ(get(*database, i % 2 ? "b" : "a", std::to_string(i)), std::string(200, 'v')) << "cut at " << k;
      }
      if (finished) break;
      ++cuts;
    }
    EXPECT_GT(cuts, 20u);
  }
}

}  // namespace
}  // namespace ipfsc::storage
