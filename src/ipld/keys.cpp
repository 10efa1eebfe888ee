#include "ipld/keys.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>

#include "base/check.h"
#include "ipld/wire.h"

namespace ipfsc::ipld {
namespace {

enum KeyField : uint64_t { kType = 1, kData = 2 };
constexpr size_t kEd25519Bytes = 32;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using EvpKey = std::unique_ptr<EVP_PKEY, FreeKey>;

std::unexpected<Error> invalid(std::string why) {
  return fail(ErrorKind::kInvalidArgument, "invalid key: " + std::move(why));
}

struct KeyMessage {
  KeyType type;
  ByteView data;
};

// Both messages have the same fields, in this order and no others: their bytes are hashed into the peer id.
Result<KeyMessage> decode_message(ByteView in) {
  auto type = wire::take_field(in, true);
  if (!type) return invalid(std::move(type.error().message));
  if (type->number != kType || type->type != wire::kVarint) return invalid("it does not begin with a key type");
  auto data = wire::take_field(in, true);
  if (!data) return invalid(std::move(data.error().message));
  if (data->number != kData || data->type != wire::kLengthDelimited)
    return invalid("it has no key data after the type");
  if (!in.empty()) return invalid(fmt::format("{} bytes after the key data", in.size()));
  if (type->value > static_cast<uint64_t>(KeyType::kEcdsa)) return invalid(fmt::format("unknown type {}", type->value));
  return KeyMessage{static_cast<KeyType>(type->value), data->bytes};
}

Bytes encode_message(KeyType type, ByteView data) {
  Bytes out;
  wire::append_integer(out, kType, static_cast<uint64_t>(type));
  wire::append_bytes(out, kData, data);
  return out;
}

std::unexpected<Error> unsupported(KeyType type) {
  return fail(ErrorKind::kUnimplemented,
              fmt::format("{} keys are not supported, only Ed25519 and RSA", key_type_name(type)));
}

Result<> check_rsa_bits(const EVP_PKEY* key) {
  int bits = EVP_PKEY_get_bits(key);
  if (bits >= kMinRsaBits && bits <= kMaxRsaBits) return {};
  return invalid(fmt::format("an RSA key of {} bits, allowed are {} to {}", bits, kMinRsaBits, kMaxRsaBits));
}

// i2d_…() of OpenSSL, which allocate when the pointer they fill is null.
template <class Encode>
Bytes to_der(Encode encode, EVP_PKEY* key) {
  unsigned char* der = nullptr;
  int size = encode(key, &der);
  CHECK(size > 0);
  Bytes out(as_bytes(der, static_cast<size_t>(size)));
  OPENSSL_free(der);
  return out;
}

Result<Bytes> ed25519_public_of(ByteView seed) {
  if (seed.size() != kEd25519Bytes) return invalid(fmt::format("an Ed25519 seed of {} bytes", seed.size()));
  EvpKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, u8(seed), seed.size()));
  CHECK(key);
  Bytes out(kEd25519Bytes, '\0');
  size_t size = out.size();
  CHECK(EVP_PKEY_get_raw_public_key(key.get(), u8(out), &size) == 1 && size == kEd25519Bytes);
  return out;
}

// The seed and the public key, in older programs twice.
Result<ByteView> split_ed25519(ByteView data) {
  if (data.size() != 2 * kEd25519Bytes && data.size() != 3 * kEd25519Bytes) {
    return invalid(fmt::format("an Ed25519 private key of {} bytes", data.size()));
  }
  ByteView seed = data.substr(0, kEd25519Bytes);
  TRY_ASSIGN(auto expected, ed25519_public_of(seed));
  for (data.remove_prefix(kEd25519Bytes); !data.empty(); data.remove_prefix(kEd25519Bytes)) {
    if (data.substr(0, kEd25519Bytes) != expected)
      return invalid("the Ed25519 public key is not that of the private one");
  }
  return seed;
}

