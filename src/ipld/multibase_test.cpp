#include "ipld/multibase.h"

#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

struct Vector {
  std::string_view hex, base16, base32, base36, base58, base64url;
};

// The inputs of RFC 4648 section 10, leading zeros and CID-sized ones; values from Python's base64 and integers.
constexpr Vector kVectors[] = {
    {"", "f", "b", "k", "z", "u"},
    {"00", "f00", "baa", "k0", "z1", "uAA"},
    {"000000", "f000000", "baaaaa", "k000", "z111", "uAAAA"},
    {"66", "f66", "bmy", "k2u", "z2m", "uZg"},
    {"666f", "f666f", "bmzxq", "kk8f", "z8o8", "uZm8"},
    {"666f6f", "f666f6f", "bmzxw6", "k3zvxr", "zbQbp", "uZm9v"},
    {"666f6f62", "f666f6f62", "bmzxw6yq", "ksf742q", "z3csAg9", "uZm9vYg"},
    {"666f6f6261", "f666f6f6261", "bmzxw6ytb", "k5m42kzfl", "zCZJRhmz", "uZm9vYmE"},
    {"666f6f626172", "f666f6f626172", "bmzxw6ytboi", "k13x8yd7ywi", "zt1Zv2yaZ", "uZm9vYmFy"},
    {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "b777777777777777777777777777777777777777777777777777777y",
     "k8yne0y9whk63fgr8p1w0yovdo6wk2anhr8smscpqnvh7v835l8zr3", "z6nfFzYQPHsjA4QTuXt2NuGReV9J4BdXBwZ8cgeJTrbVHKjt",
     "u_____________________________________________w"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627",
     "f000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627",
     "baaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypsaijcemsckjrh",
     "k0htm7c3uybkjaqyxn9et5p3sxcjb34r877v3x0b9yfc6i0dmhgfayi4irl7r",
     "z1fAhYWqs6ctsWHNZtpYJNB9BxxQPq4Pa5LkbLC3wpAHLipXE7tXVY",
     "uAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw"},
};

TEST(Multibase, EncodesAndDecodesTheVectors) {
  for (const auto& v : kVectors) {
    Bytes bytes = hex(v.hex);
    for (std::string_view text : {v.base16, v.base32, v.base36, v.base58, v.base64url}) {
      EXPECT_EQ(multibase_encode(text[0], bytes), text);
      EXPECT_EQ(multibase_decode(text), bytes) << text;
    }
    EXPECT_EQ(base58_encode(bytes), v.base58.substr(1));
    EXPECT_EQ(base58_decode(v.base58.substr(1)), bytes);
  }
}

TEST(Multibase, EncodesTheSpecificationsExample) {
  EXPECT_EQ(multibase_encode('f', "yes mani !"), "f796573206d616e692021");
  EXPECT_EQ(multibase_encode('F', "yes mani !"), "F796573206D616E692021");
  EXPECT_EQ(multibase_encode('b', "yes mani !"), "bpfsxgidnmfxgsibb");
  EXPECT_EQ(multibase_encode('B', "yes mani !"), "BPFSXGIDNMFXGSIBB");
  EXPECT_EQ(multibase_encode('k', "yes mani !"), "k2lcpzo5yikidynfl");
  EXPECT_EQ(multibase_encode('K', "yes mani !"), "K2LCPZO5YIKIDYNFL");
  EXPECT_EQ(multibase_encode('z', "yes mani !"), "z7paNL19xttacUY");
  EXPECT_EQ(multibase_encode('u', "yes mani !"), "ueWVzIG1hbmkgIQ");
}

TEST(Multibase, TakesBothCasesWhereTheBaseHasOne) {
  for (std::string_view text : {"f796573206D616e692021", "F796573206d616E692021", "bPFSXgidnMFXGSIBB",
                                "BpfsxGIDNMfxgsibb", "k2LCPZO5yikidynfl", "K2lcpzo5YIKIDYNFL"}) {
    EXPECT_EQ(multibase_decode(text), "yes mani !") << text;
  }
}

TEST(Multibase, RefusesWhatNoEncoderWrites) {
  // A wrong character, a length that is no whole byte, bits behind the last byte, padding.
  for (std::string_view text :
       {"",   "f6",    "f6g", "b1",  "bm",  "bmz0", "bmzxw6y", "bmzz", "bmy======", "z0", "zOO",   "zIl",
        "k-", "uZg==", "uZ",  "uZh", "u+/", "?",    "q12",     "Q",    " b",        "b ", "bmy\n", "f\xff\xff"}) {
    EXPECT_EQ(kind(multibase_decode(text)), ErrorKind::kInvalidArgument) << text;
  }
  EXPECT_EQ(message(multibase_decode("bmz0a")), "\"0\" at position 3 is not a base32 digit");
  EXPECT_EQ(message(multibase_decode("z11O")), "\"O\" at position 3 is not a base58btc digit");
}

TEST(Multibase, NamesTheBasesThatItDoesNotRead) {
  EXPECT_EQ(kind(multibase_decode("mAA")), ErrorKind::kUnimplemented);
  EXPECT_THAT(message(multibase_decode("Zabc")), testing::HasSubstr("base58flickr"));
  EXPECT_THAT(message(multibase_decode("\xF0\x9F\x9A\x80")), testing::HasSubstr("base256emoji"));
}

TEST(Multibase, BoundsTheLength) {
  std::string text(kMaxMultibaseChars, '1');
  text[0] = 'z';
  EXPECT_TRUE(multibase_decode(text).has_value());
  EXPECT_EQ(kind(multibase_decode(text + "1")), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(base58_decode(text + "1")), ErrorKind::kInvalidArgument);
}

TEST(Multibase, ComesBackForAllLengths) {
  Random random(1);
  for (size_t size = 0; size < 300; ++size) {
    Bytes bytes = random.bytes(size);
    if (size > 3 && random.below(3) == 0) std::fill_n(bytes.begin(), random.below(4), '\0');
    if (size > 3 && random.below(3) == 0) std::fill_n(bytes.begin(), random.below(4), '\xff');
    for (char prefix : std::string_view("fFbBkKzu")) {
      std::string text = multibase_encode(prefix, bytes);
      ASSERT_EQ(multibase_decode(text), bytes) << text;
    }
  }
}

TEST(Multibase, PowersOfTheBaseComeBack) {
  for (size_t zeros = 0; zeros < 200; ++zeros) {
    for (const std::string& text : {"z2" + std::string(zeros, '1'), "z" + std::string(zeros + 1, 'z'),
                                    "k1" + std::string(zeros, '0'), "k" + std::string(zeros + 1, 'z')}) {
      ASSERT_EQ(multibase_encode(text[0], multibase_decode(text).value()), text);
    }
  }
}

TEST(Multibase, DecodedTextEncodesToItselfWhateverItWas) {
  Random random(2);
  size_t good = 0;
  for (int i = 0; i < 50000; ++i) {
    char prefix = std::string_view("fbkzu")[random.below(5)];
    Bytes text = random.mutate(multibase_encode(prefix, random.bytes(random.below(50))));
    auto bytes = multibase_decode(text);
    if (!bytes) continue;
    ++good;
    std::string again = multibase_encode(text[0], *bytes);
    bool folds_case = std::string_view("fFbBkK").contains(text[0]);
    if (folds_case) {
      ASSERT_TRUE(std::ranges::equal(again, text, {}, ::tolower, ::tolower)) << text;
    } else {
      ASSERT_EQ(again, text);
    }
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace ipfsc::ipld
