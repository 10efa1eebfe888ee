#include "api/pinning/json.h"

#include "model/json_writer.h"
#include "net/http.h"

namespace ipfsc::api::pinning {
namespace {

void append_pin(std::string& out, const cluster::PinningPin& pin) {
  model::JsonObject object(out);
  object.plain("cid", pin.cid.to_string());
  if (!pin.name.empty()) object.text("name", pin.name);
  if (!pin.origins.empty()) object.plain_list("origins", pin.origins);
  if (!pin.meta.empty()) object.string_map("meta", pin.meta, false);
  object.end();
}

/// "NOT_FOUND" of "Not Found".
std::string reason_of(int status) {
  std::string reason(net::status_text(status));
  for (char& c : reason) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == ' ' ? '_' : c;
  return reason.empty() ? "ERROR" : reason;
}

}  // namespace

void append_json(std::string& out, const cluster::PinningItem& item) {
  model::JsonObject object(out);
  object.plain("requestid", item.request.id.to_string());
  object.plain("status", to_string(item.judged.status));
  object.time("created", item.request.id.created);
  append_pin(object.key("pin"), item.request.pin);
  object.plain_list("delegates", item.delegates);
  model::JsonObject info(object.key("info"));
  info.text("status_details", item.judged.details);
  info.end();
  object.end();
}

std::string to_json(const cluster::PinningPage& page) {
  std::string out;
  model::JsonObject object(out);
  object.number("count", page.count);
  auto& list = object.key("results");
  list += '[';
  for (bool first = true; const auto& item : page.items) {
    if (!std::exchange(first, false)) list += ',';
    append_json(list, item);
  }
  list += ']';
  object.end();
  out += '\n';
  return out;
}

std::string error_json(int status, std::string_view details) {
  std::string out;
  model::JsonObject object(out);
  model::JsonObject error(object.key("error"));
  error.plain("reason", reason_of(status));
  if (!details.empty()) error.text("details", details);
  error.end();
  object.end();
  out += '\n';
  return out;
}

}  // namespace ipfsc::api::pinning
