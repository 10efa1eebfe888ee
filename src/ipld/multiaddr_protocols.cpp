#include "ipld/multiaddr_protocols.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "ipld/multibase.h"
#include "ipld/multihash.h"
#include "ipld/peer_id.h"

namespace ipfsc::ipld {
namespace {

constexpr AddrProtocol kProtocols[] = {
    {kIp4, "ip4", AddrValue::kIp4},
    {kTcp, "tcp", AddrValue::kPort},
    {273, "udp", AddrValue::kPort},
    {33, "dccp", AddrValue::kPort},
    {132, "sctp", AddrValue::kPort},
    {kIp6, "ip6", AddrValue::kIp6},
    {kIp6Zone, "ip6zone", AddrValue::kName},
    {kIpCidr, "ipcidr", AddrValue::kByte},
    {kDns, "dns", AddrValue::kName},
    {kDns4, "dns4", AddrValue::kName},
    {kDns6, "dns6", AddrValue::kName},
    {kDnsAddr, "dnsaddr", AddrValue::kName},
    {kUnix, "unix", AddrValue::kPath},
    {kP2p, "p2p", AddrValue::kPeerId},
    {275, "p2p-webrtc-star", AddrValue::kNone},
    {276, "p2p-webrtc-direct", AddrValue::kNone},
    {280, "webrtc-direct", AddrValue::kNone},
    {281, "webrtc", AddrValue::kNone},
    {290, "p2p-circuit", AddrValue::kNone},
    {301, "udt", AddrValue::kNone},
    {302, "utp", AddrValue::kNone},
    {443, "https", AddrValue::kNone},
    {448, "tls", AddrValue::kNone},
    {449, "sni", AddrValue::kName},
    {454, "noise", AddrValue::kNone},
    {460, "quic", AddrValue::kNone},
    {461, "quic-v1", AddrValue::kNone},
    {465, "webtransport", AddrValue::kNone},
    {466, "certhash", AddrValue::kCertHash},
    {477, "ws", AddrValue::kNone},
    {478, "wss", AddrValue::kNone},
    {480, "http", AddrValue::kNone},
    {777, "memory", AddrValue::kWord64},
};

std::unexpected<Error> invalid(std::string why) { return fail(ErrorKind::kInvalidArgument, std::move(why)); }

// Bytes of values that have no length in front; nullopt for those that have one.
std::optional<size_t> fixed_size(AddrValue value) {
  switch (value) {
    case AddrValue::kNone:
      return 0;
    case AddrValue::kByte:
      return 1;
    case AddrValue::kPort:
      return 2;
    case AddrValue::kIp4:
      return 4;
    case AddrValue::kWord64:
      return 8;
    case AddrValue::kIp6:
      return 16;
    default:
      return std::nullopt;
  }
}

Result<Bytes> number_from_text(std::string_view text, uint64_t max, size_t size) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number > max) {
    return invalid(fmt::format("{} is not a number from 0 to {}", quoted(text), max));
  }
  Bytes out;
  append_be64(out, number);
  return out.substr(8 - size);
}

uint64_t number_of(ByteView value) {
  uint64_t number = 0;
  for (unsigned char c : value) number = number << 8 | c;
  return number;
}

Result<Bytes> ip_from_text(int family, std::string_view text) {
  Bytes out(family == AF_INET ? 4 : 16, '\0');
  // inet_pton() would stop at a zero byte.
  bool good = !text.contains('\0') && inet_pton(family, std::string(text).c_str(), out.data()) == 1;
  if (!good) return invalid(fmt::format("{} is not an IPv{} address", quoted(text), family == AF_INET ? 4 : 6));
  return out;
}

std::string ip_to_text(int family, ByteView value) {
  char text[INET6_ADDRSTRLEN];
  CHECK(inet_ntop(family, value.data(), text, sizeof text) != nullptr);
  return text;
}

bool has_control(ByteView text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; });
}

