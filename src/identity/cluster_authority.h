// Trust between peers: who knows the cluster's secret can make certificates of the cluster; a certificate holds its
// peer's own identity key, so the secret never lets one peer speak for another.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "ipld/keys.h"
#include "ipld/peer_id.h"

namespace ipfsc::identity {

inline constexpr size_t kSecretBytes = 32;

/// The certificate authority that a secret stands for: an Ed25519 key derived from it (HKDF-SHA256, RFC 5869).
class ClusterAuthority {
 public:
  /// The same secret gives the same authority, byte for byte. kInvalidArgument when it has not kSecretBytes.
  static Result<ClusterAuthority> from_secret(ByteView secret);

  /// What peers verify each other's certificates with.
  const std::string& certificate_pem() const { return certificate_pem_; }
  /// A certificate of the peer's public key, named by its peer id (subject and subject alternative name). It does not
  /// expire: clocks don't matter.
  std::string issue(const ipld::PublicKey& peer) const;
  /// Whether it has signed that certificate. Malformed text is no certificate of anybody.
  bool has_issued(std::string_view pem) const;

 private:
  explicit ClusterAuthority(ipld::PrivateKey key) : key_(std::move(key)) {}
  ipld::PrivateKey key_;
  std::string certificate_pem_;
};

/// The peer that a certificate belongs to, by the key in it. kInvalidArgument when it is malformed, holds a key that no
/// peer has, or is named differently. Who signed it is not looked at: see ClusterAuthority::has_issued().
Result<ipld::PeerId> peer_of_certificate(std::string_view pem);

/// PKCS #8, for TLS libraries.
std::string private_key_pem(const ipld::PrivateKey& key);

}  // namespace ipfsc::identity
