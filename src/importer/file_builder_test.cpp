#include <random>

#include "gtest/gtest.h"
#include "importer/test_blocks.h"
#include "ipld/multihash.h"

namespace ipfsc::importer {
namespace {

ImportOptions valid(ImportOptions options) {
  auto result = ImportOptions::validate(std::move(options));
  CHECK(result.has_value());
  return *result;
}

Result<FileRoot> build(const ImportOptions& options, const BlockSink& sink, ByteView content) {
  FileBuilder file(options, sink);
  TRY(file.write(content));
  return file.finish();
}

TEST(FileBuilder, AnySplitOfWritesGivesTheSameRoot) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; round++) {
    SCOPED_TRACE(round);
    auto chunk_bytes = 1 + random() % 50;
    auto options = valid({.chunker = "size-" + std::to_string(chunk_bytes),
                          .cid_version = int(random() % 2),
                          .raw_leaves = random() % 2 == 0});
    Bytes content = generated_content(random() % 20'000, round);
    TestBlocks at_once, split;
    auto expected = build(options, at_once.sink(), content);
    ASSERT_TRUE(expected);

    FileBuilder file(options, split.sink());
    size_t max_piece_bytes = 1 + random() % 300;
    for (ByteView rest = content; !rest.empty();) {
      auto piece = rest.substr(0, random() % (max_piece_bytes + 1));
      ASSERT_TRUE(file.write(piece));
      rest.remove_prefix(piece.size());
      EXPECT_EQ(file.bytes_written(), content.size() - rest.size());
    }
    auto root = file.finish();
    ASSERT_TRUE(root);
    EXPECT_EQ(root->cid, expected->cid);
    EXPECT_EQ(root->cumulative_size, expected->cumulative_size);
    EXPECT_EQ(split.emitted(), at_once.emitted());
  }
}

TEST(FileBuilder, TheDagReadsBackToTheSameBytes) {
  for (bool raw_leaves : {false, true}) {
    auto options = valid({.chunker = "size-16", .cid_version = 1, .raw_leaves = raw_leaves});
    for (size_t size : {0, 1, 15, 16, 17, 174 * 16, 174 * 16 + 1, 174 * 174 * 16 + 1}) {
      SCOPED_TRACE(size);
      Bytes content = generated_content(size, 1);
      TestBlocks blocks;
      auto root = build(options, blocks.sink(), content);
      ASSERT_TRUE(root) << root.error().message;
      EXPECT_EQ(blocks.read(root->cid), content);
      EXPECT_EQ(root->file_size, size);
      EXPECT_EQ(root->cumulative_size, blocks.cumulative_size(root->cid));
    }
  }
}

TEST(FileBuilder, EveryHashFunctionMakesBlocksThatVerify) {
  for (auto code : {ipld::HashCode::kSha2_256, ipld::HashCode::kSha2_512, ipld::HashCode::kSha3_256,
                    ipld::HashCode::kBlake2b256, ipld::HashCode::kBlake2s256}) {
    auto options = valid({.chunker = "size-64", .cid_version = 1, .hash_code = uint64_t(code)});
    TestBlocks blocks;
    Bytes content = generated_content(1000, 1);
    auto root = build(options, blocks.sink(), content);
    ASSERT_TRUE(root);
    EXPECT_EQ(root->cid.hash_code(), uint64_t(code));
    EXPECT_EQ(blocks.read(root->cid), content);
  }
}

TEST(FileBuilder, AnIdentityCidTooLongIsRefused) {
  auto options = valid({.cid_version = 1, .raw_leaves = true, .hash_code = uint64_t(ipld::HashCode::kIdentity)});
  TestBlocks blocks;
  EXPECT_TRUE(build(options, blocks.sink(), Bytes(128, 'x')));
  auto refused = build(options, blocks.sink(), Bytes(129, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
}

TEST(FileBuilder, AnErrorOfTheSinkComesBack) {
  auto options = valid({.chunker = "size-16"});
  for (int good_blocks : {0, 1, 174, 175}) {
    int left = good_blocks;
    BlockSink sink = [&](ipld::Block&&) -> Result<> {
      if (left-- == 0) return fail(ErrorKind::kResourceExhausted, "disk full");
      return {};
    };
    auto result = build(options, sink, generated_content(16 * 180, 1));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), (Error{ErrorKind::kResourceExhausted, "disk full"}));
  }
}

TEST(FileBuilder, HoldsOneChunkOnly) {
  auto options = valid({.chunker = "size-1000", .raw_leaves = true});
  size_t emitted_bytes = 0;
  BlockSink sink = [&](ipld::Block&& block) -> Result<> {
    if (block.cid.codec() != ipld::kRaw) return {};
    EXPECT_LE(block.data.capacity(), 1100);
    emitted_bytes += block.data.size();
    return {};
  };
  FileBuilder file(options, sink);
  for (int i = 0; i < 100'000; i += 10) {
    ASSERT_TRUE(file.write("0123456789"));
    EXPECT_LE(file.bytes_written(), emitted_bytes + 1000);
  }
  EXPECT_TRUE(file.finish());
}

}  // namespace
}  // namespace ipfsc::importer
