#include "ipfs/embedded/block_store.h"

#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/write_batch.h>

#include <limits>
#include <unordered_set>

#include "base/check.h"
#include "base/version.h"
#include "ipfs/embedded/store_options.h"
#include "ipfs/embedded/store_use.h"
#include "storage/database.h"
#include "storage/format.h"
#include "storage/status.h"

namespace ipfsc::ipfs {
namespace {

/// Unlogged writes are cut into pieces of about this size, so that a flush and the sweeper need not wait long.
constexpr size_t kPieceBytes = 1 << 20;

rocksdb::Slice slice(ByteView bytes) { return {bytes.data(), bytes.size()}; }
ByteView view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

constexpr uint64_t kIdentity = static_cast<uint64_t>(ipld::HashCode::kIdentity);

}  // namespace

class BlockStore::Listener final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    set(storage::to_error(*status, "write to the block store"));
  }
  /// RocksDB would look for free space itself, every five seconds, and resume; reopen() does instead.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
  void set(std::optional<Error> error) {
    std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  std::optional<Error> error() const {
    std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
};

BlockStore::BlockStore() = default;

BlockStore::~BlockStore() { close_now(); }

void BlockStore::close_now() {
  if (!db_) return;
  cancel_compactions_ = true;
  rocksdb::CancelAllBackgroundWork(db_.get(), /*wait=*/true);
  for (Family handle : handles_) CHECK(db_->DestroyColumnFamilyHandle(handle).ok());
  handles_.clear();
  db_.reset();
}

Result<std::unique_ptr<BlockStore>> BlockStore::open(const EmbeddedOptions& options) {
  std::unique_ptr<BlockStore> store(new BlockStore);
  store->options_ = options;
  store->env_ = options.env != nullptr ? options.env : rocksdb::Env::Default();
  store->listener_ = std::make_shared<Listener>();
  TRY(store->open_now());
  return store;
}

Result<std::optional<uint32_t>> block_store_format(const EmbeddedOptions& options) {
  return storage::stored_format(options.path, options.env, "default");
}

Result<> BlockStore::open_now() {
  auto doing = fmt::format("open the block store {}", options_.path);
  rocksdb::DBOptions db_options = store_db_options(options_);
  db_options.listeners.push_back(listener_);
  TRY(storage::check(env_->CreateDirIfMissing(options_.path), doing));
  rocksdb::DB* db = nullptr;
  bool fresh = !storage::Database::exists(options_.path, env_);
  auto opened = rocksdb::DB::Open(db_options, options_.path, store_families(options_), &handles_, &db);
  if (!opened.ok()) {
    // A newer format may have other families.
    if (auto found = block_store_format(options_); found && *found) {
      TRY(storage::check_format(options_.path, **found, kVersions.formats.ipfs));
    }
    return storage::check(opened, doing);
  }
  db_.reset(db);
  CHECK(handles_.size() == 4);  // in the order of store_families()
  settings_ = handles_[0], index_ = handles_[1], blobs_ = handles_[2], pins_ = handles_[3];
  TRY(check_format(fresh));
  return begin_run();
}

Result<> BlockStore::check_format(bool fresh) {
  TRY_ASSIGN(auto row, setting_now(storage::kFormatKey));
  if (!row) {
    row = storage::format_row(fresh ? kVersions.formats.ipfs : storage::kFormatWithoutRow);
    TRY(set_setting_now(storage::kFormatKey, *row));
  }
  TRY_ASSIGN(uint32_t format, storage::format_of_row(row));
  return storage::check_format(options_.path, format, kVersions.formats.ipfs);
}

/// Generations of unlogged writes and epochs never repeat: the number of the run is their upper half.
Result<> BlockStore::begin_run() {
  TRY_ASSIGN(auto stored, setting_now("run"));
  uint64_t run = std::max(stored && stored->size() == 8 ? read_be64(stored->data()) : 0, run_.load()) + 1;
  Bytes text;
  append_be64(text, run);
  TRY(set_setting_now("run", text));
  flushed_generation_ = run << 32;
  generation_ = flushed_generation_ + 1;
  epoch_ = run << 32;
  unflushed_bytes_ = 0;
  run_ = run;
  return {};
}

Result<> BlockStore::reopen() {
  cancel_compactions_ = true;
  std::lock_guard turn(turnstile_);
  std::unique_lock alone(users_);
  close_now();
  listener_->set(std::nullopt);
  auto opened = open_now();
  if (!opened) {
    close_now();
    listener_->set(opened.error());
  }
  cancel_compactions_ = false;
  return opened;
}

// --- Reading

Result<Bytes> BlockStore::get(ByteView multihash) const {
  USE_DATABASE();
  // The index has a Bloom filter, the blobs don't.
  TRY_ASSIGN(auto there, entry_now(multihash));
  if (!there) return fail(ErrorKind::kNotFound, "the block is not here");
  Bytes value;
  auto status = db_->Get(rocksdb::ReadOptions(), blobs_, slice(multihash), &value);
  if (status.IsNotFound()) return fail(ErrorKind::kNotFound, "the block is not here");  // removed meanwhile
  TRY(storage::check(status, "read the block"));
  return value;
}

Result<std::optional<Entry>> BlockStore::entry(ByteView multihash) const {
  USE_DATABASE();
  return entry_now(multihash);
}

Result<std::optional<Entry>> BlockStore::entry_now(ByteView multihash) const {
  rocksdb::PinnableSlice value;
  auto status = db_->Get(rocksdb::ReadOptions(), index_, slice(multihash), &value);
  if (status.IsNotFound()) return std::nullopt;
  TRY(storage::check(status, "read the block index"));
  return Entry::decode(view(value));
}

Result<std::optional<Entry>> BlockStore::look(ByteView multihash) {
  USE_DATABASE();
  // The order matters: a collection that begins after this read walks from the pin's root and finds the block itself.
  TRY_ASSIGN(auto found, entry_now(multihash));
  if (!found || !collecting_) return found;
  StripeLocks::Guard guard(stripes_, StripeLocks::bit_of(multihash));
  TRY_ASSIGN(found, entry_now(multihash));
  if (!found || found->epoch >= collection_epoch_) return found;
  found->epoch = epoch_;
  rocksdb::WriteOptions unlogged;  // only this process needs it, and it must not outlive an unlogged block in a crash
  unlogged.disableWAL = true;
  TRY(storage::check(db_->Put(unlogged, index_, slice(multihash), found->encode()), "write to the block index"));
  return found;
}

// --- Writing

Result<BlockStore::WriteCount> BlockStore::write(std::span<const ipld::Block* const> blocks,
                                                 std::span<const PinChange* const> pins, uint64_t begin_epoch,
                                                 Durability durability) {
  USE_DATABASE();
  if (durability != Durability::kUnlogged) return write_batch(blocks, pins, begin_epoch, durability);
  CHECK(pins.empty());
  WriteCount sum;
  for (size_t from = 0; from < blocks.size();) {
    size_t bytes = 0, to = from;
    while (to < blocks.size() && (to == from || bytes + blocks[to]->data.size() <= kPieceBytes)) {
      bytes += blocks[to++]->data.size();
    }
    TRY_ASSIGN(WriteCount count, write_batch(blocks.subspan(from, to - from), {}, begin_epoch, durability));
    sum.blocks += count.blocks;
    sum.bytes += count.bytes;
    from = to;
  }
  return sum;
}

Result<BlockStore::WriteCount> BlockStore::write_batch(std::span<const ipld::Block* const> blocks,
                                                       std::span<const PinChange* const> pins, uint64_t begin_epoch,
                                                       Durability durability) {
  uint64_t stripes = 0;
  for (const auto* block : blocks) stripes |= StripeLocks::bit_of(block->cid.multihash());
  WriteCount count;
  rocksdb::WriteBatch batch;
  // Until the rows are visible: the sweeper must not come between the look and the write, nor flush() between the
  // generation and the write.
  StripeLocks::Guard guard(stripes_, stripes);
  bool logged = durability != Durability::kUnlogged;
  TRY(add_blocks(batch, blocks, begin_epoch, logged ? 0 : generation_.load(), count));
  TRY(add_pins(batch, pins));
  if (batch.Count() == 0) {
    // What is there already may have been logged without a sync.
    if (durability == Durability::kSynced) TRY(storage::check(db_->SyncWAL(), "write to the block store"));
    return count;
  }
  rocksdb::WriteOptions options;
  options.disableWAL = !logged;
  options.sync = durability == Durability::kSynced;
  unflushed_bytes_ += batch.GetDataSize();
  TRY(storage::check(db_->Write(options, &batch), "write to the block store"));
  return count;
}

Result<> BlockStore::add_blocks(rocksdb::WriteBatch& batch, std::span<const ipld::Block* const> blocks,
                                uint64_t begin_epoch, uint64_t generation, WriteCount& count) {
  std::unordered_set<ByteView> in_batch;
  for (const auto* block : blocks) {
    ByteView key = block->cid.multihash();
    if (block->cid.hash_code() == kIdentity || !in_batch.insert(key).second) continue;
    TRY_ASSIGN(auto there, entry_now(key));
    // What another writer has not flushed yet is logged again, so that this writer needs no flush.
    bool volatile_there = there && generation == 0 && there->generation > flushed_generation_;
    if (there && !volatile_there) {
      if (there->epoch >= begin_epoch) continue;
      there->epoch = epoch_;
      batch.Put(index_, slice(key), there->encode());
      continue;
    }
    Entry entry{.size_bytes = block->data.size(),
                .epoch = epoch_,
                .generation = generation,
                .plain_leaf = is_plain_leaf(block->data)};
    batch.Put(index_, slice(key), entry.encode());
    batch.Put(blobs_, slice(key), slice(block->data));
    ++count.blocks;
    count.bytes += block->data.size();
  }
  return {};
}

Result<> BlockStore::add_pins(rocksdb::WriteBatch& batch, std::span<const PinChange* const> pins) {
  for (const auto* change : pins) {
    ByteView key = change->cid.bytes();
    if (change->run != 0 && change->run != run_) {
      return fail(ErrorKind::kUnavailable, "the block store was reopened after a write error: try again");
    }
    if (!change->record) {
      batch.Delete(pins_, slice(key));
      continue;
    }
    if (change->record->kind == PinKind::kDirect) {
      TRY_ASSIGN(auto there, pin_now(change->cid));
      if (there && there->kind == PinKind::kRecursive) continue;
    }
    batch.Put(pins_, slice(key), change->record->encode());
  }
  return {};
}

Result<> BlockStore::flush() {
  USE_DATABASE();
  uint64_t generation;
  {
    StripeLocks::Guard guard(stripes_, StripeLocks::kAll);  // nobody is between its generation and its write
    generation = generation_++;
    unflushed_bytes_ = 0;
  }
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  TRY(storage::check(db_->Flush(options, handles_), "write to the block store"));
  uint64_t before = flushed_generation_;
  while (before < generation && !flushed_generation_.compare_exchange_weak(before, generation)) {
  }
  return {};
}

// --- Pins

Result<std::optional<PinRecord>> BlockStore::pin(const ipld::Cid& cid) const {
  USE_DATABASE();
  return pin_now(cid);
}

Result<std::optional<PinRecord>> BlockStore::pin_now(const ipld::Cid& cid) const {
  rocksdb::PinnableSlice value;
  auto status = db_->Get(rocksdb::ReadOptions(), pins_, slice(cid.bytes()), &value);
  if (status.IsNotFound()) return std::nullopt;
  TRY(storage::check(status, "read the pin table"));
  return PinRecord::decode(view(value));
}

Result<std::vector<PinnedItem>> BlockStore::pins_after(ByteView after, size_t max) const {
  USE_DATABASE();
  std::vector<PinnedItem> out;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions(), pins_));
  it->Seek(slice(after));
  if (!after.empty() && it->Valid() && view(it->key()) == after) it->Next();
  for (; it->Valid() && out.size() < max; it->Next()) {
    TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(view(it->key())));
    TRY_ASSIGN(auto record, PinRecord::decode(view(it->value())));
    out.push_back({std::move(cid), record.kind});
  }
  TRY(storage::check(it->status(), "read the pin table"));
  return out;
}

