#include "rpc/grpc/targets.h"

#include <fmt/format.h>

namespace ipfsc::rpc {

std::vector<std::string> grpc_targets(const std::vector<ipld::Multiaddr>& addresses) {
  std::vector<std::string> out;
  for (const auto& address : addresses) {
    auto tcp = address.tcp();
    if (!tcp) continue;
    std::string target = tcp->is_dns            ? fmt::format("dns:{}:{}", tcp->host, tcp->port)
                         : tcp->ip_version == 6 ? fmt::format("ipv6:[{}]:{}", tcp->host, tcp->port)
                                                : fmt::format("ipv4:{}:{}", tcp->host, tcp->port);
    if (std::ranges::find(out, target) == out.end()) out.push_back(std::move(target));
  }
  return out;
}

Result<std::string> listen_target(const ipld::Multiaddr& address) {
  auto tcp = address.tcp();
  if (!tcp || tcp->is_dns) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("cannot listen on {}: /ip4 or /ip6 with /tcp is needed", address.to_string()));
  }
  return tcp->ip_version == 6 ? fmt::format("[{}]:{}", tcp->host, tcp->port)
                              : fmt::format("{}:{}", tcp->host, tcp->port);
}

}  // namespace ipfsc::rpc
