#include "consensus/raft/raft_consensus.h"

#include <boost/asio/associated_cancellation_slot.hpp>

#include "base/check.h"
#include "base/log.h"
#include "consensus/raft/operation_check.h"
#include "consensus/raft/recovery.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

constexpr Duration kReadAgain = std::chrono::seconds(1);
constexpr uint64_t kLookAtVotersTicks = 5;
constexpr Duration kSilentLeader = std::chrono::seconds(5);  // is named to who waits for it

/// All that is applied is in the state's files, and the log says so.
Result<> close_whole(LogStore& store, state::State& state) {
  TRY(state.flush());
  LogWrite last = store.take_write();
  last.sync = true;
  TRY(store.write(last));
  return store.flush();
}

Error stopping_error() { return {ErrorKind::kUnavailable, "this peer is shutting down"}; }

}  // namespace

// --- opening and closing

RaftConsensus::RaftConsensus(Runtime& runtime, state::State& state, RaftOptions options)
    : runtime_(runtime),
      state_(state),
      options_(std::move(options)),
      queue_({.max_entry_bytes = options_.max_entry_bytes,
              .max_waiting_writes = options_.max_waiting_writes,
              .max_waiting_bytes = options_.max_waiting_bytes}),
      offers_(options_.checkpoints.offer_again),
      reopen_after_(options_.reopen_after),
      changed_(runtime),
      deadlines_changed_(runtime),
      tasks_(runtime),
      work_(boost::asio::make_work_guard(runtime.executor())) {}

RaftConsensus::~RaftConsensus() { CHECK(stopped_ || log_ == nullptr); }

Task<std::unique_ptr<RaftConsensus>> RaftConsensus::open(Runtime& runtime, state::State& state, RaftOptions options,
                                                         std::optional<RaftNetwork> network) {
  std::unique_ptr<RaftConsensus> consensus(new RaftConsensus(runtime, state, std::move(options)));
  auto& self = *consensus;
  if (network) self.join_network(*network);
  uint64_t random = runtime.random();
  CO_TRY_ASSIGN(auto store, co_await run_blocking(runtime, [&]() -> Result<std::unique_ptr<LogStore>> {
                  TRY(remove_checkpoints(state.options()));
                  return open_log(self.options_, state, random);
                }));
  CO_TRY(self.start_engine(std::move(store)));
  self.tasks_.spawn("raft ticks", self.tick_loop());
  self.tasks_.spawn("raft deadlines", self.deadline_loop());
  self.tasks_.spawn("raft repair", self.reopen_loop());
  if (self.server_) {
    self.tasks_.spawn("removing checkpoints", self.server_->clean_loop());
    self.tasks_.spawn("fetching the state", self.fetch_loop());
  }
  self.pump();
  co_return consensus;
}

Result<> RaftConsensus::remove_log(const std::string& path, rocksdb::Env* env) {
  if (!storage::Database::exists(path, env)) return {};
  return storage::Database::destroy({.path = path, .env = env});
}

EngineOptions RaftConsensus::engine_options() const {
  return {.id = log_->self(),
          .election_ticks = options_.election_ticks,
          .heartbeat_ticks = options_.heartbeat_ticks,
          .max_message_bytes = options_.max_entry_bytes,
          .seed = runtime_.random()};
}

Result<> RaftConsensus::start_engine(std::unique_ptr<LogStore> store) {
  log_ = std::move(store);
  self_ = log_->self();
  peers_ = log_->members();
  start_ = log_->start();
  applied_ = log_->applied_start(state_.applied_index());
  conf_ = log_->conf_at(applied_);
  auto engine = RaftEngine::create(engine_options(), *log_, log_->hard_state(), conf_, applied_);
  if (server_) {
    log_->set_snapshot_source([this](LogIndex at_least, RaftId to) { return offer_snapshot(at_least, to); });
  }
  if (!engine) {
    log_.reset();
    return fail(engine.error());
  }
  engine_ = *std::move(engine);
  ++life_;
  applied_term_ = Term();
  forwards_miss();  // opening the log may have applied them
  role_ = RaftRole::kFollower;
  leads_since_ = LogIndex();
  cluster_begun_ = cluster_known_ = !state_.info().cluster_id.empty();
  flushed_seen_ = LogIndex();
  log_flushed_at_ = log_->bytes();
  failed_.reset();
  state_failed_ = false;
  // Nobody else could win: no reason to wait for an election timeout.
  if (alone()) return engine_->campaign();
  return {};
}

