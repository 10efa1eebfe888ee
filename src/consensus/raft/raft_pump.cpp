// The actor's steps: what the engine hands out goes to the disk and to the state, and what comes back goes on.
#include "base/check.h"
#include "base/log.h"
#include "base/version.h"
#include "consensus/raft/raft_consensus.h"
#include "consensus/raft/recovery.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

constexpr size_t kApplyBytes = 4 << 20;        // of entries in one job
constexpr uint64_t kFlushLogEvery = 32 << 20;  // so that opening the log's database reads no more than this

}  // namespace

/// What a job on the pool made of committed entries.
struct RaftConsensus::Applied {
  struct One {
    EntryPtr entry;
    std::shared_ptr<const proto::Entry> parsed;  // null: parse the entry
    std::optional<ConfState> conf;               // after a change of the members
    std::map<RaftId, ipld::PeerId> added;        // by it
    std::vector<state::Outcome> outcomes;
    uint64_t origin = 0;
    bool passed_over = false;  // the state came as a checkpoint that had it
  };
  std::vector<One> entries;
  size_t done = 0;  // of entries
  std::optional<Error> error;
};

void RaftConsensus::pump() {
  if (engine_) take_readies();
  if (engine_) step_held();
  if (engine_) {
    propose_waiting();
    forward_waiting();
    take_readies();
  }
  if (engine_) start_write();
  if (engine_) start_apply();
  finish_failing();
  if (stopping_ && idle()) changed_.notify_all();
  // Waiters may call back into us: everything else is done.
  if (queue_.has_answers()) queue_.answer_all();
}

/// Time never runs back in the log.
uint64_t RaftConsensus::next_entry_time() {
  auto time = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::max(runtime_.wall_now(), last_time_).time_since_epoch());
  last_time_ = WallTime(time);
  return static_cast<uint64_t>(time.count());
}

void RaftConsensus::propose_waiting() {
  begin_cluster();
  while (is_leader() && !writing_ && queue_.waiting() && queue_.proposed_entries() < options_.max_unapplied_entries) {
    WriteGroup group = queue_.next_group(next_entry_time());
    Bytes data;
    CHECK(group.entry->SerializeToString(&data));
    auto at = engine_->propose(data);
    if (!at) {
      queue_.put_back(std::move(group));
      return;
    }
    queue_.proposed(std::move(group), *at);
    if (data.size() < options_.max_entry_bytes / 2) return;  // a full one may be followed by the next at once
  }
}

/// The first entry of a new cluster gives it its name and the newest rules: there is nobody yet who does not know them.
void RaftConsensus::begin_cluster() {
  if (cluster_begun_ || !is_leader() || stopping_) return;
  cluster_begun_ = true;
  if (!state_.info().cluster_id.empty()) return;  // in entries that were applied again after a crash
  proto::Operation operation;
  operation.set_actor("cluster");
  Bytes id;
  append_be64(id, runtime_.random());
  append_be64(id, runtime_.random());
  operation.mutable_cluster_init()->set_cluster_id(id);
  operation.mutable_cluster_init()->set_incarnation(1);
  proto::Operation rules;
  rules.set_actor("cluster");
  rules.mutable_apply_version()->set_version(kVersions.apply_version);
  auto write = std::make_shared<PendingWrite>();
  write->deadline = SteadyTime::max();
  for (auto* each : {&operation, &rules}) {
    write->bytes += each->ByteSizeLong() + kOperationOverhead;
    write->operations.push_back(std::move(*each));
  }
  write->count = write->operations.size();
  write->done = [this](Result<std::vector<state::Outcome>> result) {
    if (result) log.info("began a new cluster");
    changed_.notify_all();
  };
  queue_.add(std::move(write));
}

void RaftConsensus::take_readies() {
  while (engine_->has_ready()) {
    Ready ready = engine_->take_ready();
    if (engine_->read_error()) return fail_engine(*engine_->read_error());
    bool news = ready.role != role_ || ready.leader != leader_;
    if (ready.role != role_) leads_since_ = LogIndex();
    role_ = ready.role;
    if (leader_ != ready.leader) leader_heard_at_ = runtime_.now();
    leader_ = ready.leader;
    for (ReadState& read : ready.reads) {
      auto waiting = reads_.find(read_be64(read.context.data()));
      if (waiting != reads_.end()) waiting->second = read.index;
      news = true;
    }
    if (ready.snapshot) begin_restoring(ready.number, *ready.snapshot);
    send(std::move(ready.messages));
    committed_.insert(committed_.end(), ready.committed.begin(), ready.committed.end());
    if (news) changed_.notify_all();
  }
}

void RaftConsensus::start_write() {
  if (writing_ || !log_->write_is_urgent()) return;
  writing_ = true;
  // In a shared place: both the job and its end use it.
  auto write = std::make_shared<LogWrite>(log_->take_write());
  on_pool([store = log_.get(), write] { return store->write(*write); },
          [this, write](Result<> result) { written(std::move(*write), std::move(result)); });
}

void RaftConsensus::written(LogWrite write, Result<> result) {
  writing_ = false;
  if (engine_) {
    if (!result) {
      fail_engine(result.error());
    } else {
      log_->written(write);
      send(std::move(write.messages));
      engine_->persisted(write.number);
      end_restoring(write.number);
    }
  }
  pump();
}

