#include "base/bytes.h"

#include <gtest/gtest.h>

#include <random>

namespace ipfsc {
namespace {

TEST(Bytes, HexRoundTripAndErrors) {
  EXPECT_EQ(to_hex(std::string("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(from_hex("00FF10").value(), std::string("\x00\xff\x10", 3));
  EXPECT_EQ(from_hex("abc").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(from_hex("zz").error().message, "invalid hex digit at position 0");
}

TEST(Bytes, Base64Rfc4648Vectors) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64(plain), text);
    EXPECT_EQ(from_base64(text).value(), plain);
  }
  EXPECT_FALSE(from_base64("Zg="));
  EXPECT_FALSE(from_base64("Z*=="));
}

TEST(Bytes, VarintSpecificationVectors) {
  const std::pair<uint64_t, std::string> vectors[] = {
      {0, "00"},     {1, "01"},     {127, "7f"},       {128, "8001"},
      {255, "ff01"}, {300, "ac02"}, {16384, "808001"}, {(1ull << 63) - 1, "ffffffffffffffff7f"}};
  for (const auto& [value, hex] : vectors) {
    Bytes out;
    append_varint(out, value);
    EXPECT_EQ(to_hex(out), hex);
    EXPECT_EQ(varint_size(value), out.size());
    ByteView in = out;
    EXPECT_EQ(take_varint(in).value(), value);
    EXPECT_TRUE(in.empty());
  }
}

TEST(Bytes, VarintRefusesLongTruncatedAndPadded) {
  for (const char* hex : {"", "80", "8100", "ffffffffffffffffff01"}) {
    Bytes bytes = from_hex(hex).value();
    ByteView in = bytes;
    EXPECT_FALSE(take_varint(in)) << hex;
  }
}

TEST(Bytes, BigEndianSortsByValue) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    uint64_t a = random() >> (random() % 64), b = random() >> (random() % 64);
    Bytes ka, kb;
    append_be64(ka, a);
    append_be64(kb, b);
    EXPECT_EQ(ka < kb, a < b);
    EXPECT_EQ(read_be64(ka.data()), a);
  }
}

}  // namespace
}  // namespace ipfsc
