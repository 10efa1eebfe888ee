// How far something long is: one line of a terminal that is drawn again and again; nothing where it is no terminal.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string_view>

namespace ipfsc::cmd {

class ProgressLine {
 public:
  explicit ProgressLine(FILE* file, bool wanted = true);
  ProgressLine(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  bool active() const { return active_; }
  /// Whether show() would draw now: eight times a second at most.
  bool due() const { return active_ && Clock::now() - last_ >= std::chrono::milliseconds(125); }
  size_t columns() const;

  template <class... Args>
  void show(fmt::format_string<Args...> text, const Args&... args) {
    if (due()) draw(fmt::vformat(text, fmt::make_format_args(args...)));
  }
  /// At once. What does not fit into the line is cut.
  void draw(std::string_view text);
  /// Takes the line away, so that something else can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  FILE* file_;
  bool active_, drawn_ = false;
  Clock::time_point last_;
};

}  // namespace ipfsc::cmd
