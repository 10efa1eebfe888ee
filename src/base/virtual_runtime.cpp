#include "base/virtual_runtime.h"

#include <boost/asio/associated_cancellation_slot.hpp>

namespace ipfsc {
namespace {
constexpr SteadyTime kSteadyStart{std::chrono::hours(1)};
constexpr WallTime kWallStart{std::chrono::seconds(1767323045)};  // 2026-01-02T03:04:05Z
}  // namespace

VirtualRuntime::VirtualRuntime(uint64_t seed) : context_(1), random_(seed), now_(kSteadyStart) {}
VirtualRuntime::~VirtualRuntime() = default;

WallTime VirtualRuntime::wall_now() const { return kWallStart + (now_ - kSteadyStart) + wall_offset_; }

void VirtualRuntime::submit_blocking(std::move_only_function<void()> job) {
  boost::asio::post(context_, std::move(job));
}

Task<> VirtualRuntime::sleep_until(SteadyTime when) {
  auto initiation = [this, when](auto handler) {
    TimerKey key{std::max(when, now_), next_timer_++};
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([this, key](boost::asio::cancellation_type) {
        auto it = timers_.find(key);
        if (it == timers_.end()) return;
        auto fire = std::move(it->second);
        timers_.erase(it);
        boost::asio::post(context_, [fire = std::move(fire)]() mutable { fire(true); });
      });
    }
    timers_.emplace(key, [handler = std::move(handler)](bool cancelled) mutable { std::move(handler)(cancelled); });
  };
  bool cancelled = co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(bool)>(
      initiation, boost::asio::use_awaitable);
  if (cancelled) co_return fail(ErrorKind::kCancelled, "cancelled");
  co_return Result<>{};
}

void VirtualRuntime::run_ready() {
  context_.restart();
  while (context_.poll() > 0) context_.restart();
}

bool VirtualRuntime::step_to_next_timer(SteadyTime until) {
  if (timers_.empty() || timers_.begin()->first.first > until) return false;
  now_ = std::max(now_, timers_.begin()->first.first);
  auto fire = std::move(timers_.begin()->second);
  timers_.erase(timers_.begin());
  boost::asio::post(context_, [fire = std::move(fire)]() mutable { fire(false); });
  return true;
}

void VirtualRuntime::run_until(SteadyTime until) {
  run_ready();
  while (step_to_next_timer(until)) run_ready();
  now_ = std::max(now_, until);
}

}  // namespace ipfsc
