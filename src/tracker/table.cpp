#include "tracker/table.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "base/version.h"
#include "storage/format.h"
#include "tracker/row_codec.h"

namespace ipfsc::tracker {
namespace {

constexpr std::string_view kPositionKey = "position";
constexpr std::string_view kCountsKey = "counts";
constexpr std::string_view kJournalKey = "journal";  // unix milliseconds (be64) of the table's making

/// The smallest key after `cid` in a family whose keys end with a CID: no CID is a prefix of another.
Bytes just_after(Bytes key) {
  key.push_back('\0');
  return key;
}

storage::FamilyOptions family(std::string name, size_t write_buffer_bytes, int bloom_bits) {
  storage::FamilyOptions options;
  options.name = std::move(name);
  options.write_buffer_bytes = write_buffer_bytes;
  options.bloom_bits_per_key = bloom_bits;
  options.memtable_bloom = bloom_bits > 0;
  return options;
}

bool settled(const std::optional<Row>& row) { return row && row->phase == Phase::kSettled; }

bool needs_sync(const std::optional<Row>& before, const std::optional<Row>& after) {
  bool new_pin = !before && after && after->want != Want::kNothing;
  return new_pin || (settled(before) && !settled(after));
}

}  // namespace

/// The CIDs of a batch, their rows before and now, and what the state said of them.
struct Table::Work {
  struct Slot {
    ipld::Cid cid;
    std::optional<Row> before, row;
    bool asked = false;
    std::optional<state::StoredPin> pin;  // when asked
    std::vector<Holding> ended;
    Finding finding = Finding::kNone;
    bool orphan_removed = false;
  };
  std::vector<Slot> slots;
  std::vector<size_t> slot_of;   // by mutation
  std::vector<size_t> in_order;  // the slots by CID: what is read and written side by side costs less
};

Result<std::unique_ptr<Table>> Table::open(const TrackerOptions& options, const state::State& state, WallTime now) {
  std::unique_ptr<Table> table(new Table(options, state));
  TRY(table->open_database(now));
  return table;
}

Result<std::optional<uint32_t>> table_format(const TrackerOptions& options) {
  return storage::stored_format(options.path, options.env, "meta");
}

Result<> Table::open_database(std::optional<WallTime> begin) {
  storage::DatabaseOptions database;
  database.path = options_.path;
  database.env = options_.env;
  database.memory =
      storage::make_memory(options_.cache_bytes + options_.write_buffer_bytes, options_.write_buffer_bytes);
  size_t small = std::max<size_t>(options_.write_buffer_bytes / 4, 1 << 20);
  database.families = {family("rows", options_.write_buffer_bytes, 10), family("by_status", small, 0),
                       family("due", small, 0), family("journal", small, 0), family("meta", 1 << 20, 0)};
  database.background_jobs = 1;
  database.max_open_files = 128;
  bool fresh = !storage::Database::exists(options_.path, options_.env);
  TRY_ASSIGN(database_, storage::Database::open(database));
  rows_ = database_->family("rows");
  by_status_ = database_->family("by_status");
  due_ = database_->family("due");
  journal_ = database_->family("journal");
  meta_ = database_->family("meta");

  TRY_ASSIGN(auto format, database_->get(meta_, storage::kFormatKey));
  if (!format) {
    format = storage::format_row(fresh ? kVersions.formats.local : storage::kFormatWithoutRow);
    storage::WriteBatch batch;
    batch.put(meta_, storage::kFormatKey, *format);
    if (fresh && begin) batch.put(meta_, kJournalKey, encode_since(*begin));
    TRY(database_->write(batch));
  }
  TRY_ASSIGN(uint32_t number, storage::format_of_row(format));
  TRY(storage::check_format(options_.path, number, kVersions.formats.local));

  TRY_ASSIGN(auto since, database_->get(meta_, kJournalKey));
  if (since) {
    TRY_ASSIGN(journal_since_, decode_since(*since));
  }
  TRY_ASSIGN(auto position, database_->get(meta_, kPositionKey));
  TRY_ASSIGN(auto counts, database_->get(meta_, kCountsKey));
  std::lock_guard lock(mutex_);
  position_.reset();
  counts_ = {};
  if (position) {
    TRY_ASSIGN(position_, decode_position(*position));
  }
  if (counts) {
    TRY_ASSIGN(counts_, decode_counts(*counts));
  }
  return {};
}

Result<> Table::reopen() {
  std::unique_lock lock(open_);
  database_.reset();
  return open_database({});
}

void Table::close() {
  std::unique_lock lock(open_);
  database_.reset();
}

// --- changing it

Result<Table::Work> Table::load(const std::vector<Mutation>& mutations) const {
  Work work;
  work.slot_of.reserve(mutations.size());
  std::unordered_map<ByteView, size_t> slots;
  slots.reserve(mutations.size());
  for (const auto& mutation : mutations) {
    auto [it, added] = slots.try_emplace(mutation.cid.bytes(), work.slots.size());
    if (added) work.slots.push_back({.cid = mutation.cid});
    work.slot_of.push_back(it->second);
  }
  auto& order = work.in_order;
  order.resize(work.slots.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t slot) -> const ipld::Cid& { return work.slots[slot].cid; });
  std::vector<ByteView> keys;
  keys.reserve(order.size());
  for (size_t i : order) keys.push_back(work.slots[i].cid.bytes());
  TRY_ASSIGN(auto values, database_->get_many(rows_, keys));
  for (size_t k = 0; k < order.size(); ++k) {
    if (!values[k]) continue;
    auto& slot = work.slots[order[k]];
    TRY_ASSIGN(slot.row, decode_row(*values[k]));
    slot.before = slot.row;
  }
  return work;
}

