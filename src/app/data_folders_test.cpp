#include "app/data_folders.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace ipfsc::app {
namespace {

namespace fs = std::filesystem;

class DataFoldersTest : public testing::Test {
 protected:
  DataFoldersTest() {
    char name[] = "/tmp/data-folders-XXXXXX";
    root_ = ::mkdtemp(name);
    config_.folder = root_;
    folders_.emplace(config_);
  }
  ~DataFoldersTest() override { fs::remove_all(root_); }

  void put(const std::string& folder, const std::string& text) {
    fs::create_directories(folder);
    std::ofstream(folder + "/content") << text;
  }
  std::string get(const std::string& folder) {
    std::ifstream in(folder + "/content");
    std::string text;
    in >> text;
    return text;
  }

  std::string root_;
  config::Configuration config_;
  std::optional<DataFolders> folders_;
};

TEST_F(DataFoldersTest, BackupsRotateAndTheOldestGoes) {
  for (const char* version : {"1", "2", "3", "4"}) {
    put(folders_->raft, std::string("log") + version);
    put(folders_->state, std::string("state") + version);
    ASSERT_TRUE(set_data_aside(*folders_, 3, false));
  }
  EXPECT_FALSE(fs::exists(folders_->raft));
  EXPECT_FALSE(fs::exists(folders_->state));
  EXPECT_EQ(get(root_ + "/raft.old.0"), "log4");
  EXPECT_EQ(get(root_ + "/raft.old.0/state"), "state4");
  EXPECT_EQ(get(root_ + "/raft.old.2"), "log2");
  EXPECT_FALSE(fs::exists(root_ + "/raft.old.3"));
}

TEST_F(DataFoldersTest, NothingThereIsNoBackup) {
  ASSERT_TRUE(set_data_aside(*folders_, 3, true));
  EXPECT_FALSE(fs::exists(root_ + "/raft.old.0"));
}

TEST_F(DataFoldersTest, TheTableGoesOnlyWhenAsked) {
  put(folders_->state, "s");
  put(folders_->local, "l");
  ASSERT_TRUE(set_data_aside(*folders_, 3, false));
  EXPECT_TRUE(fs::exists(folders_->local));
  ASSERT_TRUE(set_data_aside(*folders_, 3, true));
  EXPECT_EQ(get(root_ + "/raft.old.0/local"), "l");
}

TEST_F(DataFoldersTest, ReplacementCanBeCutAnywhere) {
  put(folders_->state, "old");
  put(folders_->raft, "log");
  put(folders_->new_state, "new");
  // Before it began: the old data stays.
  ASSERT_TRUE(finish_replacement(*folders_));
  EXPECT_EQ(get(folders_->state), "old");
  // After the log was set aside: still the old state.
  fs::rename(folders_->raft, root_ + "/raft.old.0");
  ASSERT_TRUE(finish_replacement(*folders_));
  EXPECT_EQ(get(folders_->state), "old");
  // After the state was set aside: the new one.
  fs::rename(folders_->state, root_ + "/raft.old.0/state");
  ASSERT_TRUE(finish_replacement(*folders_));
  EXPECT_EQ(get(folders_->state), "new");
  EXPECT_FALSE(fs::exists(folders_->new_state));
}

TEST_F(DataFoldersTest, ReplacesBoth) {
  put(folders_->state, "old");
  put(folders_->raft, "log");
  put(folders_->new_state, "new");
  ASSERT_TRUE(replace_state(*folders_, 3));
  EXPECT_EQ(get(folders_->state), "new");
  EXPECT_FALSE(fs::exists(folders_->raft));
  EXPECT_EQ(get(root_ + "/raft.old.0/state"), "old");
}

}  // namespace
}  // namespace ipfsc::app
