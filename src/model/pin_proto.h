// Pin <-> proto::Pin, the form of the log.
#pragma once

#include "base/result.h"
#include "model/pin.h"

namespace ipfsc::proto {
class Pin;
}

namespace ipfsc::model {

/// Times are cut to whole seconds; user allocations and mode are not stored (mode follows from max_depth).
void to_proto(const Pin& pin, proto::Pin* out);
/// kInvalidArgument names the field that cannot be read.
Result<Pin> pin_from_proto(const proto::Pin& in);

}  // namespace ipfsc::model