Result<Step> Table::take_step(const Mutation& mutation, Work& work, size_t slot_number, const Moment& moment) const {
  auto& slot = work.slots[slot_number];
  if (const auto* changed = std::get_if<Changed>(&mutation.event)) {
    TRY_ASSIGN(slot.pin, state_.get(slot.cid));
    slot.asked = true;
    Wanted wanted{.renewed = changed->renewed};
    if (slot.pin) {
      const model::Pin& pin = slot.pin->pin;
      wanted.want = wish_of(pin, options_.self).want;
      wanted.recent = pin.timestamp && moment.now - *pin.timestamp < options_.priority_pin_max_age;
    }
    return step(slot.row, wanted, moment);
  }
  if (const auto* attempted = std::get_if<Attempted>(&mutation.event)) {
    return step(slot.row, *attempted, moment, options_.retry);
  }
  if (const auto* observed = std::get_if<Observed>(&mutation.event)) {
    if (slot.row != mutation.expected) return Step{.row = slot.row};
    return step(slot.row, *observed, moment, options_.retry);
  }
  return step(slot.row, Recover{}, moment);
}

Result<> Table::apply_one(const Mutation& mutation, Work& work, size_t slot_number, const Moment& moment) const {
  TRY_ASSIGN(Step taken, take_step(mutation, work, slot_number, moment));
  auto& slot = work.slots[slot_number];
  slot.orphan_removed |= taken.finding == Finding::kOrphan && taken.row;
  slot.row = std::move(taken.row);
  if (taken.ended) slot.ended.push_back(*taken.ended);
  if (taken.finding != Finding::kNone) slot.finding = taken.finding;
  return {};
}

