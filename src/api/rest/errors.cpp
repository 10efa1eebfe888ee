#include "api/rest/errors.h"

#include "model/json_writer.h"

namespace ipfsc::api::rest {

int status_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kOutOfRange:
      return 400;
    case ErrorKind::kUnauthenticated:
      return 401;
    case ErrorKind::kPermissionDenied:
      return 403;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kAlreadyExists:
    case ErrorKind::kFailedPrecondition:
    case ErrorKind::kAborted:
      return 409;
    case ErrorKind::kUnimplemented:
      return 501;
    case ErrorKind::kCancelled:
    case ErrorKind::kUnavailable:
      return 503;
    case ErrorKind::kDeadlineExceeded:
      return 504;
    case ErrorKind::kResourceExhausted:
      return 507;
    case ErrorKind::kUnknown:
    case ErrorKind::kInternal:
    case ErrorKind::kDataLoss:
      return 500;
  }
  return 500;
}

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
