#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include "base/log_levels.h"
#include "base/log_output.h"
#include "base/time.h"

namespace ipfsc {
namespace {

struct Levels {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<std::atomic<int>>, std::less<>> by_component;
  int general = static_cast<int>(LogLevel::kInfo);
};

Levels& levels() {
  static auto* instance = new Levels;  // never destroyed: components may log while the process ends
  return *instance;
}

std::atomic<uint64_t> error_lines{0};
std::atomic<bool> json_lines{false};

spdlog::logger& sink() {
  static auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("ipfsc", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
    case LogLevel::kOff:
      return "OFF";
  }
  return "?";
}

std::optional<LogLevel> level_from(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower == "debug") return LogLevel::kDebug;
  if (lower == "info" || lower == "notice") return LogLevel::kInfo;
  if (lower == "warn" || lower == "warning") return LogLevel::kWarn;
  if (lower == "error" || lower == "critical") return LogLevel::kError;
  if (lower == "dpanic" || lower == "panic" || lower == "fatal") return LogLevel::kOff;
  return std::nullopt;
}

/// Loggers of the Go program whose work another component does here: --loglevel takes their names too.
constexpr std::pair<std::string_view, std::string_view> kGoNames[] = {
    {"pintracker", "tracker"}, {"optracker", "tracker"},  {"optracker", "pintracker"}, {"dsstate", "state"},
    {"ipfshttp", "ipfs"},      {"raftlib", "raft"},       {"libp2p-raft", "raft"},     {"allocator", "mover"},
    {"diskinfo", "monitor"},   {"tags", "monitor"},       {"p2p-gorpc", "rpc"},        {"swarm2", "rpc"},
    {"badger", "storage"},     {"badger3", "storage"},    {"pebble", "storage"},       {"pstoremgr", "config"},
    {"singledags", "adder"},   {"shardingdags", "adder"},
};

struct Specification {
  std::optional<LogLevel> general;
  std::vector<std::pair<std::string, LogLevel>> named;
};

Result<Specification> parse_levels(std::string_view specification) {
  Specification out;
  while (!specification.empty()) {
    auto comma = specification.find(',');
    auto part = specification.substr(0, comma);
    specification = comma == std::string_view::npos ? std::string_view{} : specification.substr(comma + 1);
    if (part.empty()) continue;
    auto colon = part.find(':');
    auto text = colon == std::string_view::npos ? part : part.substr(colon + 1);
    auto level = level_from(text);
    if (!level) {
      return fail(ErrorKind::kInvalidArgument, fmt::format("log level \"{}\": expected debug, info, warn or error, "
                                                           "alone or as component:level",
                                                           part));
    }
    if (colon == std::string_view::npos) {
      out.general = level;
    } else {
      out.named.emplace_back(part.substr(0, colon), *level);
    }
  }
  return out;
}

std::atomic<int>& level_of(std::string_view component) {
  auto& all = levels();
  std::lock_guard lock(all.mutex);
  auto it = all.by_component.find(component);
  if (it == all.by_component.end()) {
    it = all.by_component.emplace(component, std::make_unique<std::atomic<int>>(all.general)).first;
  }
  return *it->second;
}

}  // namespace

LogComponent::LogComponent(const char* name) : name_(name), level_(&level_of(name)) {}

void LogComponent::emit(LogLevel level, const std::string& message) const {
  if (level == LogLevel::kError) error_lines.fetch_add(1, std::memory_order_relaxed);
  auto time = format_rfc3339(std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  if (json_lines) {
    sink().info("{{\"ts\":\"{}\",\"level\":\"{}\",\"logger\":\"{}\",\"msg\":{}}}", time, level_name(level), name_,
                boost::json::serialize(boost::json::string_view(message)));
  } else {
    sink().info("{}\t{}\t{}\t{}", time, level_name(level), name_, message);
  }
}

Result<> set_log_output(std::string_view file, std::string_view outputs) {
  bool to_file = !file.empty(), to_stdout = false, to_stderr = file.empty();
  for (std::string_view rest = outputs; !rest.empty();) {
    auto name = rest.substr(0, rest.find('+'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (name == "stdout") {
      to_stdout = true;
    } else if (name == "stderr") {
      to_stderr = true;
    } else if (name != "file" || file.empty()) {
      return fail(ErrorKind::kInvalidArgument, fmt::format("log output \"{}\": expected stdout, stderr, or file with a "
                                                           "name of one",
                                                           name));
    }
  }
  std::vector<spdlog::sink_ptr> sinks;
  if (to_stderr) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (to_stdout) sinks.push_back(std::make_shared<spdlog::sinks::stdout_sink_mt>());
  try {
    if (to_file) sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(std::string(file)));
  } catch (const spdlog::spdlog_ex& error) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("log file {}: {}", file, error.what()));
  }
  for (auto& one : sinks) one->set_pattern("%v");
  sink().sinks() = std::move(sinks);
  return {};
}

void configure_log(LogOptions options) { json_lines = options.json; }

Result<> check_log_levels(std::string_view specification) {
  TRY(parse_levels(specification));
  return {};
}

Result<> set_log_levels(std::string_view specification) {
  TRY_ASSIGN(auto wanted, parse_levels(specification));
  if (wanted.general) {
    auto& all = levels();
    std::lock_guard lock(all.mutex);
    all.general = static_cast<int>(*wanted.general);
    for (auto& [name, value] : all.by_component) value->store(all.general);
  }
  for (auto& [name, level] : wanted.named) {
    level_of(name).store(static_cast<int>(level));
    for (auto [go_name, component] : kGoNames) {
      if (name == go_name) level_of(component).store(static_cast<int>(level));
    }
  }
  return {};
}

uint64_t logged_errors() { return error_lines.load(std::memory_order_relaxed); }

}  // namespace ipfsc
