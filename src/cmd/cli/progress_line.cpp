#include "cmd/cli/progress_line.h"

#include "cmd/cli/terminal.h"

namespace ipfsc::cmd {

ProgressLine::ProgressLine(FILE* file, bool wanted) : file_(file), active_(wanted && is_terminal(file)) {}

size_t ProgressLine::columns() const { return terminal_columns(file_); }

void ProgressLine::draw(std::string_view text) {
  if (!active_) return;
  last_ = Clock::now();
  drawn_ = true;
  fmt::print(file_, "\r\033[K{}", shortened(harmless(text), columns() - 1));
  std::fflush(file_);
}

void ProgressLine::clear() {
  if (!drawn_) return;
  fmt::print(file_, "\r\033[K");
  std::fflush(file_);
  drawn_ = false;
}

}  // namespace ipfsc::cmd
