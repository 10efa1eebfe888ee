#include <algorithm>

#include "base/deadline.h"
#include "base/log.h"
#include "base/run_task.h"
#include "monitor/informers.h"

namespace ipfsc::monitor {
namespace {

const LogComponent kLog("monitor");

/// The source's answer; an exception is an error of its own.
Task<Findings> guarded(Source source) {
  std::exception_ptr exception;
  try {
    co_return co_await source();
  } catch (...) {
    exception = std::current_exception();
  }
  co_return std::unexpected(error_from_exception(exception));
}

}  // namespace

Task<std::vector<Reading>> Informer::read() {
  auto deadline = runtime_.now() + std::min(options_.timeout, options_.ttl);
  auto answer = co_await with_deadline<Findings>(runtime_, deadline, "asking for figures", guarded(source_));
  if (!answer && answer.error().kind == ErrorKind::kCancelled) co_return std::unexpected(answer.error());
  note(answer);
  std::vector<Reading> readings;
  if (!answer) co_return readings;
  auto taken = runtime_.wall_now();
  for (auto& finding : *answer) {
    readings.push_back({.metric = {.name = std::move(finding.name),
                                   .peer = self_,
                                   .value = std::move(finding.value),
                                   .expire = taken + options_.ttl,
                                   .valid = true,
                                   .weight = finding.weight,
                                   .partitionable = finding.partitionable,
                                   .received_at = taken},
                        .ttl = options_.ttl,
                        .stamp = static_cast<uint64_t>(taken.time_since_epoch().count())});
  }
  co_return readings;
}

Task<> Informer::run(std::function<void(std::vector<Reading>)> sink) {
  while (true) {
    CO_TRY_ASSIGN(auto readings, co_await read());
    Duration pause = options_.ttl / 2;
    if (readings.empty()) {
      pause = std::min(pause, options_.retry);
    } else {
      sink(std::move(readings));
    }
    CO_TRY(co_await runtime_.sleep_for(pause));
  }
}

void Informer::note(const Result<Findings>& answer) {
  // Messages may have figures in them that change: only another kind of failure is news.
  bool news = answer ? failure_.has_value() : !failure_ || failure_->kind != answer.error().kind;
  failure_ = answer ? std::nullopt : std::optional(answer.error());
  if (!news) return;
  if (failure_) {
    kLog.warn("no metric of informer {}: {}", options_.name, failure_->message);
  } else {
    kLog.info("informer {} has an answer again", options_.name);
  }
}

}  // namespace ipfsc::monitor
