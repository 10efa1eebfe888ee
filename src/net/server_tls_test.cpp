#include "net/server_tls.h"

#include <filesystem>
#include <fstream>

#include "net/test_support.h"

namespace ipfsc::net {
namespace {

namespace fs = std::filesystem;

/// Files that go with the test.
struct Certificate {
  explicit Certificate(std::string_view name) : files(make_certificate(name)) {}
  ~Certificate() {
    fs::remove(files.certificate_chain_file);
    fs::remove(files.private_key_file);
  }
  TlsFiles files;
};

void replace(const std::string& from, const std::string& to) {
  fs::copy_file(from, to + ".new", fs::copy_options::overwrite_existing);
  fs::rename(to + ".new", to);
}

Bytes certificate_of(ServerTls& tls) {
  auto* certificate = SSL_CTX_get0_certificate(tls.context().native_handle());
  unsigned char* der = nullptr;
  int size = i2d_X509(certificate, &der);
  Bytes out(as_bytes(der, static_cast<size_t>(size)));
  OPENSSL_free(der);
  return out;
}

TEST(ServerTls, TakesFilesThatHaveChanged) {
  Certificate used("used"), next("next");
  auto tls = ServerTls::load(used.files);
  ASSERT_TRUE(tls) << tls.error().message;
  auto before = certificate_of(**tls);
  EXPECT_EQ(*(*tls)->refresh(), false);

  // Between the two renames the files do not fit each other: what was used stays.
  replace(next.files.certificate_chain_file, used.files.certificate_chain_file);
  auto half = (*tls)->refresh();
  ASSERT_FALSE(half);
  EXPECT_NE(half.error().message.find(used.files.private_key_file), std::string::npos) << half.error().message;
  EXPECT_EQ(certificate_of(**tls), before);
  EXPECT_EQ(*(*tls)->refresh(), false);  // said once

  replace(next.files.private_key_file, used.files.private_key_file);
  EXPECT_EQ(*(*tls)->refresh(), true);
  auto after = certificate_of(**tls);
  EXPECT_NE(after, before);

  fs::remove(used.files.private_key_file);
  EXPECT_FALSE((*tls)->refresh());
  EXPECT_EQ(certificate_of(**tls), after);
}

TEST(ServerTls, OtherPathsAreTakenAsAWholeOrNotAtAll) {
  Certificate used("used"), next("next");
  auto tls = ServerTls::load(used.files);
  ASSERT_TRUE(tls);
  auto before = certificate_of(**tls);
  EXPECT_FALSE((*tls)->use({next.files.certificate_chain_file, used.files.private_key_file, ""}));
  EXPECT_FALSE((*tls)->use({next.files.certificate_chain_file, next.files.private_key_file, "/nonexistent.pem"}));
  EXPECT_EQ(certificate_of(**tls), before);
  EXPECT_EQ(*(*tls)->refresh(), false);
  EXPECT_TRUE(
      (*tls)->use({next.files.certificate_chain_file, next.files.private_key_file, used.files.certificate_chain_file}));
  EXPECT_NE(certificate_of(**tls), before);
  EXPECT_NE(SSL_CTX_get_verify_mode((*tls)->context().native_handle()) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0);
}

TEST(ServerTls, OffersForwardSecrecyAndAuthenticatedEncryptionOnly) {
  Certificate used("used");
  auto tls = ServerTls::load(used.files);
  ASSERT_TRUE(tls);
  auto* context = (*tls)->context().native_handle();
  EXPECT_EQ(SSL_CTX_get_min_proto_version(context), TLS1_2_VERSION);
  auto* ciphers = SSL_CTX_get_ciphers(context);
  ASSERT_GT(sk_SSL_CIPHER_num(ciphers), 0);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const auto* cipher = sk_SSL_CIPHER_value(ciphers, i);
    EXPECT_TRUE(SSL_CIPHER_is_aead(cipher)) << SSL_CIPHER_get_name(cipher);
    EXPECT_TRUE(SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe || SSL_CIPHER_get_kx_nid(cipher) == NID_kx_any)
        << SSL_CIPHER_get_name(cipher);
  }
}

}  // namespace
}  // namespace ipfsc::net
