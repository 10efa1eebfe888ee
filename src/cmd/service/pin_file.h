// An exported pinset that is read: a file, or what comes on stdin.
#pragma once

#include <cstdio>
#include <span>
#include <string>

#include "base/result.h"
#include "cmd/cli/progress_line.h"

namespace ipfsc::cmd::service {

/// Closes a file that it opened itself.
class PinFile {
 public:
  /// "" or "-" = `standard_input`. The message names the file that cannot be opened.
  static Result<PinFile> open(const std::string& path, FILE* standard_input);
  PinFile(PinFile&& other) noexcept;
  PinFile& operator=(PinFile&&) = delete;
  ~PinFile();

  /// Fills the buffer from its front and returns how much; 0 = the end.
  Result<size_t> read(std::span<char> buffer, ProgressLine& progress);

 private:
  PinFile(FILE* file, bool own, uint64_t size) : file_(file), own_(own), size_bytes_(size) {}
  FILE* file_;
  bool own_;
  uint64_t size_bytes_;  // 0 = not known
  uint64_t read_bytes_ = 0, lines_ = 0;
};

}  // namespace ipfsc::cmd::service