void Table::stage(const Work& work, size_t slot_number, storage::WriteBatch& batch, StatusCounts& counts) const {
  const auto& slot = work.slots[slot_number];
  for (const Holding& holding : slot.ended) {
    batch.put(journal_, journal_key(slot.cid, *holding.to), encode_holding(holding));
    batch.put(journal_, journal_time_key(*holding.to, slot.cid), {});
  }
  if (slot.before == slot.row) return;
  // Status and due time as the indexes have them.
  auto status = [](const std::optional<Row>& row) { return row ? row_status(*row) : model::TrackerStatus::kUndefined; };
  auto due = [](const std::optional<Row>& row) {
    return row && next_of(row) == Next::kWait ? std::optional(row->next_try) : std::nullopt;
  };
  auto before = status(slot.before), after = status(slot.row);
  if (before != after) {
    using enum model::TrackerStatus;
    if (before != kUndefined) --counts.of(before);
    if (after != kUndefined) ++counts.of(after);
    if (before != kUndefined && before != kPinned) batch.erase(by_status_, status_key(before, slot.cid));
    if (after != kUndefined && after != kPinned) batch.put(by_status_, status_key(after, slot.cid), {});
  }
  auto due_before = due(slot.before), due_after = due(slot.row);
  if (due_before != due_after) {
    if (due_before) batch.erase(due_, due_key(*due_before, slot.cid));
    if (due_after) batch.put(due_, due_key(*due_after, slot.cid), {});
  }
  if (slot.row) {
    batch.put(rows_, slot.cid.bytes(), encode_row(*slot.row));
  } else {
    batch.erase(rows_, slot.cid.bytes());
  }
}

Result<Job> Table::make_job(const ipld::Cid& cid, const Row& row, const state::StoredPin* pin) const {
  Job job{.cid = cid, .target = row.want, .table_status = row_status(row), .attempts = row.attempts};
  job.retry = row.attempts > 0 || row.phase != Phase::kQueued;
  job.first = row.recent && !job.retry;
  if (row.phase == Phase::kQueued) job.queued_since = row.since;
  if (pin && row.want != Want::kNothing) {
    job.name = pin->pin.options.name;
    job.update_from = pin->pin.options.pin_update;
    job.origins = pin->pin.options.origins;
  }
  return job;
}

Result<Outcome> Table::outcome_of(Work& work, size_t slot_number) const {
  auto& slot = work.slots[slot_number];
  Outcome out{
      .cid = slot.cid, .next = next_of(slot.row), .finding = slot.finding, .orphan_removed = slot.orphan_removed};
  if (!slot.row) return out;
  out.status = row_status(*slot.row);
  out.want = slot.row->want;
  if (out.next == Next::kWait) out.next_try = slot.row->next_try;
  if (out.next == Next::kStart) {
    if (!slot.asked && slot.row->want != Want::kNothing) {
      TRY_ASSIGN(slot.pin, state_.get(slot.cid));
    }
    TRY_ASSIGN(out.job, make_job(slot.cid, *slot.row, slot.pin ? &*slot.pin : nullptr));
  }
  return out;
}

Result<Table::Applied> Table::apply(const std::vector<Mutation>& mutations,
                                    const std::optional<state::FeedPosition>& position, const Moment& moment) {
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  Moment each = moment;
  each.now = from_millis(to_millis(moment.now));
  TRY_ASSIGN(Work work, load(mutations));
  for (size_t i = 0; i < mutations.size(); ++i) {
    TRY(apply_one(mutations[i], work, work.slot_of[i], each));
    each.random = each.random * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX generator
  }
  storage::WriteBatch batch(64 * work.slots.size());
  StatusCounts counts = this->counts();
  Applied applied;
  applied.outcomes.reserve(work.slots.size());
  bool sync = false;
  for (size_t s : work.in_order) {
    stage(work, s, batch, counts);
    sync |= needs_sync(work.slots[s].before, work.slots[s].row);
  }
  for (size_t s = 0; s < work.slots.size(); ++s) {
    TRY_ASSIGN(Outcome outcome, outcome_of(work, s));
    applied.outcomes.push_back(std::move(outcome));
  }
  bool rows_changed = batch.count() > 0;
  if (rows_changed) batch.put(meta_, kCountsKey, encode_counts(counts));
  if (position) batch.put(meta_, kPositionKey, encode_position(*position));
  if (batch.count() > 0) TRY(database_->write(batch, sync));
  std::lock_guard lock(mutex_);
  counts_ = counts;
  if (position) position_ = position;
  applied.outcome_of = std::move(work.slot_of);
  return applied;
}

// --- reading it

Result<Wish> Table::wish(const ipld::Cid& cid) const {
  TRY_ASSIGN(auto pin, state_.get(cid));
  return pin ? wish_of(pin->pin, options_.self) : Wish{};
}