Result<> check_name(ByteView name) {
  if (name.empty()) return invalid("an empty name");
  if (name.contains('/') || has_control(name)) return invalid(fmt::format("{} is not a name", quoted(name)));
  return {};
}

// What would not come back from the text form is refused.
Result<> check_path(ByteView path) {
  if (path.size() < 2 || path.front() != '/' || path.back() == '/' || has_control(path)) {
    return invalid(fmt::format("{} is not the path of a socket", quoted(path)));
  }
  return {};
}

}  // namespace

const AddrProtocol* addr_protocol(std::string_view name) {
  if (name == "ipfs") name = "p2p";
  auto it = std::ranges::find(kProtocols, name, &AddrProtocol::name);
  return it == std::end(kProtocols) ? nullptr : it;
}

const AddrProtocol* addr_protocol(uint64_t code) {
  auto it = std::ranges::find(kProtocols, code, &AddrProtocol::code);
  return it == std::end(kProtocols) ? nullptr : it;
}

Result<> addr_value_check(const AddrProtocol& protocol, ByteView value) {
  switch (protocol.value) {
    case AddrValue::kName:
      return check_name(value);
    case AddrValue::kPath:
      return check_path(value);
    case AddrValue::kPeerId:
      TRY(PeerId::from_bytes(value));
      return {};
    case AddrValue::kCertHash:
      TRY(Multihash::parse(value));
      return {};
    default:
      return {};
  }
}

Result<Bytes> addr_value_from_text(const AddrProtocol& protocol, std::string_view text) {
  switch (protocol.value) {
    case AddrValue::kNone:
      return Bytes();
    case AddrValue::kByte:
      return number_from_text(text, std::numeric_limits<uint8_t>::max(), 1);
    case AddrValue::kPort:
      return number_from_text(text, std::numeric_limits<uint16_t>::max(), 2);
    case AddrValue::kWord64:
      return number_from_text(text, std::numeric_limits<uint64_t>::max(), 8);
    case AddrValue::kIp4:
      return ip_from_text(AF_INET, text);
    case AddrValue::kIp6:
      return ip_from_text(AF_INET6, text);
    case AddrValue::kPeerId: {
      TRY_ASSIGN(auto id, PeerId::parse(text));
      return id.bytes();
    }
    case AddrValue::kCertHash: {
      TRY_ASSIGN(auto hash, multibase_decode(text));
      TRY(addr_value_check(protocol, hash));
      return hash;
    }
    case AddrValue::kName:
    case AddrValue::kPath:
      break;
  }
  TRY(addr_value_check(protocol, text));
  return Bytes(text);
}

std::string addr_value_to_text(const AddrProtocol& protocol, ByteView value) {
  switch (protocol.value) {
    case AddrValue::kByte:
    case AddrValue::kPort:
    case AddrValue::kWord64:
      return fmt::to_string(number_of(value));
    case AddrValue::kIp4:
      return ip_to_text(AF_INET, value);
    case AddrValue::kIp6:
      return ip_to_text(AF_INET6, value);
    case AddrValue::kPeerId:
      return base58_encode(value);
    case AddrValue::kCertHash:
      return multibase_encode('u', value);
    default:
      return std::string(value);
  }
}

Result<ByteView> take_addr_value(const AddrProtocol& protocol, ByteView& in) {
  uint64_t size = 0;
  if (auto fixed = fixed_size(protocol.value)) {
    size = *fixed;
  } else {
    TRY_ASSIGN(size, take_varint(in));
  }
  if (size > in.size()) return invalid(fmt::format("a value of {} bytes announced, {} there", size, in.size()));
  ByteView value = in.substr(0, size);
  in.remove_prefix(size);
  return value;
}

void append_addr_component(Bytes& out, const AddrProtocol& protocol, ByteView value) {
  append_varint(out, protocol.code);
  if (!fixed_size(protocol.value)) append_varint(out, value.size());
  out.append(value);
}

}  // namespace ipfsc::ipld
