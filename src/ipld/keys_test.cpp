#include "ipld/keys.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <unordered_set>

#include "ipld/multibase.h"
#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

// The first key pair of RFC 8032 section 7.1; the texts below follow from it (computed with Python's integers).
const Bytes kSeed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
const Bytes kPublic = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
constexpr std::string_view kPeerText = "12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV";
constexpr std::string_view kPeerBase36 = "k51qzi5uqu5dljtg5upm7x7ugan9lql3ewyknv4r4mhhkwzn8n7cnbd1unfwgq";
constexpr std::string_view kPeerBase32 = "bafzaajaiaejcbv22taayfmikw7kux7wtzfsaooqo4fzphwvgems26aq2nd3qoui2";

Bytes ed25519_protobuf(ByteView data) { return hex("080112") + static_cast<char>(data.size()) + Bytes(data); }

struct Rsa {
  Bytes pkcs1, pkix;
};

Rsa make_rsa(unsigned bits) {
  EVP_PKEY* key = EVP_RSA_gen(bits);
  unsigned char *secret = nullptr, *open = nullptr;
  int secret_size = i2d_PrivateKey(key, &secret);
  int open_size = i2d_PUBKEY(key, &open);
  Rsa out{Bytes(as_bytes(secret, static_cast<size_t>(secret_size))),
          Bytes(as_bytes(open, static_cast<size_t>(open_size)))};
  OPENSSL_free(secret);
  OPENSSL_free(open);
  EVP_PKEY_free(key);
  return out;
}

Bytes rsa_protobuf(ByteView data) {
  Bytes out = hex("080012");
  append_varint(out, data.size());
  return out + Bytes(data);
}

TEST(PeerId, IsReadInEveryForm) {
  auto id = PeerId::parse(kPeerText);
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->to_string(), kPeerText);
  EXPECT_EQ(id->to_cid_string(), kPeerBase36);
  EXPECT_EQ(PeerId::parse(kPeerBase36), *id);
  EXPECT_EQ(PeerId::parse(kPeerBase32), *id);
  EXPECT_EQ(PeerId::from_bytes(id->bytes()), *id);
  EXPECT_EQ(to_hex(id->bytes()), "002408011220" + to_hex(kPublic));
  auto hashed = PeerId::parse("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n");
  ASSERT_TRUE(hashed.has_value());
  EXPECT_EQ(PeerId::parse("bafzbeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"), *hashed);
  EXPECT_EQ(hashed->to_string(), "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n");
  EXPECT_EQ((std::unordered_set<PeerId>{*id, *hashed, *id}).size(), 2);
  EXPECT_TRUE(PeerId().empty());
  EXPECT_EQ(PeerId().to_string(), "");
}

