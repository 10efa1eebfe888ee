// Loops that run while this peer is the leader: what time brings about becomes an ordered entry like any write.
#pragma once

#include "base/task.h"
#include "cluster/cluster.h"

namespace ipfsc::cluster {

/// Unpins what has expired, within a second, by the expiry index.
Task<> expire_pins(Context context);

/// Proposes the trimming of history and of old request outcomes.
Task<> trim_history(Context context);

}  // namespace ipfsc::cluster
