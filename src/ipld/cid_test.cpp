#include "ipld/cid.h"

#include <unordered_set>

#include "ipld/multibase.h"
#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

constexpr auto kSha2_256 = static_cast<uint64_t>(HashCode::kSha2_256);

struct Vector {
  std::string_view block;  // hex
  uint64_t codec;
  std::string_view v0, v1;
};

// Blocks that every IPFS node knows: no bytes, an empty directory, a file of a dozen bytes, an empty CBOR map.
constexpr Vector kVectors[] = {
    {"", kDagPb, "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n",
     "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
    {"0a020801", kDagPb, "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
     "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"},
    {"0a0408021800", kDagPb, "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
     "bafybeif7ztnhq65lumvvtr4ekcwd2ifwgm3awq4zfr3srh462rwyinlb4y"},
    {"0a120802120c68656c6c6f20776f726c640a180c", kDagPb, "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o",
     "bafybeicg2rebjoofv4kbyovkw7af3rpiitvnl6i7ckcywaq6xjcxnc2mby"},
    {"", kRaw, "", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
    {"68656c6c6f20776f726c640a", kRaw, "", "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"},
    {"a0", kDagCbor, "", "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"},
};

TEST(Cid, NamesTheVectors) {
  for (const auto& v : kVectors) {
    Bytes block = hex(v.block);
    auto v1 = Cid::of(1, v.codec, kSha2_256, block);
    ASSERT_TRUE(v1.has_value());
    EXPECT_EQ(v1->to_string(), v.v1);
    EXPECT_EQ(Cid::parse(v.v1), *v1);
    EXPECT_EQ(v1->version(), 1);
    EXPECT_EQ(v1->codec(), v.codec);
    EXPECT_EQ(v1->hash_code(), kSha2_256);
    EXPECT_EQ(v1->digest(), sha2_256(block));
    EXPECT_TRUE(verify_block(*v1, block).has_value());
    EXPECT_EQ(kind(verify_block(*v1, block + "x")), ErrorKind::kDataLoss);
    if (v.v0.empty()) continue;
    auto v0 = Cid::of(0, v.codec, kSha2_256, block);
    ASSERT_TRUE(v0.has_value());
    EXPECT_EQ(v0->to_string(), v.v0);
    EXPECT_EQ(v0->to_string('z'), v.v0);
    EXPECT_EQ(Cid::parse(v.v0), *v0);
    EXPECT_EQ(Cid::v0(sha2_256(block)), *v0);
    EXPECT_EQ(v0->version(), 0);
    EXPECT_EQ(v0->codec(), kDagPb);
    EXPECT_EQ(v0->multihash(), v1->multihash());
    EXPECT_NE(*v0, *v1);
    EXPECT_TRUE(verify_block(*v0, block).has_value());
  }
}

TEST(Cid, ReadsIdentityAndOtherFunctions) {
  auto empty = Cid::parse("bafkqaaa");
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(empty->digest(), "");
  EXPECT_TRUE(verify_block(*empty, "").has_value());
  EXPECT_EQ(Cid::parse("bafkqabtimvwgy3yk")->digest(), "hello\n");
  auto sha1 = Cid::v1(kRaw, Multihash::wrap(0x11, std::string(20, 'x')));
  EXPECT_EQ(Cid::parse(sha1.to_string()), sha1);
  EXPECT_EQ(kind(verify_block(sha1, "x")), ErrorKind::kUnimplemented);
  EXPECT_THAT(message(verify_block(sha1, "x")), testing::HasSubstr("sha1"));
}

TEST(Cid, ReadsEveryBase) {
  Cid cid = raw_cid("x");
  for (char prefix : std::string_view("fFbBkKzu")) EXPECT_EQ(Cid::parse(cid.to_string(prefix)), cid) << prefix;
  EXPECT_THAT(message(Cid::parse("m" + to_base64(cid.bytes()))), testing::HasSubstr("multibase base64"));
}

TEST(Cid, RefusesWhatIsNone) {
  std::string v0 = "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n";
  std::string v1 = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
  for (const std::string& text : std::initializer_list<std::string>{
           std::string(), std::string("b"), std::string("Qm"), v0.substr(1), v0 + "1", v0.substr(0, 45), "z" + v0,
           v1.substr(0, 40), v1 + "aa", " " + v1, v1 + " ", "/ipfs/" + v1, std::string("hello"), std::string("baa"),
           std::string(600, 'b'), "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR0n", "Qm" + std::string(44, 'z'),
           std::string("bafk") + '\0'}) {
    EXPECT_EQ(kind(Cid::parse(text)), ErrorKind::kInvalidArgument) << text;
    EXPECT_THAT(message(Cid::parse(text)), testing::StartsWith("invalid cid: ")) << text;
  }
  for (std::string_view binary : {"", "00", "0155", "01551220", "0255120100", "03550000", "018000551200",
                                  "015512020000ff", "015512810100", "1220", "12200000"}) {
    EXPECT_EQ(kind(Cid::from_bytes(hex(binary))), ErrorKind::kInvalidArgument) << binary;
  }
}

TEST(Cid, VersionZeroIsForDagPbWithSha256) {
  EXPECT_EQ(kind(Cid::of(0, kRaw, kSha2_256, "x")), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(Cid::of(0, kDagPb, static_cast<uint64_t>(HashCode::kSha2_512), "x")), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(Cid::of(2, kDagPb, kSha2_256, "x")), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(Cid::of(1, kDagPb, 0x1e, "x")), ErrorKind::kUnimplemented);
}

TEST(Cid, IsTakenFromTheFront) {
  Cid v1 = raw_cid("x");
  Cid v0 = Cid::v0(sha2_256("y"));
  Bytes bytes = v0.bytes() + v1.bytes() + "rest";
  ByteView in = bytes;
  EXPECT_EQ(Cid::take(in), v0);
  EXPECT_EQ(Cid::take(in), v1);
  EXPECT_EQ(in, "rest");
  EXPECT_FALSE(Cid::take(in).has_value());
  EXPECT_EQ(in, "rest");
}

TEST(Cid, IsAValue) {
  Cid undefined;
  EXPECT_TRUE(undefined.empty());
  EXPECT_EQ(undefined.to_string(), "");
  EXPECT_LT(undefined, raw_cid("x"));
  Cid high = Cid::v1(kRaw, Multihash::wrap(kSha2_256, "\xff"));
  Cid low = Cid::v1(kRaw, Multihash::wrap(kSha2_256, "\x01"));
  EXPECT_LT(low, high) << "bytes compare unsigned";
  std::unordered_set<Cid> set{high, low, high};
  EXPECT_EQ(set.size(), 2);
  std::string line = "cid ";
  high.append_to(line);
  EXPECT_EQ(line, "cid " + high.to_string());
}

TEST(Cid, CodecsHaveNames) {
  EXPECT_EQ(codec_name(kDagPb), "dag-pb");
  EXPECT_EQ(codec_name(0x999999), "0x999999");
  EXPECT_EQ(codec_from_name("DAG-CBOR"), kDagCbor);
  EXPECT_EQ(kind(codec_from_name("dag-xml")), ErrorKind::kInvalidArgument);
}

TEST(Cid, ParsedBytesAndTextAreKept) {
  Random random(4);
  size_t good = 0;
  for (int i = 0; i < 50000; ++i) {
    Cid cid = random.below(2)
                  ? Cid::v0(random.bytes(32))
                  : Cid::v1(random.below(0x300), Multihash::wrap(random.below(0x30), random.bytes(random.below(40))));
    ASSERT_EQ(Cid::from_bytes(cid.bytes()), cid);
    ASSERT_EQ(Cid::parse(cid.to_string()), cid);
    Bytes bytes = random.mutate(cid.bytes());
    if (auto mutated = Cid::from_bytes(bytes)) {
      ++good;
      ASSERT_EQ(mutated->bytes(), bytes);
      ASSERT_EQ(Cid::parse(mutated->to_string()), *mutated);
    }
    std::string text = random.mutate(cid.to_string());
    if (auto mutated = Cid::parse(text)) ASSERT_EQ(Cid::parse(mutated->to_string()), *mutated);
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace ipfsc::ipld
