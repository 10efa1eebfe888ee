#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "importer/test_blocks.h"

namespace ipfsc::importer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Tree : public testing::Test {
 protected:
  void start(ImportOptions options = {}) {
    options_ = *ImportOptions::validate(std::move(options));
    tree_.emplace(options_, blocks_.sink());
    report_.clear();
  }

  FileRoot root_of(ByteView content) {
    FileBuilder file(options_, blocks_.sink());
    CHECK(file.write(content).has_value());
    return *file.finish();
  }

  std::optional<Error> file(std::string_view path, ByteView content = "content") {
    return keep(tree_->add_file(path, root_of(content)));
  }
  std::optional<Error> link(std::string_view path, std::string_view target) {
    return keep(tree_->add_symlink(path, target));
  }
  std::optional<Error> directory(std::string_view path) { return keep(tree_->add_directory(path)); }
  std::optional<Error> finish() { return keep(tree_->finish()); }

  std::optional<Error> keep(Result<std::vector<AddedNode>> nodes) {
    if (!nodes) return nodes.error();
    for (auto& node : *nodes) {
      report_.push_back(node.name);
      last_ = node;
    }
    return std::nullopt;
  }

  ErrorKind refusal(std::optional<Error> error) {
    EXPECT_TRUE(error.has_value());
    return error ? error->kind : ErrorKind::kUnknown;
  }

  std::vector<std::string> names_in(const ipld::Cid& directory) {
    std::vector<std::string> names;
    for (auto& link : blocks_.node(directory).links) names.push_back(link.name);
    return names;
  }

  TestBlocks blocks_;
  ImportOptions options_;
  std::optional<TreeBuilder> tree_;
  std::vector<std::string> report_;
  AddedNode last_;
};

TEST_F(Tree, ReportsTopLevelEntriesOneAfterAnother) {
  start();
  EXPECT_FALSE(file("b/z"));
  EXPECT_FALSE(file("b/sub/y"));
  EXPECT_FALSE(file("b/a"));
  EXPECT_THAT(report_, ElementsAre("b/z", "b/sub/y", "b/a"));
  EXPECT_FALSE(file("a"));
  EXPECT_THAT(report_, ElementsAre("b/z", "b/sub/y", "b/a", "b/sub", "b", "a"));
  EXPECT_FALSE(directory("c/d"));
  EXPECT_FALSE(finish());
  EXPECT_THAT(report_, ElementsAre("b/z", "b/sub/y", "b/a", "b/sub", "b", "a", "c/d", "c"));
  EXPECT_EQ(tree_->root(), last_);
}

TEST_F(Tree, AFileAtTheEndIsTheRoot) {
  start();
  EXPECT_FALSE(directory("dir"));
  EXPECT_FALSE(file("file"));
  EXPECT_FALSE(finish());
  EXPECT_THAT(report_, ElementsAre("dir", "file"));
  EXPECT_EQ(tree_->root().name, "file");
}

TEST_F(Tree, WrapPutsEverythingUnderOneUnnamedDirectory) {
  start({.wrap = true});
  EXPECT_FALSE(file("b/z"));
  EXPECT_FALSE(link("link", "b/z"));
  EXPECT_FALSE(file("b/a"));
  EXPECT_FALSE(finish());
  EXPECT_THAT(report_, ElementsAre("b/z", "link", "b/a", "b", ""));
  EXPECT_THAT(names_in(tree_->root().cid), ElementsAre("b", "link"));
}

TEST_F(Tree, DirectoriesAreSortedBytewise) {
  start();
  for (auto name : {"d/é", "d/b", "d/a.b", "d/B", "d/a", "d/a/.x"}) {
    if (std::string_view(name) != "d/a") EXPECT_FALSE(file(name));
  }
  EXPECT_FALSE(finish());
  EXPECT_THAT(names_in(tree_->root().cid), ElementsAre("B", "a", "a.b", "b", "é"));
}