void RaftConsensus::start_apply() {
  if (applying_ || restoring_) return;
  if (fetched_ && !stopping_) return start_install();
  if (state_.bytes_since_flush() >= options_.flush_log_bytes) return start_flush();
  if (committed_.empty()) return;
  auto work = std::make_shared<Applied>();
  for (size_t bytes = 0; !committed_.empty() && bytes < kApplyBytes; committed_.pop_front()) {
    EntryPtr& entry = committed_.front();
    bytes += entry->data.size();
    Applied::One one{.entry = entry, .parsed = queue_.committed(entry->index, entry->term)};
    if (entry->type != EntryType::kNormal) {
      auto conf = engine_->apply_conf_change(*entry);
      if (!conf) return fail_engine(conf.error());
      conf_ = *conf;
      log_->note_conf(entry->index, *conf);
      one.conf = *std::move(conf);
      one.added = members_added_by(*entry);
      log_->note_members(one.added);
      peers_.insert(one.added.begin(), one.added.end());
    }
    work->entries.push_back(std::move(one));
  }
  applying_ = true;
  auto job = [this, store = log_.get(), work]() -> Result<> {
    for (auto& one : work->entries) {
      // The configuration is durable before the state says that it has passed it.
      if (one.conf) TRY(store->save_conf(one.entry->index, *one.conf, one.added));
      one.passed_over = one.entry->index <= state_.applied_index();
      if (!one.parsed) {
        TRY_ASSIGN(one.parsed, parse_entry(*one.entry));
      }
      one.origin = one.parsed->origin();
      TRY_ASSIGN(one.outcomes, apply_entry(state_, *one.entry, *one.parsed));
      one.parsed.reset();
      ++work->done;
    }
    return {};
  };
  on_pool(std::move(job), [this, work](Result<> result) {
    if (!result) work->error = result.error();
    applied(std::move(*work));
  });
}

void RaftConsensus::applied(Applied work) {
  applying_ = false;
  for (size_t i = 0; i < work.done; ++i) {
    auto& one = work.entries[i];
    applied_ = one.entry->index;
    if (one.passed_over) {
      queue_.passed_over(applied_);
      forwards_miss();
    } else if (!forwarded(one.origin, {applied_, one.entry->term}, std::move(one.outcomes))) {
      queue_.applied(applied_, one.entry->term, std::move(one.outcomes));
    }
    forwards_see(one.entry->term);
    if (role_ == RaftRole::kLeader && leads_since_ == LogIndex() && engine_ &&
        one.entry->term == log_->hard_state().term) {
      leads_since_ = applied_;
      last_time_ = std::max(last_time_, state_.info().time);
      reopen_after_ = options_.reopen_after;
      log.debug("leading since entry {}", applied_.value);
    }
  }
  if (!cluster_known_) cluster_known_ = !state_.info().cluster_id.empty();
  if (engine_) {
    if (work.done > 0) engine_->applied(applied_);
    if (work.error) {
      fail_state(*work.error);
    } else {
      keep_house();
    }
  }
  changed_.notify_all();
  pump();
}

void RaftConsensus::start_flush() {
  applying_ = true;
  on_pool([this] { return state_.flush(); },
          [this](Result<> result) {
            applying_ = false;
            if (engine_ && !result) fail_state(result.error().with_context("flushing the state"));
            if (engine_) keep_house();
            pump();
          });
}

/// After the state got further: old parts of the log can go.
void RaftConsensus::keep_house() {
  LogIndex flushed = state_.flushed_index();
  if (flushed > flushed_seen_) {
    flushed_seen_ = flushed;
    state_bytes_ = state_.property("rocksdb.total-sst-files-size");
    truncate_log();
  }
  if (log_->bytes() - log_flushed_at_ < kFlushLogEvery) return;
  log_flushed_at_ = log_->bytes();
  ++jobs_;
  on_pool([store = log_.get()] { return store->flush(); },
          [this](Result<> result) {
            --jobs_;
            if (engine_ && !result) fail_engine(result.error().with_context("flushing the log"));
            pump();
          });
}

void RaftConsensus::fail_engine(Error error) {
  if (error.kind == ErrorKind::kUnimplemented) given_up_ = error;
  log.error("the log stops: {}", error.message);
  // What a caller can do about it: wait for space, or for the repair.
  if (error.kind != ErrorKind::kResourceExhausted) error.kind = ErrorKind::kUnavailable;
  failed_ = std::move(error);
  engine_.reset();
  role_ = RaftRole::kFollower;
  leader_ = kNobody;
  leads_since_ = LogIndex();
  committed_.clear();
  offers_.clear();
  held_.reset();  // it is offered again
  restoring_.reset();
  changed_.notify_all();
}

void RaftConsensus::fail_state(Error error) {
  state_failed_ = true;
  fail_engine(std::move(error));
}

/// When the last job is back nothing of the failed engine is under way: its writes are answered, and reopen_loop() goes
/// on.
void RaftConsensus::finish_failing() {
  if (!failed_ || engine_) return;
  queue_.fail_waiting(*failed_);
  if (!idle()) return;
  queue_.fail_proposed(failed_->message);
  changed_.notify_all();
}

}  // namespace ipfsc::consensus
