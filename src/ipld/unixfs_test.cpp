#include "ipld/unixfs.h"

#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

TEST(UnixFs, EncodesAsKubo) {
  EXPECT_EQ(to_hex(encode_unixfs({.type = UnixFsType::kDirectory})), "0801");
  EXPECT_EQ(to_hex(encode_unixfs({.type = UnixFsType::kFile, .file_size = 0})), "08021800");
  EXPECT_EQ(to_hex(encode_unixfs({.type = UnixFsType::kFile, .data = "hello world\n", .file_size = 12})),
            "0802120c68656c6c6f20776f726c640a180c");
  EXPECT_EQ(to_hex(encode_unixfs({.type = UnixFsType::kFile, .file_size = 300, .block_sizes = {256, 44}})),
            "080218ac02208002202c");
  EXPECT_EQ(to_hex(encode_unixfs({.type = UnixFsType::kSymlink, .data = "a/b"})), "08041203612f62");
  EXPECT_EQ(to_hex(encode_unixfs({.type = UnixFsType::kHamtShard, .data = "\x05", .hash_type = 0x22, .fanout = 256})),
            "0805120105282230"
            "8002");
  EXPECT_EQ(to_hex(encode_unixfs({.type = UnixFsType::kFile, .mode = 0644, .mtime = UnixFsTime{-1, 5}})),
            "080238a4034210"
            "08ffffffffffffffffff01"
            "1505000000");
}

TEST(UnixFs, DecodesWhatItEncodes) {
  Random random(6);
  for (int i = 0; i < 5000; ++i) {
    UnixFs node{.type = static_cast<UnixFsType>(random.below(6))};
    if (random.below(2)) node.data = random.bytes(random.below(20));
    if (random.below(2)) node.file_size = random.below(~size_t{0});
    for (size_t n = random.below(4); n > 0; --n) node.block_sizes.push_back(random.below(1 << 30));
    if (random.below(4) == 0) node.hash_type = 0x22;
    if (random.below(4) == 0) node.fanout = 256;
    if (random.below(4) == 0) node.mode = static_cast<uint32_t>(random.below(1 << 30));
    if (random.below(4) == 0) node.mtime = UnixFsTime{static_cast<int64_t>(random.below(1 << 30)) - (1 << 29), {}};
    if (node.mtime && random.below(2)) node.mtime->nanoseconds = static_cast<uint32_t>(random.below(1'000'000'000));
    Bytes bytes = encode_unixfs(node);
    ASSERT_EQ(decode_unixfs(bytes), node) << to_hex(bytes);
    auto mutated = decode_unixfs(random.mutate(bytes));
    if (mutated) ASSERT_EQ(decode_unixfs(encode_unixfs(*mutated)), *mutated);
  }
}

TEST(UnixFs, TakesWhatProtobufAllows) {
  // Packed block sizes, fields out of order, an unknown field, a doubled scalar.
  auto node =
      decode_unixfs(hex("2203"
                        "01ac02"
                        "1805"
                        "1807"
                        "7a0178"
                        "0802"));
  ASSERT_TRUE(node.has_value()) << node.error().message;
  EXPECT_EQ(*node, (UnixFs{.type = UnixFsType::kFile, .file_size = 7, .block_sizes = {1, 300}}));
}

TEST(UnixFs, RefusesMalformedBytes) {
  std::pair<std::string_view, std::string_view> cases[] = {
      {"", "no type"},
      {"1200", "no type"},
      {"0806", "unknown type 6"},
      {"0a00", "wire type"},
      {"08021205", "5 bytes"},
      {"0802"
       "38ffffffffff01",
       "32 bits"},
      {"08022a00", "wire type"},
      {"08024200", "without seconds"},
      {"0802420708011500"
       "ca9a3b",
       "nanoseconds"},
      {"0802"
       "2202"
       "ff",
       "announces"},
      {"080222"
       "01ff",
       "truncated"},
  };
  for (const auto& [text, why] : cases) {
    auto node = decode_unixfs(hex(text));
    EXPECT_EQ(kind(node), ErrorKind::kInvalidArgument) << text;
    EXPECT_THAT(message(node), testing::HasSubstr(std::string(why))) << text;
  }
}

}  // namespace
}  // namespace ipfsc::ipld