Task<> RaftConsensus::stop() {
  if (stopped_) co_return Result<>{};
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  stopping_ = true;
  changed_.notify_all();
  SteadyTime patience = runtime_.now() + options_.stop_grace;
  co_await hand_over(conf_.voters, patience);
  for (;;) {
    if (!is_leader() || runtime_.now() >= patience) {
      queue_.fail_waiting(stopping_error());
      queue_.fail_proposed(stopping_error().message);
    }
    pump();
    if (idle() && !queue_.waiting() && queue_.proposed_entries() == 0) break;
    (void)co_await changed_.wait_until(std::max(patience, runtime_.now() + std::chrono::milliseconds(100)));
  }
  co_await tasks_.stop();
  if (transport_) co_await transport_->stop();
  if (server_) (void)co_await server_->stop();
  Result<> closed;
  if (log_) {
    bool whole = engine_ != nullptr;
    engine_.reset();  // it reads the log
    closed = co_await run_blocking(runtime_, [this, whole, store = std::move(log_)]() mutable {
      Result<> done;
      if (whole) done = close_whole(*store, state_);
      store.reset();
      return done;
    });
  }
  co_await boost::asio::post(runtime_.executor(), boost::asio::use_awaitable);  // after every pump() that was posted
  stopped_ = true;
  changed_.notify_all();
  work_.reset();
  co_return closed;
}

// --- the seam

Task<std::vector<state::Outcome>> RaftConsensus::submit(std::vector<proto::Operation> operations, SteadyTime deadline) {
  if (operations.empty()) co_return fail(ErrorKind::kInvalidArgument, "a write without operations");
  if (stopping_) co_return fail(stopping_error());
  if (failed_) co_return fail(*failed_);
  auto write = std::make_shared<PendingWrite>();
  for (const auto& operation : operations) {
    CO_TRY(check_operation(operation));
    write->bytes += operation.ByteSizeLong() + kOperationOverhead;
  }
  CO_TRY(queue_.admit(write->bytes));
  write->count = operations.size();
  write->operations = std::move(operations);
  write->deadline = deadline;
  auto initiation = [this, &write](auto handler) {
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([this, weak = std::weak_ptr(write)](boost::asio::cancellation_type) {
        auto cancelled = weak.lock();
        if (!cancelled || !cancelled->done) return;
        queue_.cancel(*cancelled);
        boost::asio::post(runtime_.executor(), [this] { pump(); });
      });
    }
    write->done = [handler = std::move(handler)](Result<std::vector<state::Outcome>> result) mutable {
      std::move(handler)(std::move(result));
    };
    queue_.add(std::move(write));
    if (!armed_ || *queue_.next_deadline() < *armed_) deadlines_changed_.notify_all();
    // Not at once: all that becomes runnable together goes into one entry.
    if (!writing_ && queue_.waiting_writes() == 1) boost::asio::post(runtime_.executor(), [this] { pump(); });
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                 void(Result<std::vector<state::Outcome>>)>(initiation,
                                                                                            boost::asio::use_awaitable);
}

std::optional<ipld::PeerId> RaftConsensus::leader() const {
  const auto* peer = peer_of(leader_);
  return peer == nullptr ? std::nullopt : std::optional(*peer);
}

std::vector<Member> RaftConsensus::members() const {
  std::vector<Member> out;
  auto add = [&](RaftId id, MemberRole role) {
    auto it = peers_.find(id);
    if (it != peers_.end()) out.push_back({it->second, id, role, id == self_});
  };
  for (RaftId id : conf_.voters) add(id, MemberRole::kVoter);
  for (RaftId id : conf_.learners) add(id, MemberRole::kLearner);
  return out;
}

bool RaftConsensus::alone() const {
  return conf_.voters == std::vector<RaftId>{self_} && conf_.voters_outgoing.empty() && conf_.learners.empty();
}

bool RaftConsensus::ready() const {
  return engine_ && leader_ != kNobody && (role_ != RaftRole::kLeader || is_leader()) && cluster_known_;
}

std::string RaftConsensus::trouble() const { return ready() ? std::string() : waiting_for(); }

bool RaftConsensus::hears_leader() const {
  return leader_ != kNobody && (leader_ == self_ || runtime_.now() - leader_heard_at_ <= kSilentLeader);
}

std::string RaftConsensus::waiting_for() const {
  if (stopping_) return stopping_error().message;
  if (failed_) return failed_->message;
  if (leader_ == kNobody) return "there is no leader" + missing_voters();
  // Who has no vote goes on believing in the leader that it heard last.
  auto silence = runtime_.now() - leader_heard_at_;
  if (const auto* leader = peer_of(leader_); leader != nullptr && leader_ != self_ && silence > kSilentLeader) {
    return fmt::format("the leader {} was not heard for {} s", leader->to_string(),
                       std::chrono::duration_cast<std::chrono::seconds>(silence).count());
  }
  return "the leader is not ready yet";
}

Task<> RaftConsensus::wait_ready(SteadyTime deadline) {
  while (!ready()) {
    if (stopping_) co_return fail(stopping_error());
    auto news = co_await changed_.wait_until(deadline);
    if (!news && news.error().kind == ErrorKind::kDeadlineExceeded) {
      co_return fail(ErrorKind::kUnavailable, waiting_for());
    }
    CO_TRY(std::move(news));
  }
  co_return Result<>{};
}

