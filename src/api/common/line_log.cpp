#include "api/common/line_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ipfsc::api::common {

Result<std::unique_ptr<LineLog>> LineLog::open(std::string_view what, const std::string& file,
                                               const LogComponent& log) {
  int descriptor = -1;
  if (!file.empty()) {
    descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0)
      return fail(ErrorKind::kInvalidArgument, fmt::format("{} {}: {}", what, file, std::strerror(errno)));
  }
  return std::unique_ptr<LineLog>(new LineLog(descriptor, log));
}

LineLog::~LineLog() {
  if (file_ >= 0) ::close(file_);
}

bool LineLog::enabled() const { return file_ >= 0 || log_.enabled(LogLevel::kInfo); }

void LineLog::write(std::string line) {
  if (file_ < 0) {
    log_.info("{}", line);
    return;
  }
  line += '\n';
  (void)!::write(file_, line.data(), line.size());  // a full disk must not stop the API
}

}  // namespace ipfsc::api::common
