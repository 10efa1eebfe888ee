// A bar on stderr for long transfers; nothing where stderr is not a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cmd/cli/progress_line.h"

namespace ipfsc::cmd::ctl {

class ProgressBar {
 public:
  /// `total_bytes` 0 = not known.
  ProgressBar(FILE* file, uint64_t total_bytes, bool wanted) : line_(file, wanted), total_(total_bytes) {}

  bool active() const { return line_.active(); }
  void set_total(uint64_t total_bytes) { total_ = total_bytes; }
  void update(uint64_t bytes);
  /// Takes the bar away, so that something else can be printed.
  void clear() { line_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  ProgressLine line_;
  uint64_t total_;
  Clock::time_point started_ = Clock::now();
};

/// The bar's line for a terminal of `columns`: "12 MB / 64 MB  [===>    ]  19 %  120 MB/s".
std::string progress_line(uint64_t bytes, uint64_t total, double seconds, size_t columns);

}  // namespace ipfsc::cmd::ctl
