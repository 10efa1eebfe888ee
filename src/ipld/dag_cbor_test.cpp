#include "ipld/dag_cbor.h"

#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

using V = CborValue;

const Cid kEmptyIdentity = Cid::parse("bafkqaaa").value();  // 01 55 00 00

V map(std::initializer_list<std::pair<std::string, V>> entries) {
  V::Map out;
  for (const auto& [key, value] : entries) out.emplace(key, value);
  return V::map(std::move(out));
}

// The values of RFC 8949 appendix A that dag-cbor has, its links, and integers on both sides of each length.
TEST(DagCbor, EncodesAndDecodesEachKind) {
  std::pair<V, std::string_view> cases[] = {
      {V::uint(0), "00"},
      {V::uint(23), "17"},
      {V::uint(24), "1818"},
      {V::uint(255), "18ff"},
      {V::uint(256), "190100"},
      {V::uint(65535), "19ffff"},
      {V::uint(65536), "1a00010000"},
      {V::uint(4294967295), "1affffffff"},
      {V::uint(4294967296), "1b0000000100000000"},
      {V::uint(1000000000000), "1b000000e8d4a51000"},
      {V::uint(~uint64_t{0}), "1bffffffffffffffff"},
      {V::integer(-1), "20"},
      {V::integer(-24), "37"},
      {V::integer(-25), "3818"},
      {V::integer(-1000), "3903e7"},
      {V::integer(INT64_MIN), "3b7fffffffffffffff"},
      {V::negative(~uint64_t{0}), "3bffffffffffffffff"},
      {V::boolean(false), "f4"},
      {V::boolean(true), "f5"},
      {V::null(), "f6"},
      {V::real(0.0), "fb0000000000000000"},
      {V::real(1.1), "fb3ff199999999999a"},
      {V::real(-4.1), "fbc010666666666666"},
      {V::real(1.0e300), "fb7e37e43c8800759c"},
      {V::bytes(""), "40"},
      {V::bytes(hex("01020304")), "4401020304"},
      {V::text(""), "60"},
      {V::text("IETF"), "6449455446"},
      {V::text("\xe6\xb0\xb4"), "63e6b0b4"},
      {V::text("\xf0\x90\x85\x91"), "64f0908591"},
      {V::list({}), "80"},
      {V::list({V::uint(1), V::list({V::uint(2), V::uint(3)})}), "8201820203"},
      {V::map({}), "a0"},
      {map({{"a", V::uint(1)}, {"b", V::list({V::uint(2), V::uint(3)})}}), "a26161016162820203"},
      {map({{"aa", V::uint(1)}, {"b", V::uint(2)}}),
       "a2616202626161"
       "01"},
      {V::link(kEmptyIdentity), "d82a450001550000"},
  };
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(to_hex(encode_cbor(value)), text);
    auto decoded = decode_cbor(hex(text));
    ASSERT_TRUE(decoded.has_value()) << text << ": " << decoded.error().message;
    EXPECT_EQ(*decoded, value) << text;
  }
}

TEST(DagCbor, RefusesWhatIsNotCanonical) {
  std::pair<std::string_view, std::string_view> cases[] = {
      {"", "byte 0: truncated"},
      {"18", "truncated"},
      {"1817", "shortest"},
      {"1900ff", "shortest"},
      {"1a0000ffff", "shortest"},
      {"1b00000000ffffffff", "shortest"},
      {"3817", "shortest"},
      {"5801ff", "shortest"},
      {"780161", "shortest"},
      {"980100", "shortest"},
      {"b801616100", "shortest"},
      {"d9002a450001550000", "shortest"},
      {"5f42010243030405ff", "indefinite"},
      {"7f61616161ff", "indefinite"},
      {"9f01ff", "indefinite"},
      {"bf616101ff", "indefinite"},
      {"ff", "indefinite"},
      {"1c", "reserved"},
      {"f90000", "64 bits"},
      {"fa47c35000", "64 bits"},
      {"fb7ff0000000000000", "NaN and infinities"},
      {"fbfff0000000000000", "NaN and infinities"},
      {"fb7ff8000000000000", "NaN and infinities"},
      {"f7", "undefined"},
      {"f0", "simple values"},
      {"f818", "simple values"},
      {"f8ff", "simple values"},
      {"c074323031332d30332d32315432303a30343a30305a", "tag 0"},
      {"d82b4100", "tag 43"},
      {"d82a6100", "not a byte string"},
      {"d82a40", "identity multibase"},
      {"d82a4401550000", "identity multibase"},
      {"d82a4400015500", "invalid cid"},
      {"d82a46000155000000", "invalid cid"},
      {"a10001", "not text"},
      {"a1406101", "not text"},
      {"a2616201616102", "not sorted"},
      {"a262616101616202", "not sorted"},
      {"a2616101616102", "doubled"},
      {"61ff", "UTF-8"},
      {"62c080", "UTF-8"},
      {"63eda080", "UTF-8"},
      {"64f4908080", "UTF-8"},
      {"62e6b0", "UTF-8"},
      {"a161ff00", "UTF-8"},
      {"0000", "follow"},
      {"8101"
       "00",
       "follow"},
      {"82"
       "01",
       "2 items announced"},
      {"8201"
       "18",
       "byte 2: truncated"},
      {"9bffffffffffffffff", "items announced"},
      {"bbffffffffffffffff", "items announced"},
      {"a16161", "truncated"},
      {"5bffffffffffffffff00", "bytes announced"},
      {"44010203", "4 bytes announced"},
  };
  for (const auto& [text, why] : cases) {
    auto value = decode_cbor(hex(text));
    EXPECT_EQ(kind(value), ErrorKind::kInvalidArgument) << text;
    EXPECT_THAT(message(value), testing::HasSubstr(std::string(why))) << text;
  }
}

