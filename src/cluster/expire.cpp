#include <algorithm>

#include "base/log.h"
#include "cluster/background.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");

/// The index is looked at this often at least (one seek): pins come with new expiries, and the wall clock may be set.
constexpr Duration kPoll = std::chrono::seconds(1);

/// Removes what has expired; true when there may be more.
Task<bool> expire_batch(Context context) {
  CO_TRY_ASSIGN(auto due, context.state.expiring_before(context.runtime.wall_now(), context.options.expire_batch));
  if (due.empty()) co_return false;
  std::vector<proto::Operation> operations;
  for (const auto& item : due) {
    CO_TRY_ASSIGN(auto stored, context.state.get(item.cid));
    if (!stored) continue;
    proto::Operation operation;
    operation.set_actor("expire");
    auto* remove = operation.mutable_pin_remove();
    remove->set_cid(item.cid.bytes());
    remove->set_all_claims(true);
    remove->set_if_revision(stored->revision);  // not what somebody pinned again meanwhile
    operations.push_back(std::move(operation));
  }
  size_t count = operations.size();
  if (count > 0) {
    CO_TRY(co_await context.consensus.submit(std::move(operations),
                                             context.runtime.now() + context.options.write_timeout));
    log.info("{} pins have expired and were removed", count);
  }
  co_return due.size() == context.options.expire_batch;
}

}  // namespace

Task<> expire_pins(Context context) {
  while (true) {
    Duration pause = kPoll;
    if (context.consensus.is_leader()) {
      auto more = co_await expire_batch(context);
      if (!more) {
        if (more.error().kind == ErrorKind::kCancelled) co_return std::unexpected(more.error());
        log.warn("expired pins could not be removed: {}", more.error().message);
        pause = context.options.expire_retry;
      } else if (*more) {
        continue;
      } else if (auto next = context.state.next_expiry(); next && *next) {
        pause = std::clamp<Duration>(**next - context.runtime.wall_now(), std::chrono::milliseconds(1), kPoll);
      }
    }
    CO_TRY(co_await context.runtime.sleep_for(pause));
  }
}

Task<> trim_history(Context context) {
  using std::chrono::milliseconds;
  auto unix_ms = [](WallTime time) {
    return static_cast<uint64_t>(std::chrono::floor<milliseconds>(time.time_since_epoch()).count());
  };
  while (true) {
    CO_TRY(co_await context.runtime.sleep_for(context.options.trim_interval));
    if (!context.consensus.is_leader()) continue;
    auto now = context.runtime.wall_now();
    uint64_t history_before = 0, requests_before = 0;
    if (auto keep = context.options.history_retention;
        keep > Duration::zero() && context.state.history_since() < now - keep) {
      history_before = unix_ms(now - keep);
    }
    auto counters = context.state.counters();
    if (counters.requests > 0) requests_before = unix_ms(now - context.options.request_retention);
    if (history_before == 0 && requests_before == 0) continue;
    std::vector<proto::Operation> operations(1);
    operations[0].set_actor("trim");
    auto* trim = operations[0].mutable_trim();
    trim->set_history_before_ms(history_before);
    trim->set_requests_before_ms(requests_before);
    trim->set_requests_keep(context.options.requests_keep);
    auto done =
        co_await context.consensus.submit(std::move(operations), context.runtime.now() + context.options.write_timeout);
    if (!done && done.error().kind == ErrorKind::kCancelled) co_return std::unexpected(done.error());
    if (!done) log.warn("the history could not be trimmed: {}", done.error().message);
  }
}

}  // namespace ipfsc::cluster
