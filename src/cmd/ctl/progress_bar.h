// A bar on stderr for long transfers; nothing where stderr is not a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace ipfsc::cmd::ctl {

class ProgressBar {
 public:
  /// `total_bytes` 0 = not known.
  ProgressBar(FILE* file, uint64_t total_bytes, bool wanted);
  ~ProgressBar() { clear(); }

  static bool terminal(FILE* file);
  bool active() const { return active_; }
  void set_total(uint64_t total_bytes) { total_ = total_bytes; }
  /// Drawn ten times a second at most.
  void update(uint64_t bytes);
  /// Takes the bar away, so that something else can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  FILE* file_;
  uint64_t total_;
  bool active_, drawn_ = false;
  Clock::time_point started_ = Clock::now(), last_ = started_ - std::chrono::seconds(1);
};

/// The bar's line for a terminal of `columns`: "12 MB / 64 MB  [===>    ]  19 %  120 MB/s".
std::string progress_line(uint64_t bytes, uint64_t total, double seconds, size_t columns);

}  // namespace ipfsc::cmd::ctl
