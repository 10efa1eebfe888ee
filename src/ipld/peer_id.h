// libp2p peer ids: the multihash of a peer's public key. Source: the peer id specification of libp2p.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ipfsc::ipld {

/// A value, ordered by its binary form, hashable. Default-constructed it is empty().
class PeerId {
 public:
  PeerId() = default;
  /// "12D3Koo…", "Qm…" or a CID of the libp2p-key codec ("bafz…", "k51…"). kInvalidArgument otherwise.
  static Result<PeerId> parse(std::string_view text);
  /// A multihash: identity (keys of up to 42 bytes) or sha2-256.
  static Result<PeerId> from_bytes(ByteView multihash);
  /// Identity multihash for keys of up to 42 bytes, else their sha2-256.
  static PeerId from_public_key_protobuf(ByteView key);

  bool empty() const { return bytes_.empty(); }
  const Bytes& bytes() const { return bytes_; }
  /// Base58btc without a prefix; "" when empty().
  std::string to_string() const;
  /// The CID form, base 36: "k51…".
  std::string to_cid_string() const;

  auto operator<=>(const PeerId&) const = default;
  bool operator==(const PeerId&) const = default;

 private:
  explicit PeerId(Bytes bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes_;
};

}  // namespace ipfsc::ipld

template <>
struct std::hash<ipfsc::ipld::PeerId> {
  size_t operator()(const ipfsc::ipld::PeerId& id) const noexcept { return std::hash<std::string_view>()(id.bytes()); }
};
