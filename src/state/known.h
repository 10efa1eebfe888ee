// Whether an operation says only what this program understands. Inside state/ only.
#pragma once

#include "proto/log.pb.h"

namespace ipfsc::state {

/// False when a newer program wrote it: another kind of operation, or a field more, at whatever depth.
bool is_known(const proto::Operation& operation);

}  // namespace ipfsc::state
