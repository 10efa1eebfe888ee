// Options of the REST API (service.json's `api.restapi`).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>

#include "api/common/options.h"

namespace ipfsc::api::rest {

/// Of calls between peers of one kind.
struct Bandwidth {
  uint64_t in_bytes = 0, out_bytes = 0;
  double in_per_second = 0, out_per_second = 0;
};

struct RestOptions : common::HttpApiOptions {
  size_t list_page = 1024;                      ///< pins that a listing has in memory
  size_t max_buffered_answer_bytes = 64 << 20;  ///< of /add with stream-channels=false; beyond: 400
  size_t max_symlink_bytes = 4096;              ///< of a target; beyond: 400

  /// What GET /health/bandwidth tells, by method.
  std::function<std::map<std::string, Bandwidth>()> bandwidth;

  // GET /events
  size_t max_event_listeners = 2048;  ///< beyond: 503
  size_t kept_events = 1024;          ///< in memory, for all listeners
  /// A listener that was up to date and then falls so many changes behind is ended.
  uint64_t max_events_behind = 50'000;
  Duration event_heartbeat = std::chrono::seconds(15);
};

}  // namespace ipfsc::api::rest