// A parser of OpenSSL leaves its complaints in a queue of the thread, where the next TLS call would find them.
Result<EvpKey> parse_der(EVP_PKEY* parsed, const unsigned char* end, ByteView der, const char* what) {
  EvpKey key(parsed);
  ERR_clear_error();
  if (!key || end != u8(der) + der.size()) return invalid(fmt::format("the RSA key is not {}", what));
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return invalid("it says RSA and holds another type");
  TRY(check_rsa_bits(key.get()));
  return key;
}

Result<EvpKey> parse_rsa_private(ByteView der) {
  const unsigned char* p = u8(der);
  EVP_PKEY* parsed = d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &p, static_cast<long>(der.size()));
  TRY_ASSIGN(auto key, parse_der(parsed, p, der, "DER of PKCS #1"));
  std::unique_ptr<EVP_PKEY_CTX, decltype([](EVP_PKEY_CTX* c) { EVP_PKEY_CTX_free(c); })> context(
      EVP_PKEY_CTX_new(key.get(), nullptr));
  bool pair = context && EVP_PKEY_pairwise_check(context.get()) == 1;
  ERR_clear_error();
  if (!pair) return invalid("the RSA public key is not that of the private one");
  return key;
}

}  // namespace

std::string_view key_type_name(KeyType type) {
  switch (type) {
    case KeyType::kRsa:
      return "RSA";
    case KeyType::kEd25519:
      return "Ed25519";
    case KeyType::kSecp256k1:
      return "Secp256k1";
    case KeyType::kEcdsa:
      return "ECDSA";
  }
  return "unknown";
}

Result<PublicKey> PublicKey::ed25519(ByteView raw) {
  if (raw.size() != kEd25519Bytes) return invalid(fmt::format("an Ed25519 public key of {} bytes", raw.size()));
  return PublicKey(KeyType::kEd25519, Bytes(raw));
}

Result<PublicKey> PublicKey::rsa(ByteView der) {
  const unsigned char* p = u8(der);
  EVP_PKEY* parsed = d2i_PUBKEY(nullptr, &p, static_cast<long>(der.size()));
  TRY(parse_der(parsed, p, der, "DER SubjectPublicKeyInfo"));
  return PublicKey(KeyType::kRsa, Bytes(der));
}

Result<PublicKey> PublicKey::from_protobuf(ByteView bytes) {
  TRY_ASSIGN(auto message, decode_message(bytes));
  switch (message.type) {
    case KeyType::kEd25519:
      return ed25519(message.data);
    case KeyType::kRsa:
      return rsa(message.data);
    default:
      return unsupported(message.type);
  }
}

Bytes PublicKey::to_protobuf() const { return encode_message(type_, data_); }

Result<PrivateKey> PrivateKey::ed25519_from_seed(ByteView seed) {
  TRY_ASSIGN(auto raw, ed25519_public_of(seed));
  TRY_ASSIGN(auto public_key, PublicKey::ed25519(raw));
  return PrivateKey(std::move(public_key), Bytes(seed));
}

Result<PrivateKey> PrivateKey::from_protobuf(ByteView bytes) {
  TRY_ASSIGN(auto message, decode_message(bytes));
  if (message.type == KeyType::kEd25519) {
    TRY_ASSIGN(auto seed, split_ed25519(message.data));
    return ed25519_from_seed(seed);
  }
  if (message.type != KeyType::kRsa) return unsupported(message.type);
  TRY_ASSIGN(auto key, parse_rsa_private(message.data));
  TRY_ASSIGN(auto public_key, PublicKey::rsa(to_der(i2d_PUBKEY, key.get())));
  return PrivateKey(std::move(public_key), Bytes(message.data));
}

PrivateKey PrivateKey::generate_ed25519() {
  EvpKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  CHECK(key);
  Bytes seed(kEd25519Bytes, '\0');
  size_t size = seed.size();
  CHECK(EVP_PKEY_get_raw_private_key(key.get(), u8(seed), &size) == 1 && size == kEd25519Bytes);
  return *ed25519_from_seed(seed);
}

Bytes PrivateKey::to_protobuf() const {
  if (type() == KeyType::kRsa) return encode_message(KeyType::kRsa, secret_);
  return encode_message(KeyType::kEd25519, secret_ + Bytes(public_key_.data()));
}

}  // namespace ipfsc::ipld
