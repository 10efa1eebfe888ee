// How far something long is, on one line of a terminal; nothing where stderr is no terminal.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace ipfsc::cmd::service {

class Progress {
 public:
  explicit Progress(FILE* file) : file_(file), wanted_(::isatty(::fileno(file)) == 1) {}
  Progress(const Progress&) = delete;
  ~Progress() { clear(); }

  /// Drawn five times a second at most.
  template <class... Args>
  void show(fmt::format_string<Args...> text, const Args&... args) {
    auto now = std::chrono::steady_clock::now();
    if (!wanted_ || now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    drawn_ = true;
    fmt::print(file_, "\r\033[K{}", fmt::vformat(text, fmt::make_format_args(args...)));
    std::fflush(file_);
  }
  /// Takes the line away, so that something else can be printed.
  void clear() {
    if (drawn_) fmt::print(file_, "\r\033[K");
    drawn_ = false;
  }

 private:
  FILE* file_;
  bool wanted_, drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace ipfsc::cmd::service