Task<LogIndex> RaftConsensus::barrier(SteadyTime deadline) {
  for (;;) {
    CO_TRY(co_await wait_ready(deadline));
    uint64_t life = life_;
    uint64_t id = next_read_++;
    auto forget = [this](const uint64_t* read) { reads_.erase(*read); };
    std::unique_ptr<uint64_t, decltype(forget)> registered(&id, forget);
    reads_[id] = std::nullopt;
    Bytes context;
    append_be64(context, id);
    engine_->read_index(context);
    pump();
    SteadyTime ask_again = runtime_.now() + kReadAgain;
    while (life == life_ && !failed_) {
      if (reads_[id] && *reads_[id] <= applied_) co_return *reads_[id];
      if (stopping_) co_return fail(stopping_error());
      auto news = co_await changed_.wait_until(std::min(deadline, ask_again));
      if (!news && news.error().kind != ErrorKind::kDeadlineExceeded) co_return fail(news.error());
      if (runtime_.now() >= deadline) {
        co_return fail(ErrorKind::kDeadlineExceeded, "this peer has not caught up with the log yet");
      }
      if (runtime_.now() < ask_again) continue;
      // The question or its answer was lost on the way.
      ask_again += kReadAgain;
      if (engine_ && !reads_[id]) engine_->read_index(context);
      pump();
    }
  }
}

class RaftConsensus::Feed final : public state::ChangeStream {
 public:
  Feed(RaftConsensus& owner, state::FeedPosition from) : owner_(owner), position_(from) {}

  Task<std::vector<state::Change>> next(size_t max) override {
    for (;;) {
      if (owner_.stopping_) co_return fail(stopping_error());
      LogIndex seen = owner_.applied_;
      auto changes =
          co_await run_blocking(owner_.runtime_, [this, max] { return owner_.state_.changes_after(position_, max); });
      if (!changes && changes.error().kind == ErrorKind::kUnavailable && !owner_.stopping_) {
        CO_TRY(co_await owner_.runtime_.sleep_for(owner_.options_.reopen_after));  // it is being opened again
        continue;
      }
      if (!changes) co_return fail(changes.error());
      if (!changes->empty()) {
        position_ = changes->back().position;
        co_return changes;
      }
      while (owner_.applied_ == seen && !owner_.stopping_) CO_TRY(co_await owner_.changed_.wait());
    }
  }

 private:
  RaftConsensus& owner_;
  state::FeedPosition position_;
};

std::unique_ptr<state::ChangeStream> RaftConsensus::feed(state::FeedPosition from) {
  return std::make_unique<Feed>(*this, from);
}

// --- loops

Task<> RaftConsensus::tick_loop() {
  for (;;) {
    // A lone voter that leads has nobody to hear from and nobody to tell. It does not lead from its start on when it
    // has to apply again how it came to be alone.
    if (!engine_ || (alone() && role_ == RaftRole::kLeader)) {
      CO_TRY(co_await changed_.wait());
      continue;
    }
    CO_TRY(co_await runtime_.sleep_for(options_.tick));
    if (!engine_) continue;
    engine_->tick();
    if (++ticks_ % kLookAtVotersTicks == 0) adjust_voters();
    watch_offers();
    pump();
  }
}

Task<> RaftConsensus::deadline_loop() {
  for (;;) {
    armed_ = queue_.next_deadline();
    auto woken = armed_ ? co_await deadlines_changed_.wait_until(*armed_) : co_await deadlines_changed_.wait();
    if (!woken && woken.error().kind != ErrorKind::kDeadlineExceeded) co_return woken;
    queue_.expire(runtime_.now(), waiting_for());
    pump();
  }
}

Task<> RaftConsensus::reopen_loop() {
  for (;;) {
    while (!failed_ || engine_ || !idle() || given_up_) CO_TRY(co_await changed_.wait());
    CO_TRY(co_await runtime_.sleep_for(reopen_after_));
    reopen_after_ = std::min(reopen_after_ * 2, options_.reopen_after_at_most);
    ++jobs_;
    auto reopen = [this, random = runtime_.random(),
                   store = std::move(log_)]() mutable -> Result<std::unique_ptr<LogStore>> {
      store.reset();
      if (state_failed_) TRY(state_.reopen());
      return open_log(options_, state_, random);
    };
    auto opened = co_await run_blocking(runtime_, std::move(reopen));
    --jobs_;
    auto started = opened ? start_engine(*std::move(opened)) : Result<>(fail(opened.error()));
    if (started) {
      log.info("the log is open again, at entry {}", applied_.value);
    } else {
      failed_ = started.error();
      log.warn("opening the log again: {}", failed_->message);
    }
    pump();
    changed_.notify_all();
  }
}

}  // namespace ipfsc::consensus
