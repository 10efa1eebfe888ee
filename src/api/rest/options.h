// Options of the REST API (service.json's `api.restapi`).
#pragma once

#include <cstddef>

#include "api/common/options.h"

namespace ipfsc::api::rest {

struct RestOptions : common::HttpApiOptions {
  size_t list_page = 1024;                      ///< pins that a listing has in memory
  size_t max_buffered_answer_bytes = 64 << 20;  ///< of /add with stream-channels=false; beyond: 413
  size_t max_symlink_bytes = 4096;              ///< of a target; beyond: 400
};

}  // namespace ipfsc::api::rest
