#include "ipld/dag_pb.h"

#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

const Bytes kCid = hex("015500050001020304");
constexpr std::string_view kHash = "0a09015500050001020304";  // field 1 of a link to it

PbLink link(std::string name = "", uint64_t tsize = 0) {
  return {.cid = Cid::from_bytes(kCid).value(), .name = std::move(name), .tsize = tsize};
}

PbLink bare_link() {
  PbLink out = link();
  out.has_name = out.has_tsize = false;
  return out;
}

TEST(DagPb, EncodesEachForm) {
  struct {
    PbNode node;
    std::string hex;
  } cases[] = {
      {{}, ""},
      {{.links = {}, .data = ""}, "0a00"},
      {{.links = {}, .data = hex("0001020304")}, "0a050001020304"},
      {{.links = {bare_link()}, .data = std::nullopt}, "120b" + std::string(kHash)},
      {{.links = {link()}, .data = std::nullopt}, "120f" + std::string(kHash) + "12001800"},
      {{.links = {link("some name", 1010)}, .data = "x"},
       "1219" + std::string(kHash) + "1209736f6d65206e616d6518f2070a0178"},
      {{.links = {link("b"), link("a")}, .data = std::nullopt},
       "1210" + std::string(kHash) + "1201621800" + "1210" + std::string(kHash) + "1201611800"},
      {{.links = {link("", ~uint64_t{0})}, .data = std::nullopt},
       "1218" + std::string(kHash) + "120018ffffffffffffffffff01"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(to_hex(encode_pb(c.node)), c.hex);
    EXPECT_EQ(encoded_pb_size(c.node), c.hex.size() / 2);
    EXPECT_EQ(decode_pb(hex(c.hex)), c.node) << c.hex;
  }
}

TEST(DagPb, TakesDataBeforeLinks) {
  auto node = decode_pb(hex("0a0101120b" + std::string(kHash)));
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(node->data, "\x01");
  EXPECT_EQ(node->links.size(), 1);
}

TEST(DagPb, RefusesWhatTheSpecificationDoes) {
  std::string h(kHash);
  std::pair<std::string, std::string> cases[] = {
      {"1200", "link 0: it has no CID"},
      {"12020a00", "link 0: invalid cid"},
      {"12021200", "no CID"},
      {"12021800", "no CID"},
      {"120c" + h + "ff", "truncated"},
      {"120d" + h + "0200", "field number 0"},
      {"120d1200" + h, "doubled or out of order"},
      {"12160a09015500050001020304" + h, "doubled or out of order"},
      {"120f" + h + "18001200", "doubled or out of order"},
      {"120f" + h + "12001200", "doubled or out of order"},
      {"120d" + h + "2000", "unknown field 4"},
      {"120d" + h + "1000", "wrong wire type"},
      {"120d" + h + "1a00", "wrong wire type"},
      {"120e" + h + "188000", "shortest"},
      {"128b00" + h, "shortest"},
      {"8a0000", "shortest"},
      {"120b" + h + "0a0101120b" + h, "both sides"},
      {"0a01010a0101", "the data is doubled"},
      {"0a02"
       "01",
       "announces 2 bytes"},
      {"1a00", "unknown field 3"},
      {"0800", "wrong wire type"},
      {"0b", "wire type 3"},
      {"00", "field number 0"},
      {"ff", "truncated"},
      {"ffffffffffffffffffffff", "64 bits"},
  };
  for (const auto& [text, why] : cases) {
    auto node = decode_pb(hex(text));
    EXPECT_EQ(kind(node), ErrorKind::kInvalidArgument) << text;
    EXPECT_THAT(message(node), testing::AllOf(testing::StartsWith("invalid dag-pb block: "), testing::HasSubstr(why)));
  }
}

TEST(DagPb, SortsLinksStablyByBytes) {
  PbNode node{.links = {link("b", 1), link("\xc3\xa4"), link("", 2), link("b", 0), link("a"), link("", 1)}, .data = {}};
  EXPECT_FALSE(links_sorted(node));
  sort_links(node);
  EXPECT_TRUE(links_sorted(node));
  EXPECT_THAT(node.links,
              testing::ElementsAre(link("", 2), link("", 1), link("a"), link("b", 1), link("b", 0), link("\xc3\xa4")));
}

TEST(DagPb, RandomNodesComeBackAndMutatedOnesNeverCrash) {
  Random random(5);
  size_t good = 0;
  for (int i = 0; i < 20000; ++i) {
    PbNode node;
    for (size_t n = random.below(4); n > 0; --n) {
      PbLink l{.cid = Cid::v0(random.bytes(32)), .name = random.bytes(random.below(6)), .tsize = random.below(1 << 20)};
      if (random.below(4) == 0) l.has_name = false, l.name.clear();
      if (random.below(4) == 0) l.has_tsize = false, l.tsize = 0;
      node.links.push_back(std::move(l));
    }
    if (random.below(2)) node.data = random.bytes(random.below(20));
    Bytes bytes = encode_pb(node);
    ASSERT_EQ(bytes.size(), encoded_pb_size(node));
    ASSERT_EQ(decode_pb(bytes), node);
    bytes = random.mutate(bytes);
    auto mutated = decode_pb(bytes);
    if (!mutated) continue;
    ++good;
    Bytes again = encode_pb(*mutated);
    ASSERT_EQ(decode_pb(again), *mutated);
    bool data_first = mutated->data && !mutated->links.empty() && bytes[0] == 0x0a;
    if (!data_first) ASSERT_EQ(again, bytes);
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace ipfsc::ipld
