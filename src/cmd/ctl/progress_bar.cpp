#include "cmd/ctl/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "cmd/ctl/format.h"

namespace ipfsc::cmd::ctl {

std::string progress_line(uint64_t bytes, uint64_t total, double seconds, size_t columns) {
  std::string speed =
      seconds > 0.2 ? humanize_bytes(static_cast<uint64_t>(static_cast<double>(bytes) / seconds)) + "/s" : "";
  if (total == 0) return fmt::format("{}  {}", humanize_bytes(bytes), speed);
  double share = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total));
  std::string left = fmt::format("{} / {}  ", humanize_bytes(bytes), humanize_bytes(total));
  std::string right = fmt::format("  {:3.0f} %  {}", share * 100, speed);
  size_t used = left.size() + right.size() + 3;
  size_t width = columns > used + 10 ? std::min<size_t>(columns - used, 40) : 0;
  if (width == 0) return left + right;
  auto full = static_cast<size_t>(share * static_cast<double>(width));
  std::string bar(full, '=');
  if (full < width) bar += '>';
  bar.resize(width, ' ');
  return left + "[" + bar + "]" + right;
}

ProgressBar::ProgressBar(FILE* file, uint64_t total_bytes, bool wanted)
    : file_(file), total_(total_bytes), active_(wanted && terminal(file)) {}

bool ProgressBar::terminal(FILE* file) { return ::isatty(::fileno(file)) == 1; }

void ProgressBar::update(uint64_t bytes) {
  if (!active_) return;
  auto now = Clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  winsize size{};
  size_t columns = ::ioctl(::fileno(file_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  double seconds = std::chrono::duration<double>(now - started_).count();
  fmt::print(file_, "\r\033[K{}", progress_line(bytes, total_, seconds, columns));
  std::fflush(file_);
  drawn_ = true;
}

void ProgressBar::clear() {
  if (!drawn_) return;
  fmt::print(file_, "\r\033[K");
  std::fflush(file_);
  drawn_ = false;
}

}  // namespace ipfsc::cmd::ctl
