#include "ipld/multiaddr.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "ipld/multiaddr_protocols.h"

namespace ipfsc::ipld {
namespace {

struct Component {
  const AddrProtocol* protocol = nullptr;
  ByteView value;
  size_t begin = 0;  // in the binary form
};

std::unexpected<Error> invalid(std::string_view text, std::string_view why) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("failed to parse multiaddr {}: {}", quoted(text), why));
}

Result<Component> take_component(ByteView whole, ByteView& in) {
  Component component{.begin = whole.size() - in.size()};
  TRY_ASSIGN(uint64_t code, take_varint(in));
  component.protocol = addr_protocol(code);
  if (!component.protocol) return fail(ErrorKind::kInvalidArgument, fmt::format("no protocol with code {}", code));
  TRY_ASSIGN(component.value, take_addr_value(*component.protocol, in));
  TRY(addr_value_check(*component.protocol, component.value));
  return component;
}

// Of the bytes of a Multiaddr, which are well-formed.
std::vector<Component> components_of(ByteView bytes) {
  std::vector<Component> out;
  for (ByteView in = bytes; !in.empty();) {
    auto component = take_component(bytes, in);
    CHECK(component.has_value());
    out.push_back(*component);
  }
  return out;
}

std::string_view take_word(std::string_view& text) {
  size_t end = std::min(text.find('/'), text.size());
  std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

bool is_host(uint32_t code) { return code == kIp4 || code == kIp6 || code == kDns || code == kDns4 || code == kDns6; }

}  // namespace

Result<Multiaddr> Multiaddr::parse(std::string_view text) {
  if (text.size() > kMaxMultiaddrTextBytes) {
    return invalid(text.substr(0, 32), fmt::format("it is longer than {} characters", kMaxMultiaddrTextBytes));
  }
  if (!text.starts_with('/')) return invalid(text, "must begin with /");
  std::string_view rest = text;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty()) return invalid(text, "empty multiaddr");
  rest.remove_prefix(1);
  Bytes out;
  while (!rest.empty()) {
    std::string_view name = take_word(rest);
    const AddrProtocol* protocol = addr_protocol(name);
    if (!protocol) return invalid(text, fmt::format("no protocol with name {}", quoted(name)));
    if (protocol->value == AddrValue::kNone) {
      append_addr_component(out, *protocol, {});
      continue;
    }
    if (rest.empty()) return invalid(text, fmt::format("{} needs a value", name));
    // A path takes all that follows, with the slash in front of it.
    bool path = protocol->value == AddrValue::kPath;
    std::string_view word = path ? rest : take_word(rest);
    auto value = addr_value_from_text(*protocol, path ? "/" + std::string(word) : std::string(word));
    if (!value) return invalid(text, fmt::format("{}: {}", name, value.error().message));
    append_addr_component(out, *protocol, *value);
    if (path) break;
  }
  if (out.size() > kMaxMultiaddrBytes) {  // an IPv6 address is longer than "/ip6/::"
    return invalid(text.substr(0, 32), fmt::format("its binary form is longer than {} bytes", kMaxMultiaddrBytes));
  }
  return Multiaddr(std::move(out));
}

Result<Multiaddr> Multiaddr::from_bytes(ByteView binary) {
  auto wrong = [](std::string_view why) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("failed to parse a binary multiaddr: {}", why));
  };
  if (binary.empty()) return wrong("it is empty");
  if (binary.size() > kMaxMultiaddrBytes) return wrong(fmt::format("it is longer than {} bytes", kMaxMultiaddrBytes));
  for (ByteView in = binary; !in.empty();) {
    auto component = take_component(binary, in);
    if (!component) return wrong(component.error().message);
    bool path = component->protocol->value == AddrValue::kPath;
    if (path && !in.empty()) return wrong("a component follows after a path");
  }
  return Multiaddr(Bytes(binary));
}

std::string Multiaddr::to_string() const {
  std::string out;
  for (const auto& component : components_of(bytes_)) {
    out.append("/").append(component.protocol->name);
    if (component.protocol->value == AddrValue::kNone) continue;
    if (component.protocol->value != AddrValue::kPath) out.push_back('/');
    out.append(addr_value_to_text(*component.protocol, component.value));
  }
  return out;
}

std::vector<Multiaddr::Part> Multiaddr::parts() const {
  std::vector<Part> out;
  for (const auto& component : components_of(bytes_)) {
    const AddrProtocol& protocol = *component.protocol;
    out.push_back({protocol.code, std::string(protocol.name), addr_value_to_text(protocol, component.value)});
  }
  return out;
}

std::optional<PeerId> Multiaddr::peer_id() const {
  auto components = components_of(bytes_);
  if (components.empty() || components.back().protocol->code != kP2p) return std::nullopt;
  return *PeerId::from_bytes(components.back().value);
}

Multiaddr Multiaddr::without_peer_id() const {
  auto components = components_of(bytes_);
  if (components.empty() || components.back().protocol->code != kP2p) return *this;
  return Multiaddr(bytes_.substr(0, components.back().begin));
}

Multiaddr Multiaddr::with_peer_id(const PeerId& id) const {
  CHECK(!id.empty());
  Bytes out = without_peer_id().bytes_;
  append_addr_component(out, *addr_protocol(uint64_t{kP2p}), id.bytes());
  return Multiaddr(std::move(out));
}

std::optional<std::string> Multiaddr::unix_path() const {
  auto components = components_of(bytes_);
  if (components.empty() || components.front().protocol->code != kUnix) return std::nullopt;
  return std::string(components.front().value);
}

std::optional<Multiaddr::HostPort> Multiaddr::tcp() const {
  auto components = components_of(bytes_);
  if (!components.empty() && components.front().protocol->code == kIp6Zone) components.erase(components.begin());
  if (components.size() < 2 || components[1].protocol->code != kTcp) return std::nullopt;
  const AddrProtocol& host = *components[0].protocol;
  if (!is_host(host.code)) return std::nullopt;
  HostPort out;
  out.host = addr_value_to_text(host, components[0].value);
  out.port = static_cast<uint16_t>(u8(components[1].value)[0] << 8 | u8(components[1].value)[1]);
  out.is_dns = host.code != kIp4 && host.code != kIp6;
  if (host.code == kIp4 || host.code == kDns4) out.ip_version = 4;
  if (host.code == kIp6 || host.code == kDns6) out.ip_version = 6;
  return out;
}

bool Multiaddr::has(std::string_view protocol) const {
  const AddrProtocol* wanted = addr_protocol(protocol);
  return std::ranges::any_of(components_of(bytes_), [&](const Component& c) { return c.protocol == wanted; });
}

}  // namespace ipfsc::ipld
