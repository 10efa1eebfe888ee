#include "api/common/errors.h"

namespace ipfsc::api::common {

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
      return 422;  // understood, and not offered: what is asked for is wrong, not this peer
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

}  // namespace ipfsc::api::common
