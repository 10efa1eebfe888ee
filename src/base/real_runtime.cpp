#include "base/real_runtime.h"

#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

namespace ipfsc {

Error error_from_exception(std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const boost::system::system_error& e) {
    if (e.code() == boost::asio::error::operation_aborted) return {ErrorKind::kCancelled, "cancelled"};
    return {ErrorKind::kUnavailable, e.code().message()};
  } catch (const std::exception& e) {
    return {ErrorKind::kInternal, e.what()};
  } catch (...) {
    return {ErrorKind::kInternal, "unknown exception"};
  }
}

namespace {
unsigned worker_count(unsigned asked) {
  return asked > 0 ? asked : std::max(4u, 2 * std::thread::hardware_concurrency());
}
}  // namespace

RealRuntime::RealRuntime(RealRuntimeOptions options)
    : context_(1), workers_(worker_count(options.worker_threads)), random_(std::random_device{}()) {}

RealRuntime::~RealRuntime() { workers_.join(); }

void RealRuntime::submit_blocking(std::move_only_function<void()> job) { boost::asio::post(workers_, std::move(job)); }

Task<> RealRuntime::sleep_until(SteadyTime when) {
  boost::asio::steady_timer timer(context_, std::chrono::time_point_cast<std::chrono::steady_clock::duration>(when));
  auto [ec] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (ec) co_return fail(ErrorKind::kCancelled, "cancelled");
  co_return Result<>{};
}

}  // namespace ipfsc
