#include "api/proxy/errors.h"

#include "api/common/errors.h"
#include "model/json_writer.h"

namespace ipfsc::api::proxy {

std::string error_body(std::string_view message) {
  std::string body;
  model::JsonObject object(body);
  object.text("Message", message);
  object.number("Code", 0);
  object.text("Type", "error");
  object.end();
  return body;
}

void send_error(net::Response& response, int status, std::string_view message) {
  if (status == 503) response.set_header("Retry-After", "1");
  (void)response.send(status, error_body(message), kJson);
}

int command_status(const Error& error) {
  return error.kind == ErrorKind::kUnimplemented ? 501 : std::max(common::status_of(error), 500);
}

}  // namespace ipfsc::api::proxy
