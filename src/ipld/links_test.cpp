#include "ipld/links.h"

#include "ipld/dag_cbor.h"
#include "ipld/dag_pb.h"
#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

Cid cid_of(uint64_t codec, ByteView block) {
  return Cid::of(1, codec, static_cast<uint64_t>(HashCode::kSha2_256), block).value();
}

TEST(BlockLinks, ReadsEachCodec) {
  Cid a = raw_cid("a"), b = raw_cid("b");
  Bytes pb =
      encode_pb({.links = {{.cid = b, .name = "x"}, {.cid = a, .name = "a"}, {.cid = b, .name = "y"}}, .data = "d"});
  EXPECT_THAT(block_links(cid_of(kDagPb, pb), pb).value(), testing::ElementsAre(b, a, b));
  EXPECT_THAT(block_links(Cid::v0(sha2_256(pb)), pb).value(), testing::ElementsAre(b, a, b));
  Bytes cbor = encode_cbor(CborValue::list({CborValue::link(a), CborValue::link(b)}));
  EXPECT_THAT(block_links(cid_of(kDagCbor, cbor), cbor).value(), testing::ElementsAre(a, b));
  for (uint64_t codec : {kRaw, kLibp2pKey, kCbor, kJson}) EXPECT_TRUE(block_links(cid_of(codec, pb), pb)->empty());
}

TEST(BlockLinks, NamesBlockAndCodecInErrors) {
  auto json = block_links(cid_of(kDagJson, "{}"), "{}");
  EXPECT_EQ(kind(json), ErrorKind::kUnimplemented);
  EXPECT_THAT(message(json), testing::HasSubstr("dag-json"));
  EXPECT_FALSE(codec_walkable(kDagJson));
  for (uint64_t codec : {kDagPb, kDagCbor}) {
    Cid cid = cid_of(codec, "\xff");
    auto links = block_links(cid, "\xff");
    EXPECT_EQ(kind(links), ErrorKind::kInvalidArgument);
    EXPECT_THAT(message(links), testing::HasSubstr(cid.to_string()));
  }
}

}  // namespace
}  // namespace ipfsc::ipld
