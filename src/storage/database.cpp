#include "storage/database.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/check.h"
#include "storage/rocks_options.h"

namespace ipfsc::storage {
namespace {

rocksdb::Slice slice(ByteView bytes) { return {bytes.data(), bytes.size()}; }
ByteView view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::ReadOptions read_options(const Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  if (snapshot != nullptr) options.snapshot = snapshot->raw();
  return options;
}

}  // namespace

// --- WriteBatch: RocksDB's own calls fail only on a bound that we do not set.

WriteBatch::WriteBatch(size_t reserved_bytes) : batch_(std::make_unique<rocksdb::WriteBatch>(reserved_bytes)) {}
WriteBatch::~WriteBatch() = default;
WriteBatch::WriteBatch(WriteBatch&&) noexcept = default;
WriteBatch& WriteBatch::operator=(WriteBatch&&) noexcept = default;

void WriteBatch::put(Family family, ByteView key, ByteView value) {
  CHECK(batch_->Put(family.handle(), slice(key), slice(value)).ok());
}
void WriteBatch::erase(Family family, ByteView key) { CHECK(batch_->Delete(family.handle(), slice(key)).ok()); }
void WriteBatch::erase_range(Family family, ByteView begin, ByteView end) {
  CHECK(batch_->DeleteRange(family.handle(), slice(begin), slice(end)).ok());
}
void WriteBatch::clear() { batch_->Clear(); }
size_t WriteBatch::count() const { return batch_->Count(); }
size_t WriteBatch::size_bytes() const { return batch_->GetDataSize(); }

// --- Snapshot

Snapshot::Snapshot(Database& database) : database_(&database), snapshot_(database.raw()->GetSnapshot()) {}

Snapshot& Snapshot::operator=(Snapshot&& other) noexcept {
  if (this != &other) {
    reset();
    database_ = other.database_;
    snapshot_ = std::exchange(other.snapshot_, nullptr);
  }
  return *this;
}

void Snapshot::reset() {
  if (snapshot_ != nullptr) database_->raw()->ReleaseSnapshot(std::exchange(snapshot_, nullptr));
}

// --- Iterator

struct Iterator::Bounds {  // RocksDB keeps pointers to them
  Bytes lower, upper;
  rocksdb::Slice lower_slice, upper_slice;
};

Iterator::Iterator(Database& database, Family family, ReadOptions options) : bounds_(std::make_unique<Bounds>()) {
  rocksdb::ReadOptions read = read_options(options.snapshot);
  read.fill_cache = options.fill_cache;
  read.readahead_size = options.readahead_bytes;
  bounds_->lower = std::move(options.lower);
  bounds_->upper = std::move(options.upper);
  if (!bounds_->lower.empty()) {
    bounds_->lower_slice = slice(bounds_->lower);
    read.iterate_lower_bound = &bounds_->lower_slice;
  }
  if (!bounds_->upper.empty()) {
    bounds_->upper_slice = slice(bounds_->upper);
    read.iterate_upper_bound = &bounds_->upper_slice;
  }
  iterator_.reset(database.raw()->NewIterator(read, family.handle()));
}

Iterator::Iterator() = default;
Iterator::~Iterator() { reset(); }
Iterator::Iterator(Iterator&&) noexcept = default;
Iterator& Iterator::operator=(Iterator&& other) noexcept {
  iterator_ = std::move(other.iterator_);  // before the bounds that it points to
  bounds_ = std::move(other.bounds_);
  return *this;
}
void Iterator::reset() {
  iterator_.reset();
  bounds_.reset();
}

void Iterator::seek(ByteView key) { iterator_->Seek(slice(key)); }
void Iterator::seek_back(ByteView key) { iterator_->SeekForPrev(slice(key)); }
void Iterator::seek_to_first() { iterator_->SeekToFirst(); }
void Iterator::seek_to_last() { iterator_->SeekToLast(); }
void Iterator::next() { iterator_->Next(); }
void Iterator::prev() { iterator_->Prev(); }
bool Iterator::valid() const { return iterator_->Valid(); }
ByteView Iterator::key() const { return view(iterator_->key()); }
ByteView Iterator::value() const { return view(iterator_->value()); }
Result<> Iterator::status() const { return check(iterator_->status(), "read the database"); }

Bytes prefix_end(ByteView prefix) {
  Bytes end(prefix);
  while (!end.empty()) {
    auto last = static_cast<unsigned char>(end.back());
    if (last != 0xff) {
      end.back() = static_cast<char>(last + 1);
      return end;
    }
    end.pop_back();
  }
  return end;
}

// --- Database

Database::Database(DatabaseOptions options) : options_(std::move(options)) {
  if (!options_.memory.cache) options_.memory = make_memory(32 << 20, 0);
}

Database::~Database() {
  if (!db_) return;
  rocksdb::CancelAllBackgroundWork(db_.get(), /*wait=*/true);
  for (auto* handle : handles_) CHECK(db_->DestroyColumnFamilyHandle(handle).ok());
  db_.reset();
}

bool Database::exists(const std::string& path, rocksdb::Env* env) {
  if (env == nullptr) env = rocksdb::Env::Default();
  return env->FileExists(path + "/CURRENT").ok();
}

Result<std::unique_ptr<Database>> Database::open(DatabaseOptions options) {
  std::unique_ptr<Database> database(new Database(std::move(options)));
  TRY(database->open_now());
  return database;
}

Result<> Database::open_now() {
  std::string doing = fmt::format("open the database {}", options_.path);
  rocksdb::DBOptions db_options = to_rocks(options_);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  bool has_default = false;
  for (const auto& family : options_.families) {
    descriptors.emplace_back(family.name, to_rocks(options_, family));
    has_default |= family.name == rocksdb::kDefaultColumnFamilyName;
  }
  bool fresh = !exists(options_.path, options_.env);
  if (!fresh) {
    std::vector<std::string> there;
    TRY(check(rocksdb::DB::ListColumnFamilies(db_options, options_.path, &there), doing));
    for (const auto& name : there) {
      auto named = [&](const auto& descriptor) { return descriptor.name == name; };
      if (std::none_of(descriptors.begin(), descriptors.end(), named)) {
        descriptors.emplace_back(name, to_rocks(options_, FamilyOptions{.name = name}));
        has_default |= name == rocksdb::kDefaultColumnFamilyName;
      }
    }
  } else if (!options_.create_if_missing || options_.read_only) {
    return fail(ErrorKind::kNotFound, doing + ": there is none");
  } else {
    db_options.env->CreateDirIfMissing(options_.path).PermitUncheckedError();
  }
  if (!has_default) {
    descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName,
                             to_rocks(options_, FamilyOptions{.name = rocksdb::kDefaultColumnFamilyName}));
  }
  if (fresh) return create(db_options, descriptors);
  rocksdb::DB* db = nullptr;
  auto status = options_.read_only
                    ? rocksdb::DB::OpenForReadOnly(db_options, options_.path, descriptors, &handles_, &db)
                    : rocksdb::DB::Open(db_options, options_.path, descriptors, &handles_, &db);
  TRY(check(status, doing));
  db_.reset(db);
  for (const auto& descriptor : descriptors) names_.push_back(descriptor.name);
  return {};
}