Result<std::optional<Row>> Table::get(const ipld::Cid& cid) const {
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  TRY_ASSIGN(auto value, database_->get(rows_, cid.bytes()));
  if (!value) return std::nullopt;
  TRY_ASSIGN(Row row, decode_row(*value));
  return row;
}

Result<std::vector<std::optional<Row>>> Table::get_many(const std::vector<ipld::Cid>& cids) const {
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  std::vector<ByteView> keys;
  keys.reserve(cids.size());
  for (const auto& cid : cids) keys.push_back(cid.bytes());
  TRY_ASSIGN(auto values, database_->get_many(rows_, keys));
  std::vector<std::optional<Row>> rows(cids.size());
  for (size_t i = 0; i < cids.size(); ++i) {
    if (!values[i]) continue;
    TRY_ASSIGN(rows[i], decode_row(*values[i]));
  }
  return rows;
}

Result<std::vector<RowAt>> Table::rows_after(const ipld::Cid& after, size_t max) const {
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  storage::Iterator it(*database_, rows_,
                       {.lower = after.empty() ? Bytes() : just_after(after.bytes()), .fill_cache = false});
  std::vector<RowAt> out;
  for (it.seek_to_first(); it.valid() && out.size() < max; it.next()) {
    TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(it.key()));
    TRY_ASSIGN(Row row, decode_row(it.value()));
    out.push_back({std::move(cid), std::move(row)});
  }
  TRY(it.status());
  return out;
}

Result<std::vector<ipld::Cid>> Table::indexed_after(model::StatusSet set, const ipld::Cid& after, size_t max) const {
  using enum model::TrackerStatus;
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  std::vector<storage::Iterator> heads;
  for (auto status : {kPinError, kUnpinError, kPinQueued, kUnpinQueued, kUnexpectedlyUnpinned}) {
    if (!set.has(status)) continue;
    Bytes prefix = status_key(status, {});
    Bytes lower = after.empty() ? prefix : just_after(status_key(status, after));
    storage::Iterator it(*database_, by_status_, {.lower = std::move(lower), .upper = storage::prefix_end(prefix)});
    it.seek_to_first();
    heads.push_back(std::move(it));
  }
  std::vector<ipld::Cid> out;
  while (out.size() < max) {
    storage::Iterator* least = nullptr;
    for (auto& it : heads) {
      if (it.valid() && (!least || it.key().substr(1) < least->key().substr(1))) least = &it;
    }
    if (!least) break;
    TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(least->key().substr(1)));
    least->next();
    if (out.empty() || out.back() != cid) out.push_back(std::move(cid));
  }
  for (auto& it : heads) TRY(it.status());
  return out;
}

Result<std::optional<Job>> Table::load_job(const ipld::Cid& cid) const {
  TRY_ASSIGN(auto value, database_->get(rows_, cid.bytes()));
  if (!value) return std::nullopt;
  TRY_ASSIGN(Row row, decode_row(*value));
  if (next_of(row) == Next::kNothing) return std::nullopt;
  std::optional<state::StoredPin> pin;
  if (row.want != Want::kNothing) {
    TRY_ASSIGN(pin, state_.get(cid));
  }
  TRY_ASSIGN(Job job, make_job(cid, row, pin ? &*pin : nullptr));
  return job;
}

Result<Table::Queued> Table::queued_jobs(const ipld::Cid& after, size_t max) const {
  TRY_ASSIGN(auto cids, indexed_after(model::kQueuedStatuses, after, max));
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  Queued out;
  if (cids.size() == max) out.cursor = cids.back();
  for (const auto& cid : cids) {
    TRY_ASSIGN(auto job, load_job(cid));
    if (job) out.jobs.push_back(*std::move(job));
  }
  return out;
}

