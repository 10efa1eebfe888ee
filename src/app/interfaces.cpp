#include "app/interfaces.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>

namespace ipfsc::app {
namespace {

bool is_loopback_host(const std::string& host) { return host.starts_with("127.") || host == "::1"; }

/// Hosts of this machine of one family, loopback last; without link-local ones, which need a zone.
std::vector<std::string> hosts(int family) {
  std::vector<std::string> out;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return out;
  for (auto* at = all; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != family || (at->ifa_flags & IFF_UP) == 0) continue;
    char text[INET6_ADDRSTRLEN] = "";
    const void* address = nullptr;
    if (family == AF_INET) {
      address = &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr;
    } else {
      const auto* in6 = &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(in6)) continue;
      address = in6;
    }
    if (inet_ntop(family, address, text, sizeof text) != nullptr) out.emplace_back(text);
  }
  freeifaddrs(all);
  std::ranges::sort(out, {}, [](const std::string& host) { return std::pair(is_loopback_host(host), host); });
  return out;
}

}  // namespace

bool is_loopback(const ipld::Multiaddr& address) {
  auto tcp = address.tcp();
  return tcp && is_loopback_host(tcp->host);
}

bool is_covered(const ipld::Multiaddr& address, const std::vector<ipld::Multiaddr>& masks) {
  auto host_of = [](const ipld::Multiaddr::Part& part, Bytes& out) {
    int family = part.name == "ip4" ? AF_INET : part.name == "ip6" ? AF_INET6 : 0;
    out.assign(family == AF_INET ? 4 : 16, '\0');
    return family != 0 && inet_pton(family, part.value.c_str(), out.data()) == 1;
  };
  auto plain = address.without_peer_id();
  auto parts = plain.parts();
  Bytes host, network;
  for (const auto& mask : masks) {
    if (mask.without_peer_id() == plain) return true;
    auto mask_parts = mask.parts();
    if (mask_parts.size() != 2 || mask_parts[1].name != "ipcidr" || parts.empty()) continue;
    if (parts[0].name != mask_parts[0].name || !host_of(parts[0], host) || !host_of(mask_parts[0], network)) continue;
    size_t bits = std::min<size_t>(std::stoul(mask_parts[1].value), host.size() * 8);
    auto bit = [](const Bytes& bytes, size_t i) { return static_cast<unsigned char>(bytes[i / 8]) >> (7 - i % 8) & 1; };
    size_t same = 0;
    while (same < bits && bit(host, same) == bit(network, same)) ++same;
    if (same == bits) return true;
  }
  return false;
}

std::vector<ipld::Multiaddr> with_real_hosts(const std::vector<ipld::Multiaddr>& addresses) {
  std::vector<ipld::Multiaddr> out;
  auto add = [&out](const ipld::Multiaddr& address) {
    if (std::ranges::find(out, address) == out.end()) out.push_back(address);
  };
  for (const auto& address : addresses) {
    auto tcp = address.tcp();
    if (!tcp || (tcp->host != "0.0.0.0" && tcp->host != "::")) {
      add(address);
      continue;
    }
    auto found = hosts(tcp->ip_version == 6 ? AF_INET6 : AF_INET);
    for (size_t i = 0; i < found.size(); ++i) {
      if (i > 0 && is_loopback_host(found[i])) break;
      auto real = ipld::Multiaddr::parse(fmt::format("/ip{}/{}/tcp/{}", tcp->ip_version, found[i], tcp->port));
      if (real) add(*real);
    }
  }
  return out;
}

}  // namespace ipfsc::app