// All families in one go: DB::Open would write and sync a file of options for each of them.
Result<> Database::create(const rocksdb::DBOptions& db_options,
                          const std::vector<rocksdb::ColumnFamilyDescriptor>& descriptors) {
  std::string doing = fmt::format("make the database {}", options_.path);
  std::vector<rocksdb::ColumnFamilyDescriptor> first, others;
  for (const auto& descriptor : descriptors) {
    (descriptor.name == rocksdb::kDefaultColumnFamilyName ? first : others).push_back(descriptor);
  }
  rocksdb::DB* db = nullptr;
  TRY(check(rocksdb::DB::Open(db_options, options_.path, first, &handles_, &db), doing));
  db_.reset(db);
  names_.push_back(first[0].name);
  std::vector<rocksdb::ColumnFamilyHandle*> made;
  auto status = db_->CreateColumnFamilies(others, &made);
  for (size_t i = 0; i < made.size(); ++i) {
    handles_.push_back(made[i]);
    names_.push_back(others[i].name);
  }
  return check(status, doing);
}

Result<> Database::destroy(const DatabaseOptions& options) {
  // RocksDB wants to lock the folder, also one that is not there.
  auto* env = options.env ? options.env : rocksdb::Env::Default();
  std::vector<std::string> files;
  if (env->GetChildren(options.path, &files).IsNotFound()) return {};
  rocksdb::Options rocks(to_rocks(options), rocksdb::ColumnFamilyOptions());
  return check(rocksdb::DestroyDB(options.path, rocks), fmt::format("remove the database {}", options.path));
}