Result<Table::Due> Table::due_jobs(const Bytes& cursor, WallTime now, WallTime horizon, size_t max) const {
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  Due out{.cursor = cursor};
  storage::Iterator it(*database_, due_, {.lower = cursor.empty() ? Bytes() : just_after(cursor)});
  auto time_of = [&] { return from_millis(static_cast<int64_t>(read_be64(it.key().data()))); };
  auto take = [&]() -> Result<> {
    TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(it.key().substr(8)));
    TRY_ASSIGN(auto job, load_job(cid));
    if (job) out.jobs.push_back(*std::move(job));
    return {};
  };
  for (it.seek_to_first(); it.valid() && out.jobs.size() < max && time_of() <= now; it.next()) {
    out.cursor = it.key();
    TRY(take());
  }
  out.more = it.valid() && time_of() <= now;
  if (it.valid() && !out.more) out.next = std::min(time_of(), horizon);
  for (it.seek(due_key(horizon, {})); it.valid() && out.jobs.size() < max; it.next()) TRY(take());
  TRY(it.status());
  return out;
}

StatusCounts Table::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

std::optional<state::FeedPosition> Table::position() const {
  std::lock_guard lock(mutex_);
  return position_;
}

// --- the journal

Result<std::vector<Holding>> Table::journal(const ipld::Cid& cid, size_t max) const {
  TRY_ASSIGN(auto row, get(cid));
  std::vector<Holding> out;
  if (row && row->holding_since && max > 0) out.push_back({.from = *row->holding_since});
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  Bytes prefix = "c" + cid.bytes();
  storage::Iterator it(*database_, journal_, {.lower = prefix, .upper = storage::prefix_end(prefix)});
  for (it.seek_to_last(); it.valid() && out.size() < max; it.prev()) {
    WallTime ended = from_millis(static_cast<int64_t>(read_be64(it.key().data() + prefix.size())));
    TRY_ASSIGN(Holding holding, decode_holding(it.value(), ended));
    out.push_back(holding);
  }
  TRY(it.status());
  return out;
}

Result<std::vector<std::optional<Holding>>> Table::held_at(const std::vector<ipld::Cid>& cids, WallTime time) const {
  // Rows first: a holding that ends between the two reads is then in the journal.
  TRY_ASSIGN(auto rows, get_many(cids));
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  storage::Iterator it(*database_, journal_, {.lower = "c", .upper = "d"});
  std::vector<std::optional<Holding>> out(cids.size());
  for (size_t i = 0; i < cids.size(); ++i) {
    if (rows[i] && rows[i]->holding_since && *rows[i]->holding_since <= time) {
      out[i] = Holding{.from = *rows[i]->holding_since};
      continue;
    }
    // Holdings of a CID do not overlap: the first that ended later is the one, or there was none.
    Bytes after = journal_key(cids[i], time + std::chrono::milliseconds(1));
    it.seek(after);
    if (!it.valid() || it.key().size() != after.size() || !it.key().starts_with("c" + cids[i].bytes())) continue;
    auto ended = from_millis(static_cast<int64_t>(read_be64(it.key().data() + after.size() - 8)));
    TRY_ASSIGN(Holding holding, decode_holding(it.value(), ended));
    if (holding.from <= time) out[i] = holding;
  }
  TRY(it.status());
  return out;
}

Result<size_t> Table::trim_journal(WallTime before, size_t max) {
  std::shared_lock open(open_);
  if (!database_) return fail(ErrorKind::kUnavailable, "the tracker's table is not open");
  storage::Iterator it(*database_, journal_,
                       {.lower = "t", .upper = journal_time_key(before, {}), .fill_cache = false});
  storage::WriteBatch batch;
  size_t dropped = 0;
  for (it.seek_to_first(); it.valid() && dropped < max; it.next(), ++dropped) {
    WallTime ended = from_millis(static_cast<int64_t>(read_be64(it.key().data() + 1)));
    TRY_ASSIGN(auto cid, ipld::Cid::from_bytes(it.key().substr(9)));
    batch.erase(journal_, journal_key(cid, ended));
    batch.erase(journal_, it.key());
  }
  TRY(it.status());
  if (dropped > 0) TRY(database_->write(batch));
  return dropped;
}

}  // namespace ipfsc::tracker
