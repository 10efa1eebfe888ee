// Options of the pinning service (service.json's `api.pinsvcapi`).
#pragma once

#include <cstddef>

#include "api/common/options.h"

namespace ipfsc::api::pinning {

struct PinningOptions : common::HttpApiOptions {
  size_t max_body_bytes = 64 << 10;  ///< of a request to pin; beyond: 413
};

}  // namespace ipfsc::api::pinning
