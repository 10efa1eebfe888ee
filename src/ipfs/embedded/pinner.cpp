#include "ipfs/embedded/pinner.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>

namespace ipfsc::ipfs {
namespace {

constexpr Duration kReportInterval = std::chrono::milliseconds(250);

PinChange change_of(Core& core, const PinRequest& request) {
  auto now = std::chrono::duration_cast<std::chrono::seconds>(core.runtime.wall_now().time_since_epoch());
  return {request.cid, PinRecord{.kind = request.recursive ? PinKind::kRecursive : PinKind::kDirect,
                                 .time_seconds = now.count(),
                                 .name = request.name}};
}

}  // namespace

Task<> pin_dag(Core& core, PinRequest request) {
  CO_TRY(core.space.check());
  // Before anything is looked at: a collection that begins from now on starts a walk here too.
  ++core.running_pins[request.cid];
  AtExit leave([&core, &request] {
    if (--core.running_pins[request.cid] == 0) core.running_pins.erase(request.cid);
  });
  auto item = std::make_shared<CommitItem>();
  item->pin = change_of(core, request);
  item->check_complete = true;
  CO_TRY(co_await core.commits.commit(item));
  PinProgress progress{.blocks = item->walked_blocks, .last_progress = core.runtime.now()};
  if (item->incomplete) {
    item->pin->run = core.store->run();
    LongPin pin(core, request);
    CO_TRY(co_await until_stop(core, pin.run()));
    item->incomplete = item->check_complete = false;
    CO_TRY(co_await core.commits.commit(item));
    progress = pin.progress();
  }
  progress.current.clear();
  if (request.on_progress) request.on_progress(progress);
  co_return Result<>{};
}

LongPin::LongPin(Core& core, const PinRequest& request)
    : core_(core),
      request_(request),
      hints_{.origins = request.origins, .root = request.cid},
      walk_(*core.store, core.runtime.random(), core.options.gc_memory_bytes),
      changed_(core.runtime) {
  progress_.last_progress = core.runtime.now();
}

bool LongPin::all_done() const {
  return !stepping_ && walk_.done() && missing_.empty() && arrived_.empty() && fetching_ == 0;
}

Task<> LongPin::run() {
  CO_TRY(walk_.add_root(request_.cid, request_.recursive));
  while (missing_.empty() && !all_done()) CO_TRY(co_await step());
  if (!missing_.empty()) lease_.emplace(core_);
  // Mostly it is the root that is missing first, and nobody may have it: no need for several.
  while (!all_done() && missing_.size() <= 1 && (walk_.done() || missing_.empty())) {
    if (!missing_.empty()) CO_TRY(co_await fetch_next());
    CO_TRY(co_await step());
  }
  if (!all_done()) {
    // Workers end when all is done, or with the first error: the first one to end ends the others.
    namespace asio = boost::asio;
    auto start = [this] { return asio::co_spawn(core_.runtime.executor(), worker(), asio::deferred); };
    std::vector<decltype(start())> workers;
    for (size_t i = 0; i < core_.options.fetch_parallel; ++i) workers.push_back(start());
    auto [order, exceptions, results] = co_await asio::experimental::make_parallel_group(std::move(workers))
                                            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    size_t first = order.front();
    if (exceptions[first]) std::rethrow_exception(exceptions[first]);
    CO_TRY(results[first]);
  }
  co_return co_await make_durable();
}

Task<> LongPin::worker() {
  while (!all_done()) {
    if (!stepping_ && (!arrived_.empty() || (!walk_.done() && missing_.size() < core_.options.fetch_parallel))) {
      CO_TRY(co_await step());
    } else if (!missing_.empty()) {
      CO_TRY(co_await fetch_next());
    } else {
      CO_TRY(co_await changed_.wait());
    }
  }
  co_return Result<>{};
}

Task<> LongPin::fetch_next() {
  auto cid = std::move(missing_.front());
  missing_.pop_front();
  ++fetching_;
  AtExit done([this] {
    --fetching_;
    changed_.notify_all();
  });
  auto data = co_await fetch_block(core_, cid, hints_, progress_.current);
  CO_TRY(data);
  ++progress_.fetched_blocks;
  arrived_.push_back({std::move(cid), std::move(*data)});
  co_return Result<>{};
}

/// Writes what has arrived and continues the walk.
Task<> LongPin::step() {
  CO_TRY(core_.space.check());
  stepping_ = true;
  AtExit done([this] {
    stepping_ = false;
    changed_.notify_all();
  });
  std::vector<ipld::Block> arrived = std::exchange(arrived_, {});
  if (!arrived.empty()) CO_TRY(co_await core_.flushes.make_room());
  std::vector<ipld::Cid> missing;
  uint64_t before = written_bytes_;
  auto result = co_await run_blocking(core_.runtime, [&] { return walk_and_write(arrived, missing); });
  core_.wrote(written_bytes_ - before);
  CO_TRY(result);
  for (const auto& block : arrived) wanted_.erase(block.cid);
  for (auto& cid : missing) {
    if (wanted_.insert(cid).second) missing_.push_back(std::move(cid));
  }
  report();
  co_return Result<>{};
}

Result<> LongPin::walk_and_write(std::vector<ipld::Block>& arrived, std::vector<ipld::Cid>& missing) {
  if (!arrived.empty()) {
    std::vector<const ipld::Block*> blocks;
    uint64_t bytes = 0;
    for (const auto& block : arrived) {
      blocks.push_back(&block);
      bytes += block.data.size();
    }
    written_bytes_ += bytes;
    // A small pin stays in the log like a small add.
    bool logged = written_bytes_ <= core_.options.small_add_bytes;
    unlogged_ |= !logged;
    using enum BlockStore::Durability;
    TRY(core_.store->write(blocks, {}, lease_->epoch(), logged ? kLogged : kUnlogged));
    for (const auto& block : arrived) {
      if (request_.recursive) TRY(walk_.add_fetched(block.cid, block.data, missing));
    }
  }
  return walk_.run({.blocks = core_.options.walk_blocks_at_once}, missing);
}

Task<> LongPin::make_durable() {
  if (unlogged_) co_return co_await core_.flushes.flush();
  co_return co_await core_.flushes.flush_generation(walk_.generation());
}

void LongPin::report() {
  uint64_t blocks = walk_.blocks(), bytes = std::max(walk_.bytes_read(), written_bytes_);
  auto now = core_.runtime.now();
  if (blocks != progress_.blocks || bytes != progress_.bytes) progress_.last_progress = now;
  progress_.blocks = blocks;
  progress_.bytes = bytes;
  if (!request_.on_progress || now < reported_ + kReportInterval) return;
  reported_ = now;
  request_.on_progress(progress_);
}

}  // namespace ipfsc::ipfs
