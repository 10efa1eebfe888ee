// ipfs-cluster-ctl token.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;

/// "reader", or the operations.
std::string rights_of(const json::value& token) {
  if (auto role = text_of(token, "role"); !role.empty()) return role;
  std::string out;
  if (const auto* list = token.is_object() ? token.get_object().if_contains("operations") : nullptr;
      list && list->is_array()) {
    for (const auto& name : list->get_array()) {
      if (name.is_string()) out += (out.empty() ? "" : ",") + std::string(name.get_string());
    }
  }
  return out;
}

std::string format_token(const json::value& token) {
  auto expires = text_of(token, "expires_at");
  bool expired = token.is_object() && token.get_object().contains("expired") && token.at("expired").is_bool() &&
                 token.at("expired").get_bool();
  return fmt::format("{} | {} | {}{} | made {} by {}\n", text_of(token, "name"), rights_of(token),
                     expired ? "EXPIRED " : "", is_go_zero_time(expires) ? "never expires" : "until " + expires,
                     text_of(token, "created_at"), text_of(token, "created_by"));
}

}  // namespace

int token_create(Context& context) {
  const auto& options = context.options.token;
  json::object body{{"name", context.argument(0)}};
  if (!options.role.empty()) body["role"] = options.role;
  if (!options.expire_in.empty()) body["expire_in"] = options.expire_in;
  if (!options.operations.empty()) {
    json::array list;
    for (std::string_view rest = options.operations; !rest.empty();) {
      auto one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      if (!one.empty()) list.emplace_back(json::string_view(one));
    }
    body["operations"] = std::move(list);
  }
  client::TextSource source(json::serialize(body));
  return show(context, {.method = "POST", .path = "/tokens", .body = &source, .content_type = "application/json"},
              [&](const json::value& token) {
                // The secret alone on stdout, so that a script can take it.
                fmt::print(context.output.err(), "{}this is shown only now:\n", format_token(token));
                return text_of(token, "token") + "\n";
              });
}

int token_ls(Context& context) {
  return show(context, {.path = "/tokens"}, [](const json::value& tokens) {
    std::string out;
    if (tokens.is_array()) {
      for (const auto& token : tokens.get_array()) out += format_token(token);
    }
    return out;
  });
}

int token_rm(Context& context) {
  return show(context, {.method = "DELETE", .path = "/tokens/" + client::url_escape(context.argument(0))},
              [](const json::value&) { return std::string(); });
}

}  // namespace ipfsc::cmd::ctl