TEST_F(Tree, SizesAreCumulative) {
  start();
  EXPECT_FALSE(file("d/x", "same"));
  EXPECT_FALSE(file("d/y", "same"));
  EXPECT_FALSE(finish());
  auto leaf = root_of("same");
  EXPECT_EQ(tree_->root().cumulative_size, blocks_.at(tree_->root().cid).size() + 2 * blocks_.at(leaf.cid).size());
  EXPECT_EQ(blocks_.node(tree_->root().cid).links[0].tsize, leaf.cumulative_size);
}

TEST_F(Tree, ASymlinkKeepsItsTarget) {
  start();
  EXPECT_FALSE(link("link", "../ünï/x"));
  EXPECT_FALSE(finish());
  auto node = blocks_.unixfs(tree_->root().cid);
  EXPECT_EQ(node.type, ipld::UnixFsType::kSymlink);
  EXPECT_EQ(node.data, "../ünï/x");
  start({.max_symlink_bytes = 3});
  EXPECT_FALSE(link("link", "abc"));
  EXPECT_EQ(refusal(link("other", "abcd")), ErrorKind::kInvalidArgument);
}

TEST_F(Tree, APartWithoutAName) {
  start();
  EXPECT_FALSE(file(""));
  EXPECT_FALSE(finish());
  EXPECT_THAT(report_, ElementsAre(""));
  EXPECT_EQ(tree_->root().cid, root_of("content").cid);

  start({.wrap = true});
  EXPECT_FALSE(file(""));
  EXPECT_FALSE(finish());
  EXPECT_THAT(report_, ElementsAre(root_of("content").cid.to_string(), ""));
  EXPECT_THAT(names_in(tree_->root().cid), ElementsAre(root_of("content").cid.to_string()));

  start();
  EXPECT_EQ(refusal(directory("")), ErrorKind::kInvalidArgument);
  EXPECT_EQ(refusal(directory("/")), ErrorKind::kInvalidArgument);
}

TEST_F(Tree, AnEmptyUpload) {
  start();
  EXPECT_EQ(refusal(finish()), ErrorKind::kInvalidArgument);
  start({.wrap = true});
  EXPECT_FALSE(finish());
  EXPECT_THAT(names_in(tree_->root().cid), IsEmpty());
}

TEST_F(Tree, RefusesBadPaths) {
  using std::string_view_literals::operator""sv;
  for (auto path : {"a//b"sv, "//a"sv, "a/"sv, ".."sv, "."sv, "../a"sv, "a/../b"sv, "a/./b"sv, "a/.."sv, "/../a"sv,
                    "a\0b"sv, "a/b/"sv}) {
    start();
    EXPECT_EQ(refusal(file(path)), ErrorKind::kInvalidArgument) << path;
    EXPECT_EQ(refusal(link(path, "x")), ErrorKind::kInvalidArgument) << path;
  }
  start();
  EXPECT_EQ(refusal(directory("a//")), ErrorKind::kInvalidArgument);
  EXPECT_FALSE(directory("a/"));
  EXPECT_FALSE(file("/a/b"));
  EXPECT_FALSE(file("a/..b..c"));
  EXPECT_FALSE(finish());
  EXPECT_THAT(report_, ElementsAre("a/b", "a/..b..c", "a"));
}

TEST_F(Tree, BoundsOfPathsAndEntries) {
  start({.max_name_bytes = 5, .max_depth = 3, .max_entries = 4});
  EXPECT_EQ(refusal(file("123456")), ErrorKind::kInvalidArgument);
  EXPECT_EQ(refusal(file("a/b/c/d")), ErrorKind::kInvalidArgument);
  EXPECT_FALSE(file("a/b/12345"));
  EXPECT_FALSE(file("a/b/x"));
  EXPECT_FALSE(file("a/b/x"));  // again: no new entry
  EXPECT_EQ(refusal(file("a/b/y")), ErrorKind::kResourceExhausted);
}

