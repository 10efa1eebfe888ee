#include "ipld/multihash.h"

#include "ipld/blake2.h"
#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

struct Vector {
  std::string_view name;
  size_t size;  // 0: nothing, 3: "abc", 512: the bytes 0 to 255 twice
  std::string_view digest;
};

// The first two inputs are those of FIPS 180-4, FIPS 202 and RFC 7693; values from Python's hashlib.
constexpr Vector kVectors[] = {
    {"sha2-256", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"sha2-256", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"sha2-256", 512, "110009dcee21620b166f3abfecb5eff7a873be729d1c2d53822e7acc5f34eb9b"},
    {"sha2-512", 0,
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a"
     "538327af927da3e"},
    {"sha2-512", 3,
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2"
     "a9ac94fa54ca49f"},
    {"sha2-512", 512,
     "edb9bed721aa6a5f6fbc6619d3a3c2be3d043043f05a9aebc7b1197a2aa9c49a57d5ddd4674c1785785088d9f1ff42c797a02adc9b817a139"
     "a50970da6c99524"},
    {"sha3-224", 0, "6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7"},
    {"sha3-224", 3, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"},
    {"sha3-224", 512, "fe51c5d76248e1e9d301296ae8ab9469d28634b4ad3e9e78c8b09d47"},
    {"sha3-256", 0, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"},
    {"sha3-256", 3, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
    {"sha3-256", 512, "d4728ea5e9f3819f2b4760151a8f802dbe9f941fd6fb59b3715892436555772a"},
    {"sha3-384", 0, "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2ac3713831264adb47fb6bd1e058d5f004"},
    {"sha3-384", 3, "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25"},
    {"sha3-384", 512,
     "d53b516853f5acb4aafda59d6f740f6999c9e5211c51039c6d645bf983d7ba0bdf1231b55090b55e3599ee7aaa62d3bf"},
    {"sha3-512", 0,
     "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a615b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e30"
     "1758586281dcd26"},
    {"sha3-512", 3,
     "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56"
     "592f8274eec53f0"},
    {"sha3-512", 512,
     "584cc702c2229a0abc789bfa64b4271fb8f0bb78671588b9ef1d093ea3d472584c6d43b5683359472f441b33856f682859f0c3954b56808fd"
     "1fba0b59c9d1954"},
    {"blake2b-8", 0, "2e"},
    {"blake2b-8", 3, "6b"},
    {"blake2b-8", 512, "a8"},
    {"blake2b-160", 0, "3345524abf6bbe1809449224b5972c41790b6cf2"},
    {"blake2b-160", 3, "384264f676f39536840523f284921cdc68b6846b"},
    {"blake2b-160", 512, "e1695d971d2357c55fe6824cf175e915700ea2f2"},
    {"blake2b-256", 0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"},
    {"blake2b-256", 3, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"},
    {"blake2b-256", 512, "540b20132d8aeae54057cb69c24f95d26a1c472cc700dd450defe9bb796d4f14"},
    {"blake2b-512", 0,
     "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419d25e1031afee585313896444934eb04b903a685b1448b755d"
     "56f701afe9be2ce"},
    {"blake2b-512", 3,
     "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab"
     "92386edd4009923"},
    {"blake2b-512", 512,
     "c59ab1095ca4579525338b6b74689ff234bc3fe9765fe26dfb04ddceaee0ab84dfd8967594cb261fcd88687f4454d80f718116c1b3c32f9f7"
     "e169357468cbe67"},
    {"blake2s-8", 0, "a1"},
    {"blake2s-8", 3, "0d"},
    {"blake2s-8", 512, "f2"},
    {"blake2s-128", 0, "64550d6ffe2c0a01a14aba1eade0200c"},
    {"blake2s-128", 3, "aa4938119b1dc7b87cbad0ffd200d0ae"},
    {"blake2s-128", 512, "5938b63a7a66a05828bffd5760cd385c"},
    {"blake2s-256", 0, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"},
    {"blake2s-256", 3, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"},
    {"blake2s-256", 512, "aeb5499d81f14cb10c2539411cbe3e71167293458543bfa4ca1f9584625fd4c6"},
};

Bytes input(size_t size) {
  if (size == 3) return "abc";
  Bytes out;
  for (size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(i));
  return out;
}

uint64_t code_of(std::string_view name) { return static_cast<uint64_t>(hash_code_from_name(name).value()); }
constexpr auto kSha2_256 = static_cast<uint64_t>(HashCode::kSha2_256);

TEST(Multihash, HashesTheVectors) {
  for (const auto& v : kVectors) {
    uint64_t code = code_of(v.name);
    auto hash = hash_bytes(code, input(v.size));
    ASSERT_TRUE(hash.has_value()) << v.name;
    EXPECT_EQ(to_hex(hash->digest()), v.digest) << v.name << " of " << v.size << " bytes";
    EXPECT_EQ(hash->code(), code);
    EXPECT_EQ(hash_name(code), v.name);
    EXPECT_EQ(Multihash::parse(hash->bytes()), *hash);
    EXPECT_TRUE(verify_bytes(hash->bytes(), input(v.size)).has_value());
    EXPECT_EQ(kind(verify_bytes(hash->bytes(), input(v.size) + "x")), ErrorKind::kDataLoss);
  }
}

// Every digest length with message lengths around the block sizes; the sums of all digests are from Python's hashlib.
TEST(Multihash, Blake2HasEveryLength) {
  constexpr size_t kSizes[] = {0, 1, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000};
  Bytes b, s;
  for (size_t n = 1; n <= kMaxBlake2bBytes; ++n) {
    for (size_t size : kSizes) {
      b += blake2b(n, input(size));
      if (n <= kMaxBlake2sBytes) s += blake2s(n, input(size));
    }
  }
  EXPECT_EQ(to_hex(sha2_256(b)), "8dca8ae5531f7199f9b3b2b4010da2a31b304087554d1a6d5cb009076f78cbbf");
  EXPECT_EQ(to_hex(sha2_256(s)), "2560d02ae76047bf5bd6c1f8ee759c1a06317b5a59c9141cd7b867f607512434");
}

// RFC 7693 appendices A and B.
TEST(Multihash, Blake2OfAbcIsThatOfTheRfc) {
  EXPECT_EQ(to_hex(blake2b(64, "abc")).substr(0, 32), "ba80a53f981c4d0d6a2797b69f12f6e9");
  EXPECT_EQ(to_hex(blake2s(32, "abc")), "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}

TEST(Multihash, IdentityHoldsTheDataUpToItsLimit) {
  auto code = static_cast<uint64_t>(HashCode::kIdentity);
  auto hash = hash_bytes(code, "hello");
  ASSERT_TRUE(hash.has_value());
  EXPECT_EQ(to_hex(hash->bytes()), "000568656c6c6f");
  EXPECT_TRUE(verify_bytes(hash->bytes(), "hello").has_value());
  EXPECT_EQ(kind(verify_bytes(hash->bytes(), "hell")), ErrorKind::kDataLoss);
  EXPECT_TRUE(hash_bytes(code, std::string(128, 'x')).has_value());
  EXPECT_EQ(kind(hash_bytes(code, std::string(129, 'x'))), ErrorKind::kInvalidArgument);
  EXPECT_EQ(hash_bytes(code, "")->digest(), "");
}

TEST(Multihash, NamesTheFunctionsThatItDoesNotCompute) {
  for (std::string_view name : {"sha1", "keccak-256", "blake3", "md5", "murmur3-x64-64", "shake-256", "sha2-384",
                                "dbl-sha2-256", "skein256-256", "poseidon-bls12_381-a2-fc1", "sm3-256"}) {
    auto hash = hash_bytes(code_of(name), "x");
    EXPECT_EQ(kind(hash), ErrorKind::kUnimplemented);
    EXPECT_THAT(message(hash), testing::HasSubstr(std::string(name)));
    EXPECT_FALSE(hash_supported(code_of(name)));
  }
  EXPECT_EQ(hash_name(0x123456), "0x123456");
  EXPECT_THAT(message(hash_bytes(0x123456, "x")), testing::HasSubstr("0x123456"));
}

TEST(Multihash, FindsNamesInAnyCase) {
  EXPECT_EQ(hash_code_from_name("SHA2-256"), HashCode::kSha2_256);
  EXPECT_EQ(hash_code_from_name("blake2b-256"), HashCode::kBlake2b256);
  EXPECT_EQ(hash_code_from_name("Blake2s-256"), HashCode::kBlake2s256);
  for (std::string_view name : {"", "sha-9", "sha2", "blake2b-", "blake2b-0", "blake2b-12", "blake2b-520", "blake2b-08",
                                "blake2s-264", "blake2b-256 "}) {
    EXPECT_EQ(kind(hash_code_from_name(name)), ErrorKind::kInvalidArgument) << name;
  }
}

TEST(Multihash, RefusesMalformedBytes) {
  for (std::string_view text : {"", "12", "1220", "120100ff", "1202aa", "12810000", "ff", "92000100",
                                "1281"
                                "01"
                                "00"}) {
    EXPECT_EQ(kind(Multihash::parse(hex(text))), ErrorKind::kInvalidArgument) << text;
  }
  EXPECT_EQ(kind(verify_bytes("", "x")), ErrorKind::kInvalidArgument);
  ByteView two = "\x11\x01z\x12\x01y";
  EXPECT_EQ(Multihash::take(two)->digest(), "z");
  EXPECT_EQ(Multihash::take(two)->digest(), "y");
  EXPECT_TRUE(two.empty());
}

TEST(Multihash, ComparesACutDigestOnWhatItHas) {
  Bytes digest = sha2_256("x");
  EXPECT_TRUE(verify_bytes(Multihash::wrap(kSha2_256, digest.substr(0, 20)).bytes(), "x").has_value());
  EXPECT_EQ(kind(verify_bytes(Multihash::wrap(kSha2_256, digest.substr(0, 20)).bytes(), "y")), ErrorKind::kDataLoss);
  EXPECT_EQ(kind(verify_bytes(Multihash::wrap(kSha2_256, digest.substr(0, 19)).bytes(), "x")),
            ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(verify_bytes(Multihash::wrap(kSha2_256, digest + "x").bytes(), "x")), ErrorKind::kInvalidArgument);
}

TEST(Multihash, ParsedBytesAreKept) {
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes = random.mutate(Multihash::wrap(random.below(0xc000), random.bytes(random.below(129))).bytes());
    if (auto hash = Multihash::parse(bytes)) {
      ASSERT_EQ(hash->bytes(), bytes);
      ASSERT_EQ(Multihash::wrap(hash->code(), hash->digest()), *hash);
    }
  }
}

}  // namespace
}  // namespace ipfsc::ipld
