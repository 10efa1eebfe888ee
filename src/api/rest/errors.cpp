#include "api/rest/errors.h"

#include "model/json_writer.h"

namespace ipfsc::api::rest {

std::string error_body(int status, std::string_view message) {
  std::string body;
  model::JsonObject object(body);
  object.number("code", status);
  object.text("message", message);
  object.end();
  body += '\n';
  return body;
}

void send_error(net::Response& response, int status, std::string_view message) {
  if (status == 503) response.set_header("Retry-After", "1");
  (void)response.send(status, error_body(status, message), kJson);
}

void send_error(net::Response& response, const Error& error) { send_error(response, status_of(error), error.message); }

}  // namespace ipfsc::api::rest