TEST_F(Tree, FilesAndDirectoriesDoNotReplaceEachOther) {
  for (bool wrap : {false, true}) {
    start({.wrap = wrap});
    EXPECT_FALSE(file("a/b"));
    EXPECT_EQ(refusal(file("a/b/c")), ErrorKind::kInvalidArgument);
    EXPECT_EQ(refusal(directory("a/b")), ErrorKind::kInvalidArgument);
    EXPECT_EQ(refusal(file("a")), ErrorKind::kInvalidArgument);
    EXPECT_EQ(refusal(link("a", "x")), ErrorKind::kInvalidArgument);
    start({.wrap = wrap});
    EXPECT_FALSE(file("a"));
    EXPECT_EQ(refusal(file("a/b")), ErrorKind::kInvalidArgument);
  }
}

TEST_F(Tree, TheSamePathTwice) {
  start();
  EXPECT_FALSE(directory("a"));
  EXPECT_FALSE(file("a/b", "1"));
  EXPECT_FALSE(file("a/b", "1"));
  EXPECT_FALSE(directory("a"));
  EXPECT_EQ(refusal(file("a/b", "2")), ErrorKind::kInvalidArgument);
  start();
  EXPECT_FALSE(file("a", "1"));
  EXPECT_FALSE(file("b", "2"));
  EXPECT_FALSE(file("a", "1"));
  EXPECT_FALSE(finish());
  EXPECT_EQ(tree_->root().name, "a");
}

TEST_F(Tree, ATopLevelDirectoryIsNotReopened) {
  start();
  EXPECT_FALSE(file("a/x"));
  EXPECT_FALSE(file("b/x"));
  EXPECT_EQ(refusal(file("a/y")), ErrorKind::kInvalidArgument);
  start({.wrap = true});
  EXPECT_FALSE(file("a/x"));
  EXPECT_FALSE(file("b/x"));
  EXPECT_FALSE(file("a/y"));
  EXPECT_FALSE(finish());
  EXPECT_THAT(report_, ElementsAre("a/x", "b/x", "a/y", "a", "b", ""));
}

TEST_F(Tree, ADirectoryThatKuboWouldShardIsRefused) {
  start({.max_directory_bytes = 3 * (34 + 1)});
  for (auto path : {"d/a", "d/b", "d/c"}) EXPECT_FALSE(file(path));
  auto error = file("d/d");
  EXPECT_EQ(refusal(error), ErrorKind::kUnimplemented);
  EXPECT_THAT(error->message, HasSubstr("'d': 4 entries come to 140 bytes of names and CIDs; above 105 bytes"));

  start({.max_directory_bytes = 2 * (34 + 1)});
  for (auto path : {"d/a/x", "d/b/x"}) EXPECT_FALSE(file(path));
  EXPECT_FALSE(finish());
  start({.max_directory_bytes = 2 * (34 + 1)});
  for (auto path : {"d/a/x", "d/b/x", "d/c/x"}) EXPECT_FALSE(file(path));
  EXPECT_EQ(refusal(finish()), ErrorKind::kUnimplemented);  // a subdirectory's CID counts when it is there

  start({.max_directory_bytes = 35});
  for (auto path : {"a", "b", "c"}) EXPECT_FALSE(file(path));  // there is no directory around them
  EXPECT_FALSE(finish());
  start({.wrap = true, .max_directory_bytes = 35});
  EXPECT_FALSE(file("a"));
  EXPECT_EQ(refusal(file("b")), ErrorKind::kUnimplemented);
}

TEST_F(Tree, ALongPathIsShortInTheMessage) {
  start();
  auto error = file(std::string(100'000, 'x'));
  EXPECT_EQ(refusal(error), ErrorKind::kInvalidArgument);
  EXPECT_LT(error->message.size(), 400);
}

TEST_F(Tree, DeepTreesAreBuilt) {
  start({.max_depth = 256});
  std::string path = "d";
  for (int i = 1; i < 256; i++) path += "/d";
  EXPECT_FALSE(file(path));
  EXPECT_FALSE(finish());
  EXPECT_EQ(report_.size(), 256);
}

}  // namespace
}  // namespace ipfsc::importer
