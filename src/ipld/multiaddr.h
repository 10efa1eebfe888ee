// Multiaddresses: "/ip4/127.0.0.1/tcp/9096/p2p/12D3Koo…". Source: the multiaddr specification of multiformats.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "ipld/peer_id.h"

namespace ipfsc::ipld {

/// Longest binary form, and longest text that is read: no protocol writes more than 9 characters for a byte, so every
/// address comes back from its text.
inline constexpr size_t kMaxMultiaddrBytes = 4096;
inline constexpr size_t kMaxMultiaddrTextBytes = 9 * kMaxMultiaddrBytes;

/// A well-formed address: a value, ordered by its binary form, hashable. Default-constructed it is empty().
/// Protocols: ip4 ip6 ip6zone ipcidr tcp udp dccp sctp utp udt dns dns4 dns6 dnsaddr unix p2p (alias ipfs) quic quic-v1
/// ws wss tls sni noise http https p2p-circuit webtransport certhash webrtc webrtc-direct
/// p2p-webrtc-direct memory.
class Multiaddr {
 public:
  Multiaddr() = default;
  /// kInvalidArgument saying which component is wrong and why; an unknown protocol is named.
  static Result<Multiaddr> parse(std::string_view text);
  static Result<Multiaddr> from_bytes(ByteView binary);

  bool empty() const { return bytes_.empty(); }
  const Bytes& bytes() const { return bytes_; }
  /// Canonical text: "/p2p/" for "/ipfs/", addresses in their shortest form.
  std::string to_string() const;

  struct Part {
    uint32_t code = 0;
    std::string name;
    std::string value;  ///< text form; "" when the protocol has none
    bool operator==(const Part&) const = default;
  };
  std::vector<Part> parts() const;

  /// Of a trailing /p2p/<id>.
  std::optional<PeerId> peer_id() const;
  /// This address without its trailing /p2p/<id>; itself when it has none.
  Multiaddr without_peer_id() const;
  /// This address with /p2p/<id> at its end, instead of one that is there.
  Multiaddr with_peer_id(const PeerId& id) const;

  /// The path of an address that is /unix/….
  std::optional<std::string> unix_path() const;

  struct HostPort {
    std::string host;  ///< "127.0.0.1", "::1" (no brackets) or a name
    uint16_t port = 0;
    bool is_dns = false;
    int ip_version = 0;  ///< 4, 6; for names 4 or 6 when dns4 or dns6 asks for it, else 0
  };
  /// When the address begins with an IP address or a name, then /tcp/<port>.
  std::optional<HostPort> tcp() const;
  /// True when a protocol of that name is part of the address ("tls", "ws", "p2p-circuit").
  bool has(std::string_view protocol) const;

  auto operator<=>(const Multiaddr&) const = default;
  bool operator==(const Multiaddr&) const = default;

 private:
  explicit Multiaddr(Bytes bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes_;
};

}  // namespace ipfsc::ipld

template <>
struct std::hash<ipfsc::ipld::Multiaddr> {
  size_t operator()(const ipfsc::ipld::Multiaddr& a) const noexcept { return std::hash<std::string_view>()(a.bytes()); }
};
