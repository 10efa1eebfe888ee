// libp2p keys in their protobuf form, as identity.json keeps them. Source: the peer id specification of libp2p.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "ipld/peer_id.h"

namespace ipfsc::ipld {

enum class KeyType : uint8_t { kRsa = 0, kEd25519 = 1, kSecp256k1 = 2, kEcdsa = 3 };
std::string_view key_type_name(KeyType type);

/// RSA keys outside these sizes are refused.
inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;

/// An Ed25519 or RSA public key.
class PublicKey {
 public:
  /// kUnimplemented naming the type for secp256k1 and ECDSA; kInvalidArgument when malformed.
  static Result<PublicKey> from_protobuf(ByteView bytes);
  /// 32 bytes (else kInvalidArgument).
  static Result<PublicKey> ed25519(ByteView raw);
  /// DER SubjectPublicKeyInfo of an RSA key.
  static Result<PublicKey> rsa(ByteView pkix_der);

  KeyType type() const { return type_; }
  /// Ed25519: 32 bytes. RSA: DER SubjectPublicKeyInfo.
  ByteView data() const { return data_; }
  Bytes to_protobuf() const;
  PeerId peer_id() const { return PeerId::from_public_key_protobuf(to_protobuf()); }
  bool operator==(const PublicKey&) const = default;

 private:
  PublicKey(KeyType type, Bytes data) : type_(type), data_(std::move(data)) {}
  KeyType type_;
  Bytes data_;
};

/// An Ed25519 or RSA private key with its public key.
struct PrivateKey {
 public:
  /// kUnimplemented naming the type for secp256k1 and ECDSA; kInvalidArgument when malformed, or when the public part
  /// does not belong to the private one.
  static Result<PrivateKey> from_protobuf(ByteView bytes);
  static PrivateKey generate_ed25519();
  /// From the 32 secret bytes.
  static Result<PrivateKey> ed25519_from_seed(ByteView seed);

  KeyType type() const { return public_key_.type(); }
  Bytes to_protobuf() const;
  const PublicKey& public_key() const { return public_key_; }
  Bytes public_key_protobuf() const { return public_key_.to_protobuf(); }
  PeerId peer_id() const { return public_key_.peer_id(); }
  /// The secret itself. Ed25519: the 32 bytes of the seed. RSA: DER of PKCS #1 (RSAPrivateKey).
  ByteView secret() const { return secret_; }

 private:
  PrivateKey(PublicKey public_key, Bytes secret) : public_key_(std::move(public_key)), secret_(std::move(secret)) {}
  PublicKey public_key_;
  Bytes secret_;
};

}  // namespace ipfsc::ipld
