#include "identity/cluster_authority.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace ipfsc::identity {
namespace {

ClusterAuthority authority(char fill) { return ClusterAuthority::from_secret(Bytes(kSecretBytes, fill)).value(); }

struct FreeX509 {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(X509_STORE* s) const { X509_STORE_free(s); }
  void operator()(X509_STORE_CTX* c) const { X509_STORE_CTX_free(c); }
};

std::unique_ptr<X509, FreeX509> read(const std::string& pem) {
  BIO* io = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::unique_ptr<X509, FreeX509> out(PEM_read_bio_X509(io, nullptr, nullptr, nullptr));
  BIO_free(io);
  return out;
}

/// As a TLS library does, in the year `time` (seconds since 1970).
bool verifies(const std::vector<ClusterAuthority>& authorities, const std::string& pem, time_t time) {
  auto leaf = read(pem);
  std::unique_ptr<X509_STORE, FreeX509> store(X509_STORE_new());
  for (const auto& authority : authorities) X509_STORE_add_cert(store.get(), read(authority.certificate_pem()).get());
  std::unique_ptr<X509_STORE_CTX, FreeX509> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()), time);
  X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(context.get()), X509_PURPOSE_SSL_SERVER);
  return X509_verify_cert(context.get()) == 1;
}

constexpr time_t kNow = 1'790'000'000;

TEST(ClusterAuthority, TheSameSecretIsTheSameAuthority) {
  EXPECT_EQ(authority('a').certificate_pem(), authority('a').certificate_pem());
  EXPECT_NE(authority('a').certificate_pem(), authority('b').certificate_pem());
  auto key = ipld::PrivateKey::generate_ed25519();
  EXPECT_EQ(authority('a').issue(key.public_key()), authority('a').issue(key.public_key()));
}

TEST(ClusterAuthority, RefusesSecretsOfAnotherSize) {
  for (size_t size : {0, 31, 33}) {
    auto made = ClusterAuthority::from_secret(Bytes(size, 'x'));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST(ClusterAuthority, CertificatesVerifyAtAnyTimeAndOnlyUnderTheirAuthority) {
  auto key = ipld::PrivateKey::generate_ed25519();
  auto pem = authority('a').issue(key.public_key());
  for (time_t time : {time_t{0}, kNow, time_t{4'000'000'000}, time_t{200'000'000'000}}) {
    EXPECT_TRUE(verifies({authority('a')}, pem, time)) << time;
  }
  EXPECT_FALSE(verifies({authority('b')}, pem, kNow));
  EXPECT_TRUE(authority('a').has_issued(pem));
  EXPECT_FALSE(authority('b').has_issued(pem));
  EXPECT_FALSE(authority('a').has_issued("nonsense"));
  EXPECT_FALSE(authority('a').has_issued(""));
  EXPECT_FALSE(authority('b').has_issued(authority('a').certificate_pem()));
  auto peer = peer_of_certificate(pem);
  ASSERT_TRUE(peer) << peer.error().message;
  EXPECT_EQ(*peer, key.peer_id());
}

TEST(ClusterAuthority, SeveralAuthoritiesCanBeTrustedAtOnce) {
  auto key = ipld::PrivateKey::generate_ed25519();
  for (char secret : {'a', 'b'}) {
    auto pem = authority(secret).issue(key.public_key());
    EXPECT_TRUE(verifies({authority('a'), authority('b')}, pem, kNow)) << secret;
    EXPECT_TRUE(verifies({authority('b'), authority('a')}, pem, kNow)) << secret;
  }
}

TEST(ClusterAuthority, APeersCertificateCannotMakeCertificates) {
  auto peer = ipld::PrivateKey::generate_ed25519(), other = ipld::PrivateKey::generate_ed25519();
  auto member = read(authority('a').issue(peer.public_key()));
  EXPECT_EQ(X509_check_ca(member.get()), 0);
  EXPECT_EQ(X509_check_ca(read(authority('a').certificate_pem()).get()), 1);
}

TEST(ClusterAuthority, ThePeerIsTheOneOfTheKeyNotOfTheName) {
  EXPECT_FALSE(peer_of_certificate("nonsense"));
  EXPECT_FALSE(peer_of_certificate(authority('a').certificate_pem())) << "the authority is no peer";
  // A member's certificate with its key exchanged.
  auto key = ipld::PrivateKey::generate_ed25519(), stolen = ipld::PrivateKey::generate_ed25519();
  auto forged = read(authority('a').issue(key.public_key()));
  EVP_PKEY* thief = EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(stolen.public_key().data().data()), 32);
  ASSERT_EQ(X509_set_pubkey(forged.get(), thief), 1);
  EVP_PKEY_free(thief);
  ASSERT_GT(i2d_re_X509_tbs(forged.get(), nullptr), 0);  // drops the encoding that was read
  BIO* io = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(io, forged.get());
  char* data = nullptr;
  long size = BIO_get_mem_data(io, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(io);
  auto peer = peer_of_certificate(pem);
  ASSERT_FALSE(peer);
  EXPECT_NE(peer.error().message.find(key.peer_id().to_string()), std::string::npos) << peer.error().message;
  EXPECT_NE(peer.error().message.find(stolen.peer_id().to_string()), std::string::npos) << peer.error().message;
}

TEST(ClusterAuthority, RsaPeers) {
  EVP_PKEY* made = EVP_RSA_gen(2048);
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(made, &der);
  auto key = ipld::PublicKey::rsa(Bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size)));
  OPENSSL_free(der);
  EVP_PKEY_free(made);
  ASSERT_TRUE(key);
  auto pem = authority('a').issue(*key);
  EXPECT_TRUE(verifies({authority('a')}, pem, kNow));
  EXPECT_EQ(peer_of_certificate(pem).value(), key->peer_id());
}

TEST(ClusterAuthority, PrivateKeyAsPem) {
  auto key = ipld::PrivateKey::generate_ed25519();
  auto pem = private_key_pem(key);
  BIO* io = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* back = PEM_read_bio_PrivateKey(io, nullptr, nullptr, nullptr);
  BIO_free(io);
  ASSERT_NE(back, nullptr);
  Bytes raw(32, '\0');
  size_t size = raw.size();
  ASSERT_EQ(EVP_PKEY_get_raw_private_key(back, reinterpret_cast<unsigned char*>(raw.data()), &size), 1);
  EVP_PKEY_free(back);
  EXPECT_EQ(raw, Bytes(key.secret()));
}

}  // namespace
}  // namespace ipfsc::identity
