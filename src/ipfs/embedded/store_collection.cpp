// BlockStore's part in garbage collection: sweeping rows, then freeing blob files.
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/write_batch.h>

#include <algorithm>

#include "ipfs/embedded/store_use.h"
#include "storage/status.h"

namespace ipfsc::ipfs {
namespace {

rocksdb::Slice slice(ByteView bytes) { return {bytes.data(), bytes.size()}; }

/// Part of a file, and of all files up to it, that must be garbage before live blobs are rewritten.
constexpr double kFileGarbage = 0.10;
constexpr double kTotalGarbage = 0.05;

std::vector<rocksdb::BlobMetaData> blob_files(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
  rocksdb::ColumnFamilyMetaData meta;
  db.GetColumnFamilyMetaData(family, &meta);
  std::ranges::sort(meta.blob_files, {}, &rocksdb::BlobMetaData::blob_file_number);
  return std::move(meta.blob_files);
}

/// The oldest files, up to the last that has much garbage; empty when it's not worth it.
size_t files_worth_collecting(const std::vector<rocksdb::BlobMetaData>& files, uint64_t last_file) {
  uint64_t bytes = 0, garbage = 0;
  size_t count = 0;
  for (size_t i = 0; i < files.size() && files[i].blob_file_number <= last_file; ++i) {
    bytes += files[i].total_blob_bytes;
    garbage += files[i].garbage_blob_bytes;
    bool much = static_cast<double>(files[i].garbage_blob_bytes) > kFileGarbage * files[i].total_blob_bytes;
    if (much && static_cast<double>(garbage) > kTotalGarbage * bytes) count = i + 1;
  }
  return count;
}

}  // namespace

uint64_t BlockStore::begin_collection() {
  collection_epoch_ = next_epoch();
  collecting_ = true;
  return collection_epoch_;
}

Result<std::vector<BlockStore::IndexRow>> BlockStore::index_after(ByteView after, size_t max) const {
  USE_DATABASE();
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = 256 << 10;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, index_));
  it->Seek(slice(after));
  if (!after.empty() && it->Valid() && it->key() == slice(after)) it->Next();
  std::vector<IndexRow> out;
  for (; it->Valid() && out.size() < max; it->Next()) {
    TRY_ASSIGN(Entry entry, Entry::decode({it->value().data(), it->value().size()}));
    out.push_back({it->key().ToString(), entry});
  }
  TRY(storage::check(it->status(), "read the block index"));
  return out;
}

Result<std::vector<bool>> BlockStore::erase_older(std::span<const IndexRow> rows, uint64_t epoch, uint64_t run) {
  USE_DATABASE();
  if (run != run_) {
    return fail(ErrorKind::kUnavailable, "the block store was reopened after a write error: collect again");
  }
  std::vector<bool> removed(rows.size());
  uint64_t stripes = 0;
  for (const auto& row : rows) stripes |= StripeLocks::bit_of(row.multihash);
  StripeLocks::Guard guard(stripes_, stripes);
  rocksdb::WriteBatch batch;
  for (size_t i = 0; i < rows.size(); ++i) {
    TRY_ASSIGN(auto now, entry_now(rows[i].multihash));
    if (!now || now->epoch >= epoch) continue;
    batch.Delete(index_, slice(rows[i].multihash));
    batch.Delete(blobs_, slice(rows[i].multihash));
    removed[i] = true;
  }
  if (batch.Count() == 0) return removed;
  rocksdb::WriteOptions unlogged;  // a lost removal only leaves garbage
  unlogged.disableWAL = true;
  unflushed_bytes_ += batch.GetDataSize();
  TRY(storage::check(db_->Write(unlogged, &batch), "write to the block store"));
  return removed;
}

Result<> BlockStore::compact_keys() {
  USE_DATABASE();
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.canceled = &cancel_compactions_;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kDisable;
  for (Family family : {index_, blobs_}) {
    TRY(storage::check(db_->CompactRange(options, family, nullptr, nullptr), "compact the block store"));
  }
  return {};
}

BlockStore::BlobGarbage BlockStore::blob_garbage() const {
  Use use(*this);
  BlobGarbage sum;
  if (!use) return sum;
  for (const auto& file : blob_files(*db_, blobs_)) {
    ++sum.files;
    sum.bytes += file.total_blob_bytes;
    sum.garbage_bytes += file.garbage_blob_bytes;
  }
  return sum;
}

Result<bool> BlockStore::collect_blobs_slice(uint64_t budget_bytes, uint64_t& last_file) {
  USE_DATABASE();
  auto files = blob_files(*db_, blobs_);
  if (files.empty()) return false;
  if (last_file == 0) last_file = files.back().blob_file_number;
  size_t worth = files_worth_collecting(files, last_file), slice_files = 0;
  uint64_t live = 0;
  while (slice_files < worth && (slice_files == 0 || live < budget_bytes)) {
    live += files[slice_files].total_blob_bytes - files[slice_files].garbage_blob_bytes;
    ++slice_files;
  }
  if (slice_files == 0) return false;
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.canceled = &cancel_compactions_;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  // RocksDB takes floor(cutoff × files) of the oldest files.
  options.blob_garbage_collection_age_cutoff =
      slice_files == files.size() ? 1.0 : (static_cast<double>(slice_files) + 0.5) / static_cast<double>(files.size());
  TRY(storage::check(db_->CompactRange(options, blobs_, nullptr, nullptr), "compact the block store"));
  // When an old reader still holds the files nothing more would come of another round.
  auto after = blob_files(*db_, blobs_);
  return after.empty() || after.front().blob_file_number != files.front().blob_file_number;
}

}  // namespace ipfsc::ipfs