// --- Settings

Result<std::optional<Bytes>> BlockStore::setting(std::string_view key) const {
  USE_DATABASE();
  return setting_now(key);
}

Result<> BlockStore::set_setting(std::string_view key, ByteView value) {
  USE_DATABASE();
  return set_setting_now(key, value);
}

Result<std::optional<Bytes>> BlockStore::setting_now(std::string_view key) const {
  Bytes value;
  auto status = db_->Get(rocksdb::ReadOptions(), settings_, slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  TRY(storage::check(status, "read the settings of the block store"));
  return value;
}

Result<> BlockStore::set_setting_now(std::string_view key, ByteView value) {
  rocksdb::WriteOptions options;
  options.sync = true;
  return storage::check(db_->Put(options, settings_, slice(key), slice(value)), "write to the block store");
}

// --- Errors and disk

std::optional<Error> BlockStore::background_error() const { return listener_->error(); }

uint64_t BlockStore::approximate_blocks() const {
  Use use(*this);
  uint64_t value = 0;
  if (use) db_->GetIntProperty(index_, rocksdb::DB::Properties::kEstimateNumKeys, &value);
  return value;
}

Result<uint64_t> BlockStore::disk_bytes() const {
  std::vector<rocksdb::Env::FileAttributes> files;
  TRY(storage::check(env_->GetChildrenFileAttributes(options_.path, &files), "look at the files of the block store"));
  uint64_t sum = 0;
  for (const auto& file : files) sum += file.size_bytes;
  return sum;
}

Result<uint64_t> BlockStore::disk_free_bytes() const {
  uint64_t free = 0;
  auto status = env_->GetFreeSpace(options_.path, &free);
  if (status.IsNotSupported()) return std::numeric_limits<uint64_t>::max();  // in memory
  TRY(storage::check(status, "look at the free disk space"));
  return free;
}

}  // namespace ipfsc::ipfs
