#include "storage/rocks_log.h"

#include <rocksdb/env.h>

#include <array>
#include <cstdarg>
#include <cstdio>

#include "base/log.h"

namespace ipfsc::storage {
namespace {

LogComponent log("storage");

class RocksLog final : public rocksdb::Logger {
 public:
  RocksLog() : Logger(rocksdb::WARN_LEVEL) {}
  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override { Logv(rocksdb::WARN_LEVEL, format, arguments); }

  /// What went wrong comes to whoever asked as a Result as well, and is said there.
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || !log.enabled(LogLevel::kDebug)) return;
    std::array<char, 1024> text{};
    std::vsnprintf(text.data(), text.size(), format, arguments);
    log.debug("rocksdb: {}", text.data());
  }
};

}  // namespace

std::shared_ptr<rocksdb::Logger> rocks_log() { return std::make_shared<RocksLog>(); }

}  // namespace ipfsc::storage
