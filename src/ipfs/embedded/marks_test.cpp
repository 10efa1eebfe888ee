#include "ipfs/embedded/marks.h"

#include <gtest/gtest.h>

#include "ipfs/embedded/block_store.h"
#include "ipfs/embedded/test_support.h"

namespace ipfsc::ipfs::test {
namespace {

ipld::Cid numbered(int i) { return raw_block("n" + std::to_string(i)).cid; }

TEST(IdSet, RemembersExactly) {
  IdSet set(42, 1 << 20);
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(set.insert(NodeId128::of(numbered(i))).value());
  for (int i = 0; i < 5000; ++i) EXPECT_FALSE(set.insert(NodeId128::of(numbered(i))).value());
  EXPECT_FALSE(set.contains(NodeId128::of(numbered(5001))));
  EXPECT_EQ(set.size(), 5000u);
}

TEST(IdSet, StaysWithinItsBound) {
  IdSet set(42, 16 << 10);
  Result<bool> last = true;
  int i = 0;
  while (last && i < 5000) last = set.insert(NodeId128::of(numbered(i++)));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_LE(set.bytes(), 16u << 10);
  EXPECT_GT(i, 700);
}

TEST(NodeId128, DiffersByCodecAndForIdentityDigests) {
  auto hash = *ipld::hash_bytes(ipld::HashCode::kSha2_256, "x");
  EXPECT_NE(NodeId128::of(ipld::Cid::v1(ipld::kRaw, hash)), NodeId128::of(ipld::Cid::v1(ipld::kDagPb, hash)));
  // Chosen digests that agree in their first 32 bytes.
  Bytes same(40, 'a');
  auto a = ipld::Cid::v1(ipld::kDagPb, ipld::Multihash::wrap(0, same + "1"));
  auto b = ipld::Cid::v1(ipld::kDagPb, ipld::Multihash::wrap(0, same + "2"));
  EXPECT_NE(NodeId128::of(a), NodeId128::of(b));
}

TEST(BlockMarks, NeverForgetsAndRarelyInvents) {
  BlockMarks marks(7, 10'000, 1 << 20);
  for (int i = 0; i < 10'000; ++i) marks.add(numbered(i).multihash());
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(marks.contains(numbered(i).multihash()));
  int wrong = 0;
  for (int i = 10'000; i < 30'000; ++i) wrong += marks.contains(numbered(i).multihash());
  EXPECT_LT(wrong, 60);
}

TEST(BlockMarks, StaysWithinItsBound) { EXPECT_LE(BlockMarks(7, 1'000'000'000, 1 << 20).bytes(), 1u << 20); }

TEST(Records, RoundTrip) {
  for (auto entry : {Entry{}, Entry{1, 2, 3, true}, Entry{1ull << 40, 1ull << 50, 1ull << 60, false}}) {
    EXPECT_EQ(Entry::decode(entry.encode()).value(), entry);
  }
  EXPECT_FALSE(Entry::decode(""));
  EXPECT_FALSE(Entry::decode("\x02"));
  EXPECT_FALSE(Entry::decode(Entry{1, 2, 3}.encode() + "x"));
  PinRecord pin{PinKind::kDirect, 1234567, "a name"};
  EXPECT_EQ(PinRecord::decode(pin.encode()).value(), pin);
  EXPECT_FALSE(PinRecord::decode("short"));
}

TEST(Records, PlainLeaves) {
  EXPECT_TRUE(is_plain_leaf(pb_leaf("data").data));
  EXPECT_TRUE(is_plain_leaf(""));
  EXPECT_FALSE(is_plain_leaf(link_block({numbered(1)}).data));
  EXPECT_FALSE(is_plain_leaf(pb_leaf("data").data + "x"));
  EXPECT_FALSE(is_plain_leaf("\x0a\x05"));
}

}  // namespace
}  // namespace ipfsc::ipfs::test
