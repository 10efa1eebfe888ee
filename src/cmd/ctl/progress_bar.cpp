#include "cmd/ctl/progress_bar.h"

#include <fmt/format.h>

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

void ProgressBar::update(uint64_t bytes) {
  if (!line_.due()) return;
  double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  line_.draw(progress_line(bytes, total_, seconds, line_.columns()));
}

}  // namespace ipfsc::cmd::ctl
