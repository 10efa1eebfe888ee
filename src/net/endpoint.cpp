// Where an HTTP client connects to, from the texts that name it.
#include <charconv>

#include "net/http_client.h"

namespace ipfsc::net {

std::string Endpoint::authority() const {
  if (!unix_path.empty()) return "unix";
  bool v6 = host.find(':') != std::string::npos;
  std::string text = v6 ? "[" + host + "]" : host;
  if (port != (tls ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

Result<Endpoint> Endpoint::from_url(std::string_view url) {
  auto bad = [&](std::string_view why) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("\"{}\" is not a usable URL: {}", url.substr(0, 128), why));
  };
  Endpoint endpoint;
  std::string_view rest = url;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
    endpoint.tls = true;
  } else {
    return bad("it must begin with http:// or https://");
  }
  auto slash = rest.find_first_of("/?#");
  auto authority = rest.substr(0, slash);
  auto path = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
  if (path.find_first_of("?#") != std::string_view::npos) return bad("a query has no place here");
  while (path.ends_with('/')) path.remove_suffix(1);
  endpoint.base_path = path;
  if (auto at = authority.rfind('@'); at != std::string_view::npos) {
    auto user_info = authority.substr(0, at);
    auto colon = user_info.find(':');
    TRY_ASSIGN(auto user, percent_decode(user_info.substr(0, colon)));
    TRY_ASSIGN(auto password,
               percent_decode(colon == std::string_view::npos ? std::string_view{} : user_info.substr(colon + 1)));
    endpoint.authorization = basic_auth(user, password);
    authority = authority.substr(at + 1);
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    auto close = authority.find(']');
    if (close == std::string_view::npos) return bad("a bracket is not closed");
    endpoint.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    auto colon = authority.find(':');
    endpoint.host = authority.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon);
  }
  if (endpoint.host.empty()) return bad("it names no host");
  for (char c : endpoint.host) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return bad("the host has a character that is not allowed");
  }
  for (char c : endpoint.base_path) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return bad("the path has a character that is not allowed");
  }
  endpoint.port = endpoint.tls ? 443 : 80;
  if (!port.empty() && port != ":") {
    uint32_t number = 0;
    auto digits = port.substr(1);
    auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (port[0] != ':' || ec != std::errc{} || end != digits.data() + digits.size() || number == 0 || number > 65535) {
      return bad("the port is not a number from 1 to 65535");
    }
    endpoint.port = static_cast<uint16_t>(number);
  }
  return endpoint;
}

Result<Endpoint> Endpoint::from_multiaddr(const ipld::Multiaddr& address) {
  Endpoint endpoint;
  endpoint.tls = address.has("https") || address.has("tls");
  if (auto path = address.unix_path()) {
    endpoint.unix_path = *path;
    return endpoint;
  }
  auto host_port = address.tcp();
  if (!host_port) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} is not an address of an HTTP server", address.to_string()));
  }
  endpoint.host = host_port->host;
  endpoint.port = host_port->port;
  return endpoint;
}

}  // namespace ipfsc::net
