#include "state/state.h"

#include "base/check.h"
#include "base/log.h"
#include "base/version.h"
#include "state/applier.h"
#include "state/impl.h"
#include "storage/format.h"

namespace ipfsc::state {
namespace {
LogComponent log("state");
}

// --- open and closed

State::State(std::unique_ptr<StateImpl> impl) : impl_(std::move(impl)) {}
State::~State() = default;

StateImpl::~StateImpl() {
  CHECK(holders.empty());  // cursors are gone before their State
  close();
}

Result<std::unique_ptr<State>> State::open(StateOptions options) {
  auto impl = std::make_unique<StateImpl>(std::move(options));
  {
    std::unique_lock lock(impl->life);
    TRY(impl->open());
  }
  impl->remove_replaced();
  return std::unique_ptr<State>(new State(std::move(impl)));
}

Result<StateInfo> State::inspect(const StateOptions& options) {
  auto database = database_options(options);
  database.read_only = true;
  TRY_ASSIGN(auto store, Store::open(std::move(database)));
  TRY_ASSIGN(auto loaded, store->load());
  return loaded.head.info();
}

Result<std::optional<StateVersions>> State::versions(const StateOptions& options) {
  TRY_ASSIGN(auto row, storage::peek(options.path, options.env, kFamilyNames[kMeta], key::kHead));
  if (!row) return std::nullopt;
  return Head::versions(*row);
}

Result<> State::compact(const StateOptions& options) {
  TRY_ASSIGN(auto store, Store::open(database_options(options)));
  for (int id = 0; id < kFamilies; ++id) TRY(store->db().compact(store->family(static_cast<FamilyId>(id))));
  return {};
}

Result<> StateImpl::open() {
  TRY(finish_install());
  auto database = database_options(options);
  database.on_flushed = [this] { flush_event_ = true; };
  database.on_background_error = [this](const Error& error) { poison(error); };
  TRY_ASSIGN(auto opened, Store::open(std::move(database)));
  TRY_ASSIGN(auto loaded, opened->load());
  store = std::move(opened);
  std::lock_guard lock(published_mutex);
  head = std::move(loaded.head);
  peers = std::make_shared<PeerTable>(std::move(loaded.peers));
  peer_pins = std::move(loaded.peer_pins);
  poisoned.reset();
  applied = flushed = head.applied.value;
  bytes_since_flush = 0;
  return {};
}

void StateImpl::close() {
  std::lock_guard lock(holders_mutex);
  for (auto* holder : holders) holder->drop_view();
  store.reset();
  std::lock_guard flush_lock(flush_mutex_);
  flush_target_.reset();
  flush_event_ = false;
}

Result<> StateImpl::reopen() {
  std::unique_lock lock(life);
  close();
  return open();
}

Result<StateImpl::Use> StateImpl::use() const {
  Use use{std::shared_lock(life), nullptr};
  use.store = store.get();
  if (use.store == nullptr) return fail(ErrorKind::kUnavailable, "the state is closed after an error");
  return use;
}

SharedPeers StateImpl::peers_now() const {
  std::lock_guard lock(published_mutex);
  return peers;
}

Head StateImpl::head_now() const {
  std::lock_guard lock(published_mutex);
  return head;
}

void StateImpl::poison(const Error& error) {
  std::lock_guard lock(published_mutex);
  if (!poisoned) poisoned = error;
}

Result<> StateImpl::check_usable() const {
  if (!store) return fail(ErrorKind::kUnavailable, "the state is closed after an error");
  std::lock_guard lock(published_mutex);
  if (poisoned) return std::unexpected(*poisoned);
  return {};
}

// --- the log

Result<std::vector<Outcome>> StateImpl::apply(LogIndex index, const proto::Entry& entry) {
  std::lock_guard one(apply_mutex_);
  std::shared_lock lock(life);
  TRY(check_usable());
  LogIndex now(applied.load());
  if (index <= now) return std::vector<Outcome>();
  if (index.value != now.value + 1) {
    return fail(ErrorKind::kFailedPrecondition,
                fmt::format("entry {} cannot be applied to the state of index {}", index.value, now.value));
  }
  if (entry.format() > 1) {
    return fail(ErrorKind::kUnimplemented,
                fmt::format("log entry {} has format {}, which this program ({}) does not know: use a newer one",
                            index.value, entry.format(), kVersion));
  }
  if (entry.operations_size() > static_cast<int>(kMaxOperation)) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("log entry {} has too many operations", index.value));
  }
  auto outcomes = apply_entry(index, entry);
  if (!outcomes) {
    poison(outcomes.error());
    return outcomes;
  }
  bytes_since_flush += entry.ByteSizeLong();
  auto flushing = start_flush_when_full();
  if (!flushing) poison(flushing.error());
  return outcomes;
}

