// What Linux says about this process, for the usual process_* series.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace ipfsc::api::metrics {

struct ProcessFigures {
  double cpu_seconds = 0;    ///< user and system
  double start_seconds = 0;  ///< since 1970
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_files = 0;
  uint64_t max_files = 0;  ///< soft limit
  uint64_t threads = 0;
};

/// Reads /proc: blocks for up to a millisecond. Thread safe.
Result<ProcessFigures> read_process_figures();

/// The fields of /proc/self/stat that are used, in ticks and pages. Pure.
struct ProcessStat {
  uint64_t user_ticks = 0, system_ticks = 0, start_ticks = 0;
  uint64_t virtual_bytes = 0, resident_pages = 0, threads = 0;
  bool operator==(const ProcessStat&) const = default;
};
/// The program's name in it may hold blanks and parentheses. kInvalidArgument when fields are missing.
Result<ProcessStat> parse_process_stat(std::string_view text);

}  // namespace ipfsc::api::metrics
