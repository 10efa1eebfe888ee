#include "identity/cluster_authority.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/check.h"
#include "base/text.h"

namespace ipfsc::identity {
namespace {

// Part of the protocol between peers: never to be changed.
constexpr std::string_view kSalt = "ipfs-cluster";
constexpr std::string_view kAuthorityInfo = "cluster authority v1";
constexpr std::string_view kAuthorityPrefix = "ipfs-cluster authority ";
constexpr std::string_view kNotBefore = "19700101000000Z", kNotAfter = "99991231235959Z";  // RFC 5280: never

template <auto Free>
struct Freer {
  void operator()(auto* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using Io = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;

const unsigned char* u8(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Bytes derive(ByteView secret, std::string_view info, size_t size) {
  KeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  Bytes out(size, '\0');
  CHECK(context && EVP_PKEY_derive_init(context.get()) > 0);
  CHECK(EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) > 0);
  CHECK(EVP_PKEY_CTX_set1_hkdf_salt(context.get(), u8(kSalt), static_cast<int>(kSalt.size())) > 0);
  CHECK(EVP_PKEY_CTX_set1_hkdf_key(context.get(), u8(secret), static_cast<int>(secret.size())) > 0);
  CHECK(EVP_PKEY_CTX_add1_hkdf_info(context.get(), u8(info), static_cast<int>(info.size())) > 0);
  CHECK(EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size) > 0);
  return out;
}

/// Null when it is none.
Certificate read_certificate(std::string_view pem) {
  if (pem.empty()) return nullptr;
  Io io(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CHECK(io);
  return Certificate(PEM_read_bio_X509(io.get(), nullptr, nullptr, nullptr));
}

Key to_openssl(const ipld::PrivateKey& key) {
  const unsigned char* data = u8(key.secret());
  auto size = key.secret().size();
  return Key(key.type() == ipld::KeyType::kEd25519
                 ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, data, size)
                 : d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &data, static_cast<long>(size)));
}

Key to_openssl(const ipld::PublicKey& key) {
  const unsigned char* data = u8(key.data());
  auto size = key.data().size();
  return Key(key.type() == ipld::KeyType::kEd25519 ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, data, size)
                                                   : d2i_PUBKEY(nullptr, &data, static_cast<long>(size)));
}

Result<ipld::PublicKey> from_openssl(EVP_PKEY* key) {
  if (key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
    Bytes raw(32, '\0');
    size_t size = raw.size();
    CHECK(EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size) == 1);
    return ipld::PublicKey::ed25519(raw);
  }
  if (key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
    unsigned char* der = nullptr;
    int size = i2d_PUBKEY(key, &der);
    if (size > 0) {
      Bytes bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size));
      OPENSSL_free(der);
      return ipld::PublicKey::rsa(bytes);
    }
  }
  return fail(ErrorKind::kInvalidArgument, "the certificate holds neither an Ed25519 nor an RSA key");
}

std::string take_text(const Io& io) {
  char* data = nullptr;
  long size = BIO_get_mem_data(io.get(), &data);
  return {data, static_cast<size_t>(size)};
}

void set_name(X509_NAME* name, std::string_view text) {
  CHECK(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, u8(text), static_cast<int>(text.size()), -1,
                                   0) == 1);
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  CHECK(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

/// Each authority has a name of its own: a verifier that knows several finds the right one by the issuer's name.
std::string authority_name(const ipld::PublicKey& key) {
  return std::string(kAuthorityPrefix) + to_hex(key.data().substr(0, 8));
}

struct Holder {
  std::string name;
  EVP_PKEY* key;
  bool authority;
};

/// Signed by the authority `issuer`; the same values give the same bytes.
std::string certify(const Holder& holder, const std::string& issuer, EVP_PKEY* authority_key) {
  Certificate certificate(X509_new());
  CHECK(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  CHECK(ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1) == 1);
  CHECK(ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate.get()), kNotBefore.data()) == 1);
  CHECK(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate.get()), kNotAfter.data()) == 1);
  set_name(X509_get_subject_name(certificate.get()), holder.name);
  set_name(X509_get_issuer_name(certificate.get()), issuer);
  CHECK(X509_set_pubkey(certificate.get(), holder.key) == 1);
  if (holder.authority) {
    add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign");
  } else {
    add_extension(certificate.get(), nullptr, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(certificate.get(), nullptr, NID_ext_key_usage, "serverAuth,clientAuth");
    add_extension(certificate.get(), nullptr, NID_subject_alt_name, "DNS:" + holder.name);
  }
  CHECK(X509_sign(certificate.get(), authority_key, nullptr) > 0);  // Ed25519: deterministic, no digest of its own
  Io io(BIO_new(BIO_s_mem()));
  CHECK(io && PEM_write_bio_X509(io.get(), certificate.get()) == 1);
  return take_text(io);
}

std::string common_name(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<size_t>(ASN1_STRING_length(text))};
}

}  // namespace

Result<ClusterAuthority> ClusterAuthority::from_secret(ByteView secret) {
  if (secret.size() != kSecretBytes) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("a cluster secret has {} bytes, not {}", kSecretBytes, secret.size()));
  }
  TRY_ASSIGN(auto key, ipld::PrivateKey::ed25519_from_seed(derive(secret, kAuthorityInfo, 32)));
  ClusterAuthority authority(std::move(key));
  Key openssl = to_openssl(authority.key_);
  CHECK(openssl);
  std::string name = authority_name(authority.key_.public_key());
  authority.certificate_pem_ = certify({.name = name, .key = openssl.get(), .authority = true}, name, openssl.get());
  return authority;
}

std::string ClusterAuthority::issue(const ipld::PublicKey& peer) const {
  Key subject = to_openssl(peer), signer = to_openssl(key_);
  CHECK(subject && signer);
  return certify({.name = peer.peer_id().to_string(), .key = subject.get(), .authority = false},
                 authority_name(key_.public_key()), signer.get());
}

bool ClusterAuthority::has_issued(std::string_view pem) const {
  auto certificate = read_certificate(pem);
  Key key = to_openssl(key_.public_key());
  CHECK(key);
  return certificate && X509_verify(certificate.get(), key.get()) == 1;
}

Result<ipld::PeerId> peer_of_certificate(std::string_view pem) {
  auto certificate = read_certificate(pem);
  if (!certificate) return fail(ErrorKind::kInvalidArgument, "this is not a certificate");
  TRY_ASSIGN(auto key, from_openssl(X509_get0_pubkey(certificate.get())));
  auto id = key.peer_id();
  std::string name = common_name(certificate.get());
  if (name != id.to_string() ||
      X509_check_host(certificate.get(), name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) != 1) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("the certificate is named {} but holds the key of {}", quoted(name), id.to_string()));
  }
  return id;
}

std::string private_key_pem(const ipld::PrivateKey& key) {
  Key openssl = to_openssl(key);
  CHECK(openssl);
  Io io(BIO_new(BIO_s_secmem()));
  CHECK(io && PEM_write_bio_PKCS8PrivateKey(io.get(), openssl.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return take_text(io);
}

}  // namespace ipfsc::identity
