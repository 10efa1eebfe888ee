// One moment on both clocks.
#pragma once

#include "base/time.h"

namespace ipfsc::monitor {

/// Decisions use `steady` only; `wall` is what people are shown.
struct Moment {
  SteadyTime steady;
  WallTime wall;
};

}  // namespace ipfsc::monitor
