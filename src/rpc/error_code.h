// Errors on the wire: the number of their kind, as in gRPC.
#pragma once

#include "base/result.h"

namespace ipfsc::rpc {

/// kUnknown for a number that this version does not know.
inline ErrorKind error_kind_of(int code) {
  bool known = code >= static_cast<int>(ErrorKind::kCancelled) && code <= static_cast<int>(ErrorKind::kUnauthenticated);
  return known ? static_cast<ErrorKind>(code) : ErrorKind::kUnknown;
}

}  // namespace ipfsc::rpc
