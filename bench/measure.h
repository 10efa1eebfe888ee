// What the programs that measure single rooms share.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ipfsc::bench {

using Clock = std::chrono::steady_clock;

/// Seconds.
inline double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Processor seconds of the whole process (CLOCK_PROCESS_CPUTIME_ID) or of this thread (CLOCK_THREAD_CPUTIME_ID): what
/// a machine that does other things too would give.
inline double cpu_seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// One JSON line.
inline void print_figure(std::string_view room, std::string_view what, double value, std::string_view unit) {
  fmt::print("{{\"bench\":\"{}-{}\",\"value\":{:.3f},\"unit\":\"{}\"}}\n", room, what, value, unit);
  std::fflush(stdout);
}

inline double resident_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

/// Without RocksDB's own logs.
inline double directory_bytes(const std::filesystem::path& path) {
  double bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(path)) {
    auto name = file.path().filename().string();
    if (file.is_regular_file() && !name.starts_with("LOG")) bytes += static_cast<double>(file.file_size());
  }
  return bytes;
}

[[noreturn]] inline void give_up(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace ipfsc::bench
