#include "importer/chunker.h"

#include "gtest/gtest.h"
#include "importer/importer.h"
#include "ipld/multihash.h"

namespace ipfsc::importer {
namespace {

ErrorKind kind_of(std::string_view chunker) { return Chunker::parse(chunker).error().kind; }

TEST(Chunker, ParsesSizes) {
  EXPECT_EQ(Chunker::parse("size-1")->max_chunk_bytes(), 1);
  EXPECT_EQ(Chunker::parse("size-2096896")->max_chunk_bytes(), 2'096'896);
  EXPECT_EQ(Chunker::parse("")->max_chunk_bytes(), 262'144);
  EXPECT_EQ(Chunker::parse("default")->max_chunk_bytes(), 262'144);
}

TEST(Chunker, RefusesOtherTexts) {
  for (auto text : {"size", "size-", "size-0", "size--1", "size-+5", "size-12x", "size- 12", "size-2096897", "SIZE-12",
                    "size-99999999999999999999999", "cow", "-", "siz-12", "size-0x10"}) {
    EXPECT_EQ(kind_of(text), ErrorKind::kInvalidArgument) << text;
  }
  for (auto text : {"rabin", "rabin-1000", "rabin-1-2-3", "buzhash"}) {
    EXPECT_EQ(kind_of(text), ErrorKind::kUnimplemented) << text;
    EXPECT_NE(Chunker::parse(text).error().message.find(text), std::string::npos);
  }
}

TEST(Chunker, CutsWhereTheSizeIsReached) {
  auto chunker = *Chunker::parse("size-4");
  auto cut = chunker.take("abc");
  EXPECT_EQ(cut.bytes, 3);
  EXPECT_FALSE(cut.ends);
  cut = chunker.take("defgh");
  EXPECT_EQ(cut.bytes, 1);
  EXPECT_TRUE(cut.ends);
  cut = chunker.take("efgh");
  EXPECT_EQ(cut.bytes, 4);
  EXPECT_TRUE(cut.ends);
}

TEST(ImportOptions, FillsInDefaults) {
  auto options = ImportOptions::validate({.chunker = "", .layout = ""});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->chunker, "size-262144");
  EXPECT_EQ(options->layout, "balanced");
}

TEST(ImportOptions, RefusesWhatCannotBeDone) {
  auto kind = [](ImportOptions options) {
    auto result = ImportOptions::validate(options);
    EXPECT_FALSE(result);
    EXPECT_FALSE(result.error().message.empty());
    return result.error().kind;
  };
  EXPECT_EQ(kind({.layout = "trickle"}), ErrorKind::kUnimplemented);
  EXPECT_EQ(kind({.layout = "cow"}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind({.chunker = "cow"}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind({.cid_version = 2}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind({.cid_version = -1}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind({.cid_version = 0, .hash_code = uint64_t(ipld::HashCode::kSha2_512)}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind({.cid_version = 1, .hash_code = 0x1012}), ErrorKind::kUnimplemented);
  EXPECT_EQ(kind({.cid_version = 1, .hash_code = 0xb201}), ErrorKind::kInvalidArgument);  // 8 bits of BLAKE2
  EXPECT_TRUE(ImportOptions::validate({.cid_version = 1, .hash_code = 0xb220}));
}

}  // namespace
}  // namespace ipfsc::importer
