#include "base/result.h"

namespace ipfsc {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kUnknown:
      return "unknown";
    case ErrorKind::kInvalidArgument:
      return "invalid argument";
    case ErrorKind::kDeadlineExceeded:
      return "deadline exceeded";
    case ErrorKind::kNotFound:
      return "not found";
    case ErrorKind::kAlreadyExists:
      return "already exists";
    case ErrorKind::kPermissionDenied:
      return "permission denied";
    case ErrorKind::kResourceExhausted:
      return "resource exhausted";
    case ErrorKind::kFailedPrecondition:
      return "failed precondition";
    case ErrorKind::kAborted:
      return "aborted";
    case ErrorKind::kOutOfRange:
      return "out of range";
    case ErrorKind::kUnimplemented:
      return "unimplemented";
    case ErrorKind::kInternal:
      return "internal";
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kDataLoss:
      return "data loss";
    case ErrorKind::kUnauthenticated:
      return "unauthenticated";
  }
  return "unknown";
}

}  // namespace ipfsc
