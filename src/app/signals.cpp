#include "app/signals.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/log.h"

namespace ipfsc::app {
namespace {
LogComponent log("service");
}

StopSignals::StopSignals(Runtime& runtime) : changed_(runtime), signals_(runtime.executor(), SIGINT, SIGTERM, SIGHUP) {
  listen();
}

void StopSignals::listen() {
  signals_.async_wait([this](boost::system::error_code ec, int number) {
    if (ec) return;
    switch (++count_) {
      case 1:
        log.info("{}: shutting down", strsignal(number));
        break;
      case 2:
        log.warn("shutting down already; the next signal ends the process at once");
        break;
      default:
        std::_Exit(1);
    }
    changed_.notify_all();
    listen();
  });
}

Task<> StopSignals::wait() {
  while (!asked()) CO_TRY(co_await changed_.wait());
  co_return Result<>{};
}

ReloadSignal::ReloadSignal(Runtime& runtime) : changed_(runtime), signals_(runtime.executor(), SIGUSR1) { listen(); }

void ReloadSignal::listen() {
  signals_.async_wait([this](boost::system::error_code ec, int) {
    if (ec) return;
    asked_ = true;
    changed_.notify_all();
    listen();
  });
}

Task<> ReloadSignal::wait() {
  while (!asked_) CO_TRY(co_await changed_.wait());
  asked_ = false;
  co_return Result<>{};
}

void notify_service_manager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (!path || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  if (::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size) < 0) {
    log.warn("the service manager could not be told {}: {}", state, std::strerror(errno));
  }
  ::close(fd);
}

std::optional<Duration> watchdog_time() {
  auto number = [](const char* name) -> std::optional<int64_t> {
    const char* text = std::getenv(name);
    if (!text) return std::nullopt;
    int64_t value = 0;
    auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
    return error == std::errc() && *end == '\0' ? std::optional(value) : std::nullopt;
  };
  auto pid = number("WATCHDOG_PID");
  if (pid && *pid != ::getpid()) return std::nullopt;
  auto time = number("WATCHDOG_USEC");
  if (!time || *time <= 0) return std::nullopt;
  return std::chrono::microseconds(*time);
}

Task<> feed_watchdog(Runtime& runtime) {
  auto time = watchdog_time();
  if (!time) co_return Result<>{};
  for (;;) {
    notify_service_manager("WATCHDOG=1");
    CO_TRY(co_await runtime.sleep_for(*time / 2));
  }
}

}  // namespace ipfsc::app