Result<std::vector<Outcome>> StateImpl::apply_entry(LogIndex index, const proto::Entry& entry) {
  std::unique_lock published(published_mutex);
  Transaction transaction(*store, head, peers, peer_pins);
  published.unlock();
  transaction.head.applied = index;
  transaction.head.time_ms = std::max(transaction.head.time_ms, entry.time_ms());
  Applier applier(transaction);
  std::vector<Outcome> outcomes;
  outcomes.reserve(entry.operations_size());
  uint32_t n = 0;
  for (const auto& operation : entry.operations()) {
    TRY_ASSIGN(auto outcome, applier.apply(n++, operation));
    outcomes.push_back(std::move(outcome));
  }
  auto& batch = transaction.finish();
  published.lock();
  peers = transaction.shared_peers();  // before the rows that name them
  published.unlock();
  TRY(store->db().write(batch));
  published.lock();
  head = std::move(transaction.head);
  peer_pins = std::move(transaction.peer_pins);
  applied = index.value;
  return outcomes;
}

// RocksDB is given so much room that it does not flush by itself: a flush that we start has a known index.
Result<> StateImpl::start_flush_when_full() {
  poll_flush();
  if (options.write_buffer_bytes == 0 || store->db().open_write_buffer_bytes() < options.write_buffer_bytes) return {};
  std::lock_guard lock(flush_mutex_);
  if (flush_target_) return {};
  flush_target_ = LogIndex(applied.load());
  bytes_since_flush = 0;
  return store->db().flush(/*wait=*/false);
}

void StateImpl::poll_flush() {
  if (!flush_event_.load(std::memory_order_relaxed) || !flush_event_.exchange(false)) return;
  std::lock_guard lock(flush_mutex_);
  // A flush that RocksDB began earlier may be the one that ended: ours has when nothing is left to be written.
  if (!flush_target_ || store->db().flush_pending()) return;
  flushed = std::max(flushed.load(), flush_target_->value);
  flush_target_.reset();
}

Result<> StateImpl::flush() {
  std::shared_lock lock(life);
  TRY(check_usable());
  uint64_t target = applied.load();
  bytes_since_flush = 0;
  auto done = store->db().flush();
  if (!done) {
    poison(done.error());
    return done;
  }
  std::lock_guard flush_lock(flush_mutex_);
  flushed = std::max(flushed.load(), target);
  return {};
}

Result<std::vector<Outcome>> State::apply(LogIndex index, const proto::Entry& entry) {
  return impl_->apply(index, entry);
}
const StateOptions& State::options() const { return impl_->options; }
LogIndex State::applied_index() const { return LogIndex(impl_->applied.load()); }
LogIndex State::flushed_index() const {
  std::shared_lock lock(impl_->life, std::try_to_lock);  // while it is opened or closed, the last answer is still true
  if (lock && impl_->store) impl_->poll_flush();
  return LogIndex(impl_->flushed.load());
}
size_t State::bytes_since_flush() const { return impl_->bytes_since_flush.load(); }
Result<> State::flush() { return impl_->flush(); }
Result<StateInfo> State::checkpoint(const std::string& path) { return impl_->checkpoint(path); }
Result<> State::reopen() { return impl_->reopen(); }
Result<> State::install(const std::string& from) { return impl_->install(from); }

}  // namespace ipfsc::state
