#include "ipfs/embedded/verify.h"

namespace ipfsc::ipfs {
namespace {

constexpr size_t kRowsAtOnce = 64;  // of up to max_block_bytes each, one in memory at a time

/// nullopt = fine, or gone meanwhile.
std::optional<CorruptBlock> check_block(BlockStore& store, const BlockStore::IndexRow& row) {
  auto hash = ipld::Multihash::parse(row.multihash);
  if (!hash) return CorruptBlock{.reason = "its key is not a multihash: " + to_hex(row.multihash)};
  auto cid = ipld::Cid::v1(ipld::kRaw, *hash);
  auto data = store.get(row.multihash);
  if (data) {
    auto right = ipld::verify_bytes(row.multihash, *data);
    if (right) return std::nullopt;
    return CorruptBlock{std::move(cid), right.error().message};
  }
  auto still = store.entry(row.multihash);
  if (data.error().kind == ErrorKind::kNotFound && still && !*still) return std::nullopt;
  return CorruptBlock{std::move(cid), data.error().message};
}

}  // namespace

Task<VerifyResult> verify_store(Core& core, const VerifyRequest& request) {
  VerifyResult result;
  VerifyProgress progress{.total_blocks = core.store->approximate_blocks()};
  Bytes after;
  for (bool end = false; !end;) {
    std::vector<CorruptBlock> corrupt;
    auto job = [&]() -> Result<> {
      TRY_ASSIGN(auto rows, core.store->index_after(after, kRowsAtOnce));
      end = rows.empty();
      if (end) return {};
      after = rows.back().multihash;
      for (const auto& row : rows) {
        ++result.blocks;
        result.bytes += row.entry.size_bytes;
        if (auto found = check_block(*core.store, row)) corrupt.push_back(std::move(*found));
      }
      return {};
    };
    CO_TRY(co_await run_blocking(core.runtime, job));
    result.corrupt += corrupt.size();
    for (const auto& block : corrupt) {
      if (request.on_corrupt) request.on_corrupt(block);
    }
    progress.blocks = result.blocks;
    progress.bytes = result.bytes;
    if (request.on_progress) request.on_progress(progress);
  }
  co_return result;
}

}  // namespace ipfsc::ipfs
