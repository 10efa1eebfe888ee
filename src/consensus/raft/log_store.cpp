#include "consensus/raft/log_store.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>

#include "base/check.h"
#include "base/version.h"
#include "consensus/raft/log_format.h"
#include "storage/format.h"
#include "storage/status.h"

namespace ipfsc::consensus {
namespace {

using namespace log_format;

constexpr uint64_t kMarkEveryBytes = 1 << 20;  // less when little of the log is kept
constexpr uint64_t kMarksKept = 16;

LogIndex next(LogIndex index) { return LogIndex(index.value + 1); }
LogIndex before(LogIndex index) { return LogIndex(index.value - 1); }
uint64_t cost(const LogEntry& entry) { return entry.data.size() + entry.context.size() + 32; }

storage::DatabaseOptions database_options(const LogStoreOptions& options) {
  // Keys only grow and are dropped by whole files, so compaction moves files and never rewrites them.
  storage::FamilyOptions entries{.name = "entries",
                                 .compression = storage::Compression::kNone,
                                 .bottom_compression = storage::Compression::kNone,
                                 .bloom_bits_per_key = 0,
                                 .write_buffer_bytes = options.write_buffer_bytes,
                                 .block_bytes = 32 << 10,
                                 .file_bytes = 16 << 20,
                                 .level0_files = 2};
  storage::FamilyOptions meta{.name = "meta", .bloom_bits_per_key = 0, .write_buffer_bytes = 1 << 20};
  return {.path = options.path,
          .env = options.env,
          .families = {std::move(meta), std::move(entries)},
          .memory = storage::make_memory(options.read_cache_bytes, 0),
          .background_compaction = options.background_compaction,
          .background_jobs = 1,
          .max_open_files = 64,
          .sync_every_bytes = 0};
}

}  // namespace

LogStore::LogStore(LogStoreOptions options)
    : options_(std::move(options)), mark_every_bytes_(std::min(kMarkEveryBytes, options_.keep_bytes / kMarksKept)) {}
LogStore::~LogStore() = default;

Result<std::unique_ptr<LogStore>> LogStore::open(LogStoreOptions options) {
  std::unique_ptr<LogStore> store(new LogStore(std::move(options)));
  TRY(store->load());
  return store;
}

Result<std::optional<uint32_t>> LogStore::format(const std::string& path, rocksdb::Env* env) {
  TRY_ASSIGN(auto identity, storage::peek(path, env, "meta", kIdentity));
  if (!identity) return std::nullopt;
  if (identity->size() < 4) return fail(ErrorKind::kDataLoss, "the log's database has a damaged identity");
  return read_be32(identity->data());
}

Result<> LogStore::load() {
  TRY_ASSIGN(db_, storage::Database::open(database_options(options_)));
  meta_ = db_->family("meta");
  entries_ = db_->family("entries");
  TRY(load_meta());
  if (empty()) return {};
  storage::Iterator it(*db_, entries_, {});
  it.seek_to_last();
  last_ = it.valid() ? std::max(base_, index_of_key(it.key())) : base_;
  TRY(it.status());
  durable_ = last_;
  return check_complete();
}

Result<> LogStore::load_meta() {
  storage::Iterator it(*db_, meta_, {});
  for (it.seek_to_first(); it.valid(); it.next()) {
    ByteView key = it.key(), value = it.value();
    if (key == kIdentity) {
      if (value.size() != 12) return fail(ErrorKind::kDataLoss, "the log's database has a damaged identity");
      TRY(storage::check_format(options_.path, read_be32(value.data()), kVersions.formats.raft));
      self_ = read_be64(value.data() + 4);
    } else if (key == kHardState) {
      TRY_ASSIGN(auto n, decode_numbers(value, 3));
      hard_state_ = {Term(n[0]), n[1], LogIndex(n[2])};
    } else if (key == kStarts) {
      TRY_ASSIGN(auto n, decode_numbers(value, 1));
      start_.count = n[0];
    } else if (key == kStateAhead) {
      TRY_ASSIGN(auto n, decode_numbers(value, 1));
      state_ahead_ = LogIndex(n[0]);
    } else if (key == kBase) {
      TRY_ASSIGN(auto n, decode_numbers(value, 2));
      base_ = LogIndex(n[0]);
      terms_[base_] = Term(n[1]);
    } else if (key.starts_with(kTermPrefix)) {
      TRY_ASSIGN(auto n, decode_numbers(value, 1));
      terms_[index_of_key(key)] = Term(n[0]);
    } else if (key.starts_with(kMarkPrefix)) {
      TRY_ASSIGN(auto n, decode_numbers(value, 1));
      marks_[index_of_key(key)] = total_bytes_ = n[0];
    } else if (key.starts_with(kConfPrefix)) {
      TRY_ASSIGN(confs_[index_of_key(key)], decode_conf(value));
    } else if (key.starts_with(kMemberPrefix)) {
      TRY_ASSIGN(members_[index_of_key(key).value], ipld::PeerId::from_bytes(value));
    }
  }
  return it.status();
}

Result<> LogStore::check_complete() const {
  if (hard_state_.commit > last_) {
    return fail(ErrorKind::kDataLoss, fmt::format("the log in {} ends at entry {}, but entry {} was committed",
                                                  options_.path, last_.value, hard_state_.commit.value));
  }
  if (last_ == base_) return {};
  TRY_ASSIGN(bool there, db_->contains(entries_, entry_key(next(base_))));
  if (there) return {};
  return fail(ErrorKind::kDataLoss,
              fmt::format("the log in {} has lost its entry {}", options_.path, next(base_).value));
}

Result<> LogStore::bootstrap(RaftId self, LogIndex base, Term base_term, const ConfState& conf,
                             const std::map<RaftId, ipld::PeerId>& members) {
  CHECK(empty() && self != kNobody);
  storage::WriteBatch batch;
  Bytes identity;
  append_be32(identity, kVersions.formats.raft);
  append_be64(identity, self);
  hard_state_ = {base_term, kNobody, base};
  batch.put(meta_, kIdentity, identity);
  batch.put(meta_, kHardState, encode_numbers({base_term.value, kNobody, base.value}));
  batch.put(meta_, kBase, encode_numbers({base.value, base_term.value}));
  batch.put(meta_, numbered(kConfPrefix, base.value), encode_conf(conf));
  for (const auto& [id, peer] : members) batch.put(meta_, numbered(kMemberPrefix, id), peer.bytes());
  TRY(db_->write(batch, /*sync=*/true));
  self_ = self;
  base_ = last_ = durable_ = base;
  terms_[base] = base_term;
  confs_[base] = conf;
  members_ = members;
  return {};
}

Result<> LogStore::count_start(uint64_t random) {
  storage::WriteBatch batch;
  batch.put(meta_, kStarts, encode_numbers({start_.count + 1}));
  TRY(db_->write(batch, /*sync=*/true));
  start_ = {.raft_id = self_, .count = start_.count + 1, .random = random};
  return {};
}

ConfState LogStore::conf_at(LogIndex applied) const {
  auto it = confs_.upper_bound(applied);
  return it == confs_.begin() ? ConfState{} : std::prev(it)->second;
}

std::optional<Term> LogStore::term(LogIndex index) const {
  if (index < base_ || index > last_) return std::nullopt;
  return std::prev(terms_.upper_bound(index))->second;
}

Result<std::vector<EntryPtr>> LogStore::read(LogIndex low, LogIndex high, uint64_t max_bytes) {
  if (low <= base_ || low < send_floor_) return fail(ErrorKind::kOutOfRange, "truncated");
  CHECK(high <= next(last_) && low < high);
  LogIndex recent_first(last_.value + 1 - recent_.size());
  if (low < recent_first) return read_durable(low, std::min(high, recent_first), max_bytes);
  std::vector<EntryPtr> out;
  uint64_t bytes = 0;
  for (LogIndex i = low; i < high; i = next(i)) {
    const EntryPtr& entry = recent_[i.value - recent_first.value];
    bytes += cost(*entry);
    if (!out.empty() && bytes > max_bytes) break;
    out.push_back(entry);
  }
  return out;
}

Result<std::vector<EntryPtr>> LogStore::read_durable(LogIndex low, LogIndex high, uint64_t max_bytes) const {
  std::vector<EntryPtr> out;
  uint64_t bytes = 0;
  storage::Iterator it(*db_, entries_,
                       {.lower = entry_key(low),
                        .upper = entry_key(high),
                        .fill_cache = false,
                        .readahead_bytes = std::min<uint64_t>(max_bytes, 1 << 20)});
  LogIndex expected = low;
  for (it.seek(entry_key(low)); it.valid(); it.next(), expected = next(expected)) {
    if (index_of_key(it.key()) != expected) break;
    TRY_ASSIGN(LogEntry entry, decode_entry(expected, it.value()));
    bytes += cost(entry);
    if (!out.empty() && bytes > max_bytes) return out;
    out.push_back(std::make_shared<LogEntry>(std::move(entry)));
  }
  TRY(it.status());
  if (expected != high) return fail(ErrorKind::kDataLoss, fmt::format("the log has lost its entry {}", expected.value));
  return out;
}

Result<LogSnapshot> LogStore::snapshot(LogIndex at_least, RaftId to) {
  if (snapshot_source_) return snapshot_source_(at_least, to);
  return fail(ErrorKind::kUnavailable, "no snapshot at the moment");
}

LogIndex LogStore::index_before_last(uint64_t bytes) const {
  LogIndex found = base_;
  for (auto it = marks_.rbegin(); it != marks_.rend(); ++it) {
    if (it->second + bytes <= total_bytes_) return std::max(found, it->first);
  }
  return found;
}

LogIndex LogStore::applied_start(LogIndex applied) const {
  // Entries up to the commit index are the cluster's; behind it the log may hold others than the state has applied.
  return state_ahead_ > hard_state_.commit ? std::min(applied, hard_state_.commit) : applied;
}

LogWrite& LogStore::staged() {
  if (!staged_) staged_.emplace();
  return *staged_;
}

void LogStore::stage(const Ready& ready) {
  if (ready.snapshot) start_from(*ready.snapshot);
  if (!ready.entries.empty() && ready.entries.front()->index <= last_) cut_from(ready.entries.front()->index);
  for (const EntryPtr& entry : ready.entries) append(entry);
  if (ready.hard_state) {
    hard_state_ = *ready.hard_state;
    staged().batch.put(meta_, kHardState,
                       encode_numbers({hard_state_.term.value, hard_state_.vote, hard_state_.commit.value}));
  }
  LogWrite& write = staged();
  write.sync |= ready.must_sync;
  write.number = ready.number;
  write.messages.insert(write.messages.end(), ready.persisted_messages.begin(), ready.persisted_messages.end());
}

void LogStore::append(const EntryPtr& entry) {
  CHECK(entry->index == next(last_));
  auto& batch = staged().batch;
  if (*term(last_) != entry->term) {
    terms_[entry->index] = entry->term;
    batch.put(meta_, numbered(kTermPrefix, entry->index.value), encode_numbers({entry->term.value}));
  }
  last_ = entry->index;
  total_bytes_ += cost(*entry);
  if (marks_.empty() || total_bytes_ - marks_.rbegin()->second >= mark_every_bytes_) {
    marks_[last_] = total_bytes_;
    batch.put(meta_, numbered(kMarkPrefix, last_.value), encode_numbers({total_bytes_}));
  }
  batch.put(entries_, entry_key(entry->index), encode_entry(*entry));
  recent_.push_back(entry);
  recent_bytes_ += cost(*entry);
}

/// Another leader's entries replace ours from `index` on; they were never committed.
void LogStore::cut_from(LogIndex index) {
  CHECK(index > base_);
  auto& batch = staged().batch;
  for (LogIndex i = index; i <= last_; i = next(i)) batch.erase(entries_, entry_key(i));
  for (auto it = terms_.lower_bound(index); it != terms_.end(); it = terms_.erase(it)) {
    batch.erase(meta_, numbered(kTermPrefix, it->first.value));
  }
  for (auto it = marks_.lower_bound(index); it != marks_.end(); it = marks_.erase(it)) {
    batch.erase(meta_, numbered(kMarkPrefix, it->first.value));
  }
  while (!recent_.empty() && recent_.back()->index >= index) {
    recent_bytes_ -= cost(*recent_.back());
    recent_.pop_back();
  }
  ++cuts_;
  last_ = before(index);
  durable_ = std::min(durable_, last_);
}

/// The log begins anew behind a snapshot.
void LogStore::start_from(const LogSnapshot& snapshot) {
  auto& batch = staged().batch;
  batch.erase_range(entries_, entry_key(LogIndex(0)), entry_key(LogIndex(UINT64_MAX)));
  for (const auto& [index, term] : terms_) batch.erase(meta_, numbered(kTermPrefix, index.value));
  for (const auto& [index, bytes] : marks_) batch.erase(meta_, numbered(kMarkPrefix, index.value));
  batch.put(meta_, kBase, encode_numbers({snapshot.index.value, snapshot.term.value}));
  batch.put(meta_, numbered(kConfPrefix, snapshot.index.value), encode_conf(snapshot.conf));
  confs_[snapshot.index] = snapshot.conf;
  terms_ = {{snapshot.index, snapshot.term}};
  marks_.clear();
  recent_.clear();
  recent_bytes_ = 0;
  ++cuts_;
  base_ = last_ = durable_ = snapshot.index;
}

bool LogStore::truncate_behind(LogIndex flushed) {
  // Bytes up to the mark at or before `flushed`; the kept entries begin behind the last mark that is keep_bytes
  // earlier.
  auto end = marks_.upper_bound(flushed);
  if (end == marks_.begin()) return false;
  uint64_t at_flushed = std::prev(end)->second;
  auto cut = marks_.end();
  for (auto it = marks_.begin(); it != end && it->second + options_.keep_bytes <= at_flushed; ++it) cut = it;
  if (cut == marks_.end() || cut->first <= base_) return false;
  LogIndex index = cut->first;
  Term base_term = *term(index);
  LogWrite& write = staged();
  for (auto it = terms_.begin(); it != terms_.end() && it->first <= index; it = terms_.erase(it)) {
    write.batch.erase(meta_, numbered(kTermPrefix, it->first.value));
  }
  terms_[index] = base_term;
  for (auto it = marks_.begin(); it->first < index; it = marks_.erase(it)) {
    write.batch.erase(meta_, numbered(kMarkPrefix, it->first.value));
  }
  auto keep_conf = std::prev(confs_.upper_bound(index));
  for (auto it = confs_.begin(); it != keep_conf; it = confs_.erase(it)) {
    write.batch.erase(meta_, numbered(kConfPrefix, it->first.value));
  }
  write.batch.put(meta_, kBase, encode_numbers({index.value, base_term.value}));
  write.drop = next(index);
  base_ = index;
  return true;
}

LogWrite LogStore::take_write() {
  LogWrite write = std::move(staged());
  write.last = last_;
  write.cuts = cuts_;
  staged_.reset();
  return write;
}

Result<> LogStore::write(LogWrite& write) {
  if (poisoned_) return fail(*poisoned_);
  if (write.batch.count() == 0) return {};
  if (auto done = db_->write(write.batch, write.sync); !done) {
    poisoned_ = done.error().with_context("writing the log");
    return fail(*poisoned_);
  }
  if (write.drop) {
    // Entries of files that still hold newer ones stay on disk for a while; nothing reads them.
    Bytes first = entry_key(LogIndex(0)), last = entry_key(before(*write.drop));
    rocksdb::Slice begin(first), end(last);
    auto dropped = rocksdb::DeleteFilesInRange(db_->raw(), entries_.handle(), &begin, &end);
    if (!dropped.ok()) {
      poisoned_ = storage::to_error(dropped, "truncating the log");
      return fail(*poisoned_);
    }
  }
  return {};
}

void LogStore::written(const LogWrite& write) {
  // If the log was cut since, what replaced its end is in a later write.
  if (write.cuts == cuts_) durable_ = std::max(durable_, write.last);
  trim_recent();
}

void LogStore::trim_recent() {
  while (!recent_.empty() && recent_bytes_ > options_.recent_bytes && recent_.front()->index <= durable_) {
    recent_bytes_ -= cost(*recent_.front());
    recent_.pop_front();
  }
}

Result<> LogStore::save_conf(LogIndex index, const ConfState& conf, const std::map<RaftId, ipld::PeerId>& added) {
  storage::WriteBatch batch;
  batch.put(meta_, numbered(kConfPrefix, index.value), encode_conf(conf));
  for (const auto& [id, peer] : added) batch.put(meta_, numbered(kMemberPrefix, id), peer.bytes());
  return db_->write(batch, /*sync=*/true);
}

Result<> LogStore::save_state_ahead(LogIndex index) {
  storage::WriteBatch batch;
  batch.put(meta_, kStateAhead, encode_numbers({index.value}));
  return db_->write(batch, /*sync=*/true);
}

void LogStore::stage_members(const std::map<RaftId, ipld::PeerId>& members) {
  for (const auto& [id, peer] : members) staged().batch.put(meta_, numbered(kMemberPrefix, id), peer.bytes());
  note_members(members);
}

Result<> LogStore::flush() { return db_->flush(); }

}  // namespace ipfsc::consensus
