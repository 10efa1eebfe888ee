#include "ipfs/embedded/writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace ipfsc::ipfs {
namespace {

/// Hashing less than this is cheaper than a trip to the pool.
constexpr size_t kHashHereBytes = 16 << 10;

size_t bytes_of(const std::vector<ipld::Block>& blocks) {
  size_t sum = 0;
  for (const auto& block : blocks) sum += block.data.size();
  return sum;
}

Result<> verify_all(const std::vector<ipld::Block>& blocks) {
  for (const auto& block : blocks) {
    auto result = ipld::verify_block(block.cid, block.data);
    if (result) continue;
    ErrorKind kind = result.error().kind == ErrorKind::kDataLoss ? ErrorKind::kInvalidArgument : result.error().kind;
    return fail(kind, fmt::format("block {}: {}", block.cid.to_string(), result.error().message));
  }
  return {};
}

std::vector<const ipld::Block*> pointers(const std::vector<ipld::Block>& blocks) {
  std::vector<const ipld::Block*> out;
  out.reserve(blocks.size());
  for (const auto& block : blocks) out.push_back(&block);
  return out;
}

}  // namespace

EmbeddedWriter::EmbeddedWriter(std::shared_ptr<Core> core, WriterOptions options)
    : core_(std::move(core)),
      options_(options),
      lease_(*core_),
      run_(core_->store->run()),
      flight_(std::make_shared<Flight>(core_->runtime)),
      large_(options.size_hint_bytes > core_->options.small_add_bytes) {}

EmbeddedWriter::~EmbeddedWriter() { release_kept(); }

void EmbeddedWriter::release_kept() {
  core_->small_adds_bytes -= kept_bytes_;
  kept_bytes_ = 0;
  kept_.clear();
}

Result<> EmbeddedWriter::check_batch(const std::vector<ipld::Block>& blocks) const {
  for (const auto& block : blocks) {
    if (block.cid.empty()) return fail(ErrorKind::kInvalidArgument, "a block without a CID");
    if (block.data.size() > core_->options.max_block_bytes) {
      return fail(ErrorKind::kInvalidArgument,
                  fmt::format("block {} has {} bytes, more than the {} that a block may have", block.cid.to_string(),
                              block.data.size(), core_->options.max_block_bytes));
    }
  }
  return {};
}

Task<> EmbeddedWriter::put(std::vector<ipld::Block> blocks) {
  Call call(*core_);
  if (!call) co_return stopped_error();
  CHECK(!finished_);
  CO_TRY(flight_->error);
  CO_TRY(core_->space.check());
  CO_TRY(check_batch(blocks));
  size_t bytes = bytes_of(blocks);
  const auto& limits = core_->options;
  large_ = large_ || kept_bytes_ + bytes > limits.small_add_bytes ||
           core_->small_adds_bytes + bytes > limits.small_adds_total_bytes;
  if (!large_) co_return co_await keep(std::move(blocks), bytes);
  if (!kept_.empty()) {
    auto kept = std::move(kept_);
    size_t kept_bytes = kept_bytes_;
    release_kept();
    CO_TRY(co_await send(std::move(kept), kept_bytes, /*verify=*/false));
  }
  co_return co_await send(std::move(blocks), bytes, !options_.verified);
}

Task<> EmbeddedWriter::keep(std::vector<ipld::Block> blocks, size_t bytes) {
  if (!options_.verified) {
    CO_TRY(bytes <= kHashHereBytes ? verify_all(blocks)
                                   : co_await run_blocking(core_->runtime, [&] { return verify_all(blocks); }));
  }
  kept_bytes_ += bytes;
  core_->small_adds_bytes += bytes;
  std::ranges::move(blocks, std::back_inserter(kept_));
  co_return Result<>{};
}

Task<> EmbeddedWriter::send(std::vector<ipld::Block> blocks, size_t bytes, bool verify) {
  while (flight_->jobs > 0 && flight_->bytes + bytes > core_->options.put_bytes_in_flight) {
    CO_TRY(co_await flight_->changed.wait());
  }
  CO_TRY(flight_->error);
  CO_TRY(co_await core_->flushes.make_room());
  ++flight_->jobs;
  flight_->bytes += bytes;
  core_->commit_tasks.spawn("write blocks", write(core_, std::make_unique<Call>(*core_), flight_, std::move(blocks),
                                                  bytes, lease_.epoch(), verify));
  co_return Result<>{};
}

Task<> EmbeddedWriter::write(std::shared_ptr<Core> core, std::unique_ptr<Call> call, std::shared_ptr<Flight> flight,
                             std::vector<ipld::Block> blocks, size_t bytes, uint64_t begin_epoch, bool verify) {
  AtExit landed([&] {
    --flight->jobs;
    flight->bytes -= bytes;
    flight->changed.notify_all();
  });
  auto written = co_await run_blocking(core->runtime, [&]() -> Result<BlockStore::WriteCount> {
    if (verify) TRY(verify_all(blocks));
    return core->store->write(pointers(blocks), {}, begin_epoch, BlockStore::Durability::kUnlogged);
  });
  if (written) {
    core->wrote(written->bytes);
  } else if (flight->error) {
    flight->error = fail(std::move(written).error());
  }
  co_return Result<>{};  // the writer reports it
}

Task<> EmbeddedWriter::finish() {
  Call call(*core_);
  if (!call) co_return stopped_error();
  CHECK(!finished_);
  finished_ = true;
  while (flight_->jobs > 0) CO_TRY(co_await flight_->changed.wait());
  CO_TRY(flight_->error);
  if (large_) {
    CO_TRY(co_await core_->flushes.flush());
    if (core_->store->run() != run_) co_return reopened_error();
    co_return Result<>{};
  }
  if (kept_.empty()) co_return Result<>{};
  size_t bytes = kept_bytes_;
  auto item = std::make_shared<CommitItem>();
  item->blocks = std::move(kept_);
  item->begin_epoch = lease_.epoch();
  auto result = co_await core_->commits.commit(item);
  release_kept();
  if (result) core_->wrote(bytes);
  co_return result;
}

}  // namespace ipfsc::ipfs
