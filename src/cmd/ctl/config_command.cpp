// config: what this program would use to reach a peer.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/text.h"
#include "cmd/ctl/commands.h"
#include "ipld/multiaddr.h"

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;

constexpr std::string_view kHidden = "(hidden)";

/// Nobody's secret is shown, also not to somebody who looks over a shoulder.
std::string shown(const Setting& setting) {
  if (setting.value.empty()) return "";
  if (setting.name == "secret" || setting.name == "token") return std::string(kHidden);
  if (setting.name != "basic-auth") return setting.value;
  return fmt::format("{}:{}", setting.value.substr(0, setting.value.find(':')), kHidden);
}

}  // namespace

int config(Context& context) {
  const auto& options = context.options;
  json::array endpoints;
  std::string text;
  for (auto host : comma_separated(options.global.host)) {
    auto address = ipld::Multiaddr::parse(host);
    if (!address) return context.output.local_error("parsing host multiaddress", address.error().message);
    auto to = client::endpoint(*address, uses_https(options.global));
    if (!to) return context.output.local_error("creating API client", to.error().message);
    std::string url = to->unix_socket.empty() ? to->url : fmt::format("{} (socket {})", to->url, to->unix_socket);
    text += fmt::format("{} {}\n", endpoints.empty() ? "API:" : "     then", url);
    endpoints.emplace_back(url);
  }
  json::object settings;
  for (const auto& setting : options.settings) {
    std::string value = shown(setting);
    settings[setting.name] = {{"value", value}, {"from", setting.origin}};
    text += fmt::format("{}: {} [{}]\n", setting.name, value.empty() ? "-" : value, setting.origin);
  }
  if (context.output.json()) {
    context.output.object(json::object{{"endpoints", endpoints}, {"settings", settings}});
  } else {
    context.output.text(text);
  }
  return kExitOk;
}

}  // namespace ipfsc::cmd::ctl
