#include "app/peerstore.h"

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

namespace ipfsc::app {
namespace {

LogComponent log("config");
constexpr size_t kMaxBytes = 4 << 20;

}  // namespace

std::vector<ipld::Multiaddr> read_peerstore(const std::string& path) {
  std::vector<ipld::Multiaddr> out;
  auto text = read_file(path, kMaxBytes);
  if (!text) {
    if (text.error().kind != ErrorKind::kNotFound) log.warn("{}", text.error().message);
    return out;
  }
  for (std::string_view rest = *text; !rest.empty();) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with('/')) continue;
    auto address = ipld::Multiaddr::parse(line);
    if (address && address->peer_id()) {
      out.push_back(*std::move(address));
    } else {
      log.warn("{}: {} is not the address of a peer", path, quoted(line));
    }
  }
  return out;
}

Result<> write_peerstore(const std::string& path, const std::vector<ipld::Multiaddr>& addresses) {
  std::string text;
  for (const auto& address : addresses) text += address.to_string() + "\n";
  return write_file(path, text, 0644);
}

}  // namespace ipfsc::app
