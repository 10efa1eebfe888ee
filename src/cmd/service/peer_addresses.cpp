#include "cmd/service/peer_addresses.h"

#include <string>

#include "base/text.h"

namespace ipfsc::cmd::service {

Result<std::vector<ipld::Multiaddr>> parse_peer_addresses(std::string_view list) {
  std::vector<ipld::Multiaddr> out;
  for (auto text : comma_separated(list)) {
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