TEST(PeerId, RefusesWhatIsNone) {
  for (std::string_view text :
       {"", "1", "12D3Koo", "Qm", "hello", "bafkqaaa", "12D3KooW0", "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}) {
    EXPECT_EQ(kind(PeerId::parse(text)), ErrorKind::kInvalidArgument) << text;
    EXPECT_THAT(message(PeerId::parse(text)), testing::StartsWith("failed to parse peer ID: "));
  }
  EXPECT_FALSE(PeerId::parse(std::string(200, '1')).has_value());
  EXPECT_FALSE(PeerId::from_bytes(Multihash::wrap(0, "").bytes()).has_value());
  EXPECT_FALSE(PeerId::from_bytes(Multihash::wrap(0, std::string(43, 'x')).bytes()).has_value());
  EXPECT_FALSE(PeerId::from_bytes(Multihash::wrap(0x12, std::string(31, 'x')).bytes()).has_value());
  EXPECT_FALSE(PeerId::from_bytes(Multihash::wrap(0x13, std::string(32, 'x')).bytes()).has_value());
}

TEST(PeerId, LongKeysAreHashed) {
  EXPECT_EQ(PeerId::from_public_key_protobuf(std::string(42, 'x')).bytes(), Bytes("\0*", 2) + std::string(42, 'x'));
  EXPECT_EQ(PeerId::from_public_key_protobuf(std::string(43, 'x')).bytes(), "\x12 " + sha2_256(std::string(43, 'x')));
}

TEST(Keys, Ed25519IsReadInBothForms) {
  for (const Bytes& data : {kSeed + kPublic, kSeed + kPublic + kPublic}) {
    auto key = PrivateKey::from_protobuf(ed25519_protobuf(data));
    ASSERT_TRUE(key.has_value()) << key.error().message;
    EXPECT_EQ(key->type(), KeyType::kEd25519);
    EXPECT_EQ(key->secret(), kSeed);
    EXPECT_EQ(key->public_key().data(), kPublic);
    EXPECT_EQ(key->to_protobuf(), ed25519_protobuf(kSeed + kPublic));
    EXPECT_EQ(key->public_key_protobuf(), ed25519_protobuf(kPublic));
    EXPECT_EQ(key->peer_id().to_string(), kPeerText);
    EXPECT_EQ(PublicKey::from_protobuf(key->public_key_protobuf()), key->public_key());
  }
}

TEST(Keys, GeneratedKeysDifferAndComeBack) {
  PrivateKey a = PrivateKey::generate_ed25519(), b = PrivateKey::generate_ed25519();
  EXPECT_NE(a.peer_id(), b.peer_id());
  EXPECT_THAT(a.peer_id().to_string(), testing::StartsWith("12D3KooW"));
  EXPECT_EQ(PrivateKey::from_protobuf(a.to_protobuf())->peer_id(), a.peer_id());
}

TEST(Keys, RsaIsRead) {
  Rsa rsa = make_rsa(2048);
  auto key = PrivateKey::from_protobuf(rsa_protobuf(rsa.pkcs1));
  ASSERT_TRUE(key.has_value()) << key.error().message;
  EXPECT_EQ(key->type(), KeyType::kRsa);
  EXPECT_EQ(key->secret(), rsa.pkcs1);
  EXPECT_EQ(key->to_protobuf(), rsa_protobuf(rsa.pkcs1));
  EXPECT_EQ(key->public_key_protobuf(), rsa_protobuf(rsa.pkix));
  EXPECT_EQ(key->peer_id().bytes(), "\x12 " + sha2_256(rsa_protobuf(rsa.pkix)));
  EXPECT_THAT(key->peer_id().to_string(), testing::StartsWith("Qm"));
  EXPECT_EQ(PublicKey::from_protobuf(key->public_key_protobuf()), key->public_key());
  // The public key as a private one, bytes after the key, another key's part in the middle, too few bits.
  EXPECT_FALSE(PrivateKey::from_protobuf(rsa_protobuf(rsa.pkix)).has_value());
  EXPECT_FALSE(PrivateKey::from_protobuf(rsa_protobuf(rsa.pkcs1 + "x")).has_value());
  Bytes broken = rsa.pkcs1;
  broken[rsa.pkcs1.size() / 3] = static_cast<char>(broken[rsa.pkcs1.size() / 3] ^ 1);
  EXPECT_FALSE(PrivateKey::from_protobuf(rsa_protobuf(broken)).has_value());
  Rsa small = make_rsa(1024);
  EXPECT_THAT(message(PrivateKey::from_protobuf(rsa_protobuf(small.pkcs1))), testing::HasSubstr("1024 bits"));
  EXPECT_THAT(message(PublicKey::from_protobuf(rsa_protobuf(small.pkix))), testing::HasSubstr("1024 bits"));
}

TEST(Keys, OtherTypesAreRefusedByName) {
  auto secp = PrivateKey::from_protobuf(hex("08021220") + std::string(32, 'x'));
  EXPECT_EQ(kind(secp), ErrorKind::kUnimplemented);
  EXPECT_THAT(message(secp), testing::HasSubstr("Secp256k1"));
  EXPECT_THAT(message(PublicKey::from_protobuf(hex("08031200"))), testing::HasSubstr("ECDSA"));
  EXPECT_EQ(kind(PublicKey::from_protobuf(hex("08041200"))), ErrorKind::kInvalidArgument);
}

TEST(Keys, RefusesMalformedBytes) {
  Bytes good = ed25519_protobuf(kSeed + kPublic);
  for (const Bytes& bytes :
       {Bytes(), hex("0801"), hex("1200"), hex("0a001200"), hex("08010800"), good + "x", good.substr(0, 40),
        "\x88" + hex("00") + good.substr(1), ed25519_protobuf(kSeed), ed25519_protobuf(kPublic + kSeed),
        ed25519_protobuf(kSeed + kPublic + kSeed), rsa_protobuf(""), rsa_protobuf("x"),
        good.substr(2) + good.substr(0, 2), hex("0881001200")}) {
    EXPECT_EQ(kind(PrivateKey::from_protobuf(bytes)), ErrorKind::kInvalidArgument) << to_hex(bytes);
  }
  EXPECT_FALSE(PublicKey::from_protobuf(good).has_value());
  EXPECT_FALSE(PublicKey::ed25519("short").has_value());
  EXPECT_FALSE(PrivateKey::ed25519_from_seed("short").has_value());
}

TEST(Keys, MutatedBytesNeverCrash) {
  Random random(9);
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes = random.mutate(ed25519_protobuf(kSeed + kPublic));
    if (auto key = PrivateKey::from_protobuf(bytes)) {
      EXPECT_EQ(PrivateKey::from_protobuf(key->to_protobuf())->peer_id(), key->peer_id());
    }
    bytes = random.mutate(ed25519_protobuf(kPublic));
    if (auto key = PublicKey::from_protobuf(bytes)) EXPECT_EQ(key->to_protobuf(), bytes);
  }
}

}  // namespace
}  // namespace ipfsc::ipld