TEST(DagCbor, KeepsItsLimits) {
  Bytes deep = std::string(128, '\x81') + "\x80";
  EXPECT_TRUE(decode_cbor(deep).has_value());
  EXPECT_TRUE(cbor_links(deep).has_value());
  EXPECT_EQ(kind(decode_cbor("\x81" + deep)), ErrorKind::kResourceExhausted);
  EXPECT_EQ(kind(cbor_links("\x81" + deep)), ErrorKind::kResourceExhausted);
  EXPECT_EQ(kind(decode_cbor(std::string(1 << 20, '\x81'))), ErrorKind::kResourceExhausted);
  Bytes ten = "\x8a" + std::string(10, '\x01');
  EXPECT_TRUE(decode_cbor(ten, {.max_values = 11}).has_value());
  EXPECT_EQ(kind(decode_cbor(ten, {.max_values = 10})), ErrorKind::kResourceExhausted);
}

TEST(DagCbor, AccessorsAnswerForTheirKindOnly) {
  auto value = decode_cbor(hex("a2616101626162"
                               "20"))
                   .value();
  ASSERT_NE(value.find("a"), nullptr);
  EXPECT_EQ(*value.find("a")->as_uint(), 1);
  EXPECT_EQ(value.find("ab")->as_int64(), -1);
  EXPECT_EQ(value.find("x"), nullptr);
  EXPECT_EQ(value.find("a")->find("a"), nullptr);
  EXPECT_EQ(value.as_list(), nullptr);
  EXPECT_EQ(value.as_bytes(), nullptr);
  EXPECT_EQ(*V::bytes("x").as_bytes(), "x");
  EXPECT_EQ(V::bytes("x").as_text(), nullptr);
  EXPECT_EQ(V::uint(~uint64_t{0}).as_int64(), std::nullopt);
  EXPECT_EQ(V::negative(~uint64_t{0}).as_int64(), std::nullopt);
  EXPECT_EQ(V::integer(INT64_MIN).as_int64(), INT64_MIN);
  EXPECT_TRUE(V().is_null());
}

TEST(DagCbor, LinksAreFoundInOrder) {
  Cid a = raw_cid("a"), b = raw_cid("b");
  Bytes block =
      encode_cbor(map({{"x", V::list({V::link(b), V::uint(1), V::link(a)})}, {"y", map({{"z", V::link(b)}})}}));
  EXPECT_THAT(cbor_links(block).value(), testing::ElementsAre(b, a, b));
}

// Blocks of other programs are walked even when they are not canonical; what is no dag-cbor at all is refused.
TEST(DagCbor, LinksAreFoundInBlocksOfOtherPrograms) {
  for (std::string_view text : {"a2616201616102", "1817", "f90000", "f7", "fb7ff8000000000000", "61ff"}) {
    EXPECT_TRUE(cbor_links(hex(text)).has_value()) << text;
  }
  EXPECT_THAT(cbor_links(hex("a26162d82a450001550000"
                             "6161"
                             "d9002a450001550000"))
                  .value(),
              testing::ElementsAre(kEmptyIdentity, kEmptyIdentity));
  for (std::string_view text : {"", "0000", "9f01ff", "d82b4100", "d82a40", "f818", "82", "44010203", "a10001"}) {
    EXPECT_EQ(kind(cbor_links(hex(text))), ErrorKind::kInvalidArgument) << text;
  }
}

V random_value(Random& random, int depth) {
  switch (random.below(depth > 0 ? 10 : 8)) {
    case 0:
      return V::null();
    case 1:
      return V::boolean(random.below(2));
    case 2:
      return V::uint(random.below(~size_t{0}) >> random.below(64));
    case 3:
      return V::negative(random.below(~size_t{0}) >> random.below(64));
    case 4:
      return V::real(static_cast<double>(random.below(1000)) / 8);
    case 5:
      return V::bytes(random.bytes(random.below(30)));
    case 6:
      return V::text(std::string(random.below(30), 'x'));
    case 7:
      return V::link(raw_cid(random.bytes(2)));
    case 8: {
      V::List list;
      for (size_t n = random.below(4); n > 0; --n) list.push_back(random_value(random, depth - 1));
      return V::list(std::move(list));
    }
    default: {
      V::Map out;
      for (size_t n = random.below(4); n > 0; --n)
        out.emplace(std::string(random.below(4), 'k'), random_value(random, depth - 1));
      return V::map(std::move(out));
    }
  }
}

TEST(DagCbor, DecodedBytesEncodeToThemselves) {
  Random random(7);
  size_t good = 0;
  for (int i = 0; i < 30000; ++i) {
    V value = random_value(random, 3);
    Bytes bytes = encode_cbor(value);
    ASSERT_EQ(decode_cbor(bytes), value) << to_hex(bytes);
    ASSERT_TRUE(cbor_links(bytes).has_value());
    bytes = random.mutate(bytes);
    auto mutated = decode_cbor(bytes);
    (void)cbor_links(bytes);
    if (!mutated) continue;
    ++good;
    ASSERT_EQ(encode_cbor(*mutated), bytes);
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace ipfsc::ipld
