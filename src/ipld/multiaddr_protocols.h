// The protocols of multiaddresses and how their values are written. Internal to ipld/.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ipfsc::ipld {

/// Codes of the multicodec table.
enum MultiaddrCode : uint32_t {
  kIp4 = 4,
  kTcp = 6,
  kIp6 = 41,
  kIp6Zone = 42,
  kIpCidr = 43,
  kDns = 53,
  kDns4 = 54,
  kDns6 = 55,
  kDnsAddr = 56,
  kUnix = 400,
  kP2p = 421,
};

enum class AddrValue : uint8_t { kNone, kIp4, kIp6, kPort, kByte, kWord64, kName, kPath, kPeerId, kCertHash };

struct AddrProtocol {
  uint32_t code;
  std::string_view name;
  AddrValue value;
};

/// nullptr when unknown. "ipfs" is found as p2p.
const AddrProtocol* addr_protocol(std::string_view name);
const AddrProtocol* addr_protocol(uint64_t code);

/// Text → the value's bytes, without a length in front. kInvalidArgument saying why.
Result<Bytes> addr_value_from_text(const AddrProtocol& protocol, std::string_view text);
/// Bytes that addr_value_check() accepts → text.
std::string addr_value_to_text(const AddrProtocol& protocol, ByteView value);
Result<> addr_value_check(const AddrProtocol& protocol, ByteView value);

/// Takes a value from the front of `in`: of the protocol's fixed size, or with its length in front.
Result<ByteView> take_addr_value(const AddrProtocol& protocol, ByteView& in);
void append_addr_component(Bytes& out, const AddrProtocol& protocol, ByteView value);

}  // namespace ipfsc::ipld