Family Database::family(std::string_view name) const {
  auto it = std::find(names_.begin(), names_.end(), name);
  CHECK(it != names_.end());
  return Family(handles_[it - names_.begin()]);
}

Result<bool> Database::get(Family family, ByteView key, Bytes& value, const Snapshot* snapshot) const {
  rocksdb::PinnableSlice slot;
  auto status = db_->Get(read_options(snapshot), family.handle(), slice(key), &slot);
  if (status.IsNotFound()) return false;
  TRY(check(status, "read the database"));
  value.assign(slot.data(), slot.size());
  return true;
}

Result<std::optional<Bytes>> Database::get(Family family, ByteView key) const {
  Bytes value;
  TRY_ASSIGN(bool found, get(family, key, value));
  if (!found) return std::nullopt;
  return value;
}

Result<std::vector<std::optional<Bytes>>> Database::get_many(Family family, const std::vector<ByteView>& keys) const {
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (auto key : keys) slices.push_back(slice(key));
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(rocksdb::ReadOptions(), family.handle(), keys.size(), slices.data(), values.data(), statuses.data());
  std::vector<std::optional<Bytes>> out(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    TRY(check(statuses[i], "read the database"));
    out[i].emplace(values[i].data(), values[i].size());
  }
  return out;
}

Result<bool> Database::contains(Family family, ByteView key) const {
  rocksdb::ReadOptions options;
  std::string unused;
  bool value_found = false;
  if (!db_->KeyMayExist(options, family.handle(), slice(key), &unused, &value_found)) return false;
  if (value_found) return true;
  std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options, family.handle()));
  iterator->Seek(slice(key));
  if (iterator->Valid()) return iterator->key() == slice(key);
  TRY(check(iterator->status(), "read the database"));
  return false;
}

Result<> Database::write(WriteBatch& batch, bool sync) {
  rocksdb::WriteOptions options;
  options.disableWAL = !options_.write_ahead_log;
  options.sync = sync && options_.write_ahead_log;
  return check(db_->Write(options, &batch.raw()), fmt::format("write to the database {}", options_.path));
}

Result<> Database::flush(bool wait) {
  rocksdb::FlushOptions options;
  options.wait = wait;
  options.allow_write_stall = true;
  return check(db_->Flush(options, handles_), fmt::format("flush the database {}", options_.path));
}

Result<> Database::sync_log() {
  return check(db_->SyncWAL(), fmt::format("sync the log of the database {}", options_.path));
}

Result<> Database::compact(Family family, ByteView begin, ByteView end, bool collect_blobs) {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  if (collect_blobs) {
    options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
    options.blob_garbage_collection_age_cutoff = 1.0;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  }
  rocksdb::Slice from = slice(begin), to = slice(end);
  auto status =
      db_->CompactRange(options, family.handle(), begin.empty() ? nullptr : &from, end.empty() ? nullptr : &to);
  return check(status, fmt::format("compact the database {}", options_.path));
}

Result<> Database::checkpoint(const std::string& path) {
  std::string doing = fmt::format("copy the database {} to {}", options_.path, path);
  rocksdb::Checkpoint* raw = nullptr;
  TRY(check(rocksdb::Checkpoint::Create(db_.get(), &raw), doing));
  std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  // 0 = flush always: without it rows that skipped the log would be missing.
  return check(checkpoint->CreateCheckpoint(path, /*log_size_for_flush=*/0), doing);
}

Result<> Database::ingest(Family family, const std::vector<std::string>& files) {
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.write_global_seqno = false;
  options.snapshot_consistency = true;
  return check(db_->IngestExternalFile(family.handle(), files, options),
               fmt::format("add files to the database {}", options_.path));
}

uint64_t Database::property(Family family, const std::string& name) const {
  uint64_t value = 0;
  db_->GetIntProperty(family.handle(), name, &value);
  return value;
}

uint64_t Database::property(const std::string& name) const {
  uint64_t sum = 0;
  for (auto* handle : handles_) sum += property(Family(handle), name);
  return sum;
}

uint64_t Database::write_buffer_bytes() const { return property("rocksdb.cur-size-all-mem-tables"); }

uint64_t Database::open_write_buffer_bytes() const {
  return options_.memory.write_buffers->mutable_memtable_memory_usage();
}

bool Database::flush_pending() const { return property("rocksdb.num-immutable-mem-table") != 0; }

}  // namespace ipfsc::storage
