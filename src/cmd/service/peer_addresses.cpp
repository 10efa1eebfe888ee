#include "cmd/service/peer_addresses.h"

#include <string>

namespace ipfsc::cmd::service {

Result<std::vector<ipld::Multiaddr>> parse_peer_addresses(std::string_view list) {
  std::vector<ipld::Multiaddr> out;
  while (!list.empty()) {
    std::string_view text = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), text.size() + 1));
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    if (text.empty()) continue;
    auto address = ipld::Multiaddr::parse(text);
    if (!address) return fail(address.error().with_context(text));
    if (!address->peer_id()) {
      return fail(ErrorKind::kInvalidArgument, std::string(text) + " does not end in /p2p/<peer id>");
    }
    out.push_back(std::move(*address));
  }
  return out;
}

}  // namespace ipfsc::cmd::service
