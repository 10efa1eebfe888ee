#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

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

void configure_log(LogOptions options) { json_lines = options.json; }

Result<> set_log_levels(std::string_view specification) {
  std::vector<std::pair<std::string, LogLevel>> named;
  std::optional<LogLevel> general;
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
      general = level;
    } else {
      named.emplace_back(part.substr(0, colon), *level);
    }
  }
  if (general) {
    auto& all = levels();
    std::lock_guard lock(all.mutex);
    all.general = static_cast<int>(*general);
    for (auto& [name, value] : all.by_component) value->store(all.general);
  }
  for (auto& [name, level] : named) level_of(name).store(static_cast<int>(level));
  return {};
}

uint64_t logged_errors() { return error_lines.load(std::memory_order_relaxed); }

}  // namespace ipfsc
