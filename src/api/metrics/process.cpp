#include "api/metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <vector>

#include "base/files.h"

namespace ipfsc::api::metrics {
namespace {

constexpr size_t kProcFileLimit = 1 << 20;

Result<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return fail(ErrorKind::kInvalidArgument, "/proc has no number where one should be");
  return value;
}

/// When the machine started, in seconds since 1970.
Result<uint64_t> boot_seconds() {
  TRY_ASSIGN(auto text, read_file("/proc/stat", kProcFileLimit));
  auto at = text.find("\nbtime ");
  if (at == std::string::npos) return fail(ErrorKind::kInvalidArgument, "/proc/stat has no btime");
  return number(std::string_view(text).substr(at + 7));
}

uint64_t count_open_files() {
  std::error_code ec;
  uint64_t count = 0;
  std::filesystem::directory_iterator it("/proc/self/fd", ec), end;
  for (; !ec && it != end; it.increment(ec)) ++count;
  return count > 0 ? count - 1 : 0;  // without the one that reads the list
}

}  // namespace

Result<ProcessStat> parse_process_stat(std::string_view text) {
  auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return fail(ErrorKind::kInvalidArgument, "/proc/self/stat has no name");
  text.remove_prefix(name_end + 1);
  std::vector<std::string_view> fields;  // the first one is field 3 of proc(5)
  while (!text.empty()) {
    auto start = text.find_first_not_of(" \n");
    if (start == std::string_view::npos) break;
    auto end = std::min(text.find_first_of(" \n", start), text.size());
    fields.push_back(text.substr(start, end - start));
    text.remove_prefix(end);
  }
  auto field = [&](size_t n) -> Result<uint64_t> {
    if (n - 3 >= fields.size()) return fail(ErrorKind::kInvalidArgument, "/proc/self/stat is too short");
    return number(fields[n - 3]);
  };
  ProcessStat out;
  TRY_ASSIGN(out.user_ticks, field(14));
  TRY_ASSIGN(out.system_ticks, field(15));
  TRY_ASSIGN(out.threads, field(20));
  TRY_ASSIGN(out.start_ticks, field(22));
  TRY_ASSIGN(out.virtual_bytes, field(23));
  TRY_ASSIGN(out.resident_pages, field(24));
  return out;
}

Result<ProcessFigures> read_process_figures() {
  TRY_ASSIGN(auto text, read_file("/proc/self/stat", kProcFileLimit));
  TRY_ASSIGN(auto stat, parse_process_stat(text));
  TRY_ASSIGN(auto booted, boot_seconds());
  auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessFigures out;
  out.cpu_seconds = static_cast<double>(stat.user_ticks + stat.system_ticks) / ticks;
  out.start_seconds = static_cast<double>(booted) + static_cast<double>(stat.start_ticks) / ticks;
  out.resident_bytes = stat.resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  out.virtual_bytes = stat.virtual_bytes;
  out.threads = stat.threads;
  out.open_files = count_open_files();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out.max_files = limit.rlim_cur;
  return out;
}

}  // namespace ipfsc::api::metrics
