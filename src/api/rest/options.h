// Options of the REST API (service.json's `api.restapi`).
#pragma once

#include <cstddef>

#include "api/common/options.h"

namespace ipfsc::api::rest {

struct RestOptions : common::HttpApiOptions {
  size_t list_page = 1024;                      ///< pins that a listing has in memory
  size_t max_buffered_answer_bytes = 64 << 20;  ///< of /add with stream-channels=false; beyond: 413
  size_t max_symlink_bytes = 4096;              ///< of a target; beyond: 400

  // GET /events
  size_t max_event_listeners = 2048;  ///< beyond: 503
  size_t kept_events = 1024;          ///< in memory, for all listeners
  /// A listener that was up to date and then falls so many changes behind is ended.
  uint64_t max_events_behind = 50'000;
  Duration event_heartbeat = std::chrono::seconds(15);
};

}  // namespace ipfsc::api::rest
