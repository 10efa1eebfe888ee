#include "app/formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace ipfsc::app {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FormatsTest : public testing::Test {
 protected:
  FormatsTest() {
    char name[] = "/tmp/formats-XXXXXX";
    root_ = ::mkdtemp(name);
  }
  ~FormatsTest() override { fs::remove_all(root_); }

  /// A folder with a file that is written to and one that never changes.
  FolderFormat folder(const std::string& name, std::optional<uint32_t> found, uint32_t known) {
    FolderFormat out{.name = name, .path = root_ + "/" + name, .found = found, .known = known};
    if (!found) return out;
    fs::create_directory(out.path);
    write(out.path + "/CURRENT", std::to_string(*found));
    write(out.path + "/1.sst", "rows");
    return out;
  }
  static void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  static std::string read(const std::string& path) {
    std::ifstream in(path);
    std::string text;
    in >> text;
    return text;
  }
  static Migration step(std::string folder, uint32_t from) {
    return {.folder = std::move(folder), .from = from, .what = "a step", .run = [from](const std::string& path) {
              EXPECT_EQ(read(path + "/CURRENT"), std::to_string(from));
              write(path + "/CURRENT", std::to_string(from + 1));
              return Result<>();
            }};
  }
  Result<UpgradeReport> upgrade(const std::vector<FolderFormat>& folders, const std::vector<Migration>& steps) {
    return upgrade_folders(folders, steps, root_ + "/backup", 2,
                           [this](std::string_view step) { said_ += std::string(step) + "\n"; });
  }

  std::string root_, said_;
};

TEST_F(FormatsTest, OlderFoldersGoThroughAllTheirStepsAndAreKept) {
  std::vector folders{folder("state", 1, 3), folder("raft", 1, 1), folder("local", std::nullopt, 2)};
  auto report = upgrade(folders, {step("local", 1), step("state", 1), step("raft", 7), step("state", 2)});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->folders.size(), 1u);
  EXPECT_EQ(report->folders[0].to, 3u);
  EXPECT_EQ(report->backup, root_ + "/backup.0");
  EXPECT_EQ(said_, "copying state\nstate: format 1 becomes 2: a step\nstate: format 2 becomes 3: a step\n");
  EXPECT_EQ(read(root_ + "/state/CURRENT"), "3");
  EXPECT_EQ(read(root_ + "/backup.0/state/CURRENT"), "1");
  EXPECT_EQ(read(root_ + "/state/1.sst"), "rows");
  struct ::stat file{};
  ASSERT_EQ(::stat((root_ + "/state/1.sst").c_str(), &file), 0);
  EXPECT_EQ(file.st_nlink, 2u) << "costs no space";
  EXPECT_FALSE(fs::exists(root_ + "/backup.0/raft"));
  EXPECT_FALSE(fs::exists(root_ + "/state.upgrade"));
  EXPECT_FALSE(fs::exists(root_ + "/local"));
}

TEST_F(FormatsTest, NothingToUpgradeMakesNoBackup) {
  auto report = upgrade({folder("state", 2, 2), folder("raft", std::nullopt, 1)}, {step("state", 1)});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->folders.empty() && report->backup.empty());
  EXPECT_FALSE(fs::exists(root_ + "/backup.0"));
}

TEST_F(FormatsTest, ANewerFolderIsRefusedBeforeAnythingIsChanged) {
  auto report = upgrade({folder("state", 1, 2), folder("raft", 5, 2)}, {step("state", 1)});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kUnimplemented);
  EXPECT_THAT(report.error().message, HasSubstr("/raft has format 5"));
  EXPECT_EQ(read(root_ + "/state/CURRENT"), "1");
  EXPECT_FALSE(fs::exists(root_ + "/backup.0"));
}

TEST_F(FormatsTest, AStepThatIsMissingOrFailsLeavesEverything) {
  auto missing = upgrade({folder("state", 1, 3)}, {step("state", 1)});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no way from format 1"));
  Migration fails{.folder = "raft", .from = 1, .what = "a step", .run = [](const std::string& path) -> Result<> {
                    write(path + "/CURRENT", "half");
                    return fail(ErrorKind::kUnavailable, "no space");
                  }};
  auto failed = upgrade({folder("state", 1, 2), folder("raft", 1, 2)}, {step("state", 1), fails});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("no space"));
  EXPECT_EQ(read(root_ + "/state/CURRENT"), "1");
  EXPECT_EQ(read(root_ + "/raft/CURRENT"), "1");
  EXPECT_FALSE(fs::exists(root_ + "/backup.0"));
}

TEST_F(FormatsTest, WhatACrashLeavesIsOldOrNew) {
  auto state = folder("state", 1, 2);
  fs::create_directory(state.path + ".upgrade");
  ASSERT_TRUE(finish_upgrade(state.path));
  EXPECT_EQ(read(state.path + "/CURRENT"), "1");
  EXPECT_FALSE(fs::exists(state.path + ".upgrade"));
  fs::rename(state.path, state.path + ".upgrade");  // the old one has gone to the backup
  ASSERT_TRUE(finish_upgrade(state.path));
  EXPECT_EQ(read(state.path + "/CURRENT"), "1");
  ASSERT_TRUE(finish_upgrade(state.path));
  ASSERT_TRUE(finish_upgrade(root_ + "/none"));
}

TEST_F(FormatsTest, EveryMigrationOfThisProgramIsInItsOrder) {
  for (const char* name : {"state", "raft", "local", "ipfs"}) {
    uint32_t next = 0;
    for (const auto& migration : migrations()) {
      if (migration.folder != name) continue;
      EXPECT_TRUE(next == 0 || migration.from == next) << name;
      next = migration.from + 1;
    }
  }
}

}  // namespace
}  // namespace ipfsc::app
