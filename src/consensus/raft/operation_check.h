// What may not enter the log.
#pragma once

#include "base/result.h"
#include "proto/log.pb.h"

namespace ipfsc::consensus {

/// kInvalidArgument for an operation that could be written but not be read back: without a body, or with text that is
/// not UTF-8 (protobuf refuses it when it parses). Names the field.
Result<> check_operation(const proto::Operation& operation);

}  // namespace ipfsc::consensus
