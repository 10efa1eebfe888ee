#include "consensus/raft/engine.h"

#include <raft_core.h>

#include "base/check.h"
#include "base/log.h"

namespace ipfsc::consensus {
namespace {

const LogComponent& component() {
  static LogComponent log("raft");
  return log;
}

rc_bytes to_c(ByteView bytes) { return {u8(bytes), bytes.size()}; }
rc_ids to_c(const std::vector<RaftId>& ids) { return {ids.data(), ids.size()}; }
rc_hard_state to_c(const HardState& state) { return {state.term.value, state.vote, state.commit.value}; }
/// Borrows from `conf`.
rc_conf_state to_c(const ConfState& conf) {
  return {to_c(conf.voters), to_c(conf.learners), to_c(conf.voters_outgoing), to_c(conf.learners_next),
          conf.auto_leave};
}
/// Borrows from `entry`.
rc_entry to_c(const LogEntry& entry) {
  return {entry.index.value, entry.term.value, static_cast<uint32_t>(entry.type), to_c(entry.data),
          to_c(entry.context)};
}

Bytes from_c(const rc_bytes& bytes) { return Bytes(as_bytes(bytes.data, bytes.size)); }
std::vector<RaftId> from_c(const rc_ids& ids) {
  return ids.count == 0 ? std::vector<RaftId>() : std::vector<RaftId>(ids.ids, ids.ids + ids.count);
}
HardState from_c(const rc_hard_state& state) { return {Term(state.term), state.vote, LogIndex(state.commit)}; }
ConfState from_c(const rc_conf_state& conf) {
  ConfState out{from_c(conf.voters), from_c(conf.learners), from_c(conf.voters_outgoing), from_c(conf.learners_next),
                conf.auto_leave};
  for (auto* ids : {&out.voters, &out.learners, &out.voters_outgoing, &out.learners_next}) {
    std::sort(ids->begin(), ids->end());
  }
  return out;
}
LogSnapshot from_c(const rc_snapshot& snapshot) {
  return {LogIndex(snapshot.index), Term(snapshot.term), from_c(snapshot.conf), from_c(snapshot.data)};
}
std::vector<EntryPtr> from_c(const rc_entry* entries, size_t count) {
  std::vector<EntryPtr> out;
  out.reserve(count);
  for (const rc_entry* e = entries; e != entries + count; ++e) {
    out.push_back(std::make_shared<LogEntry>(LogIndex(e->index), Term(e->term), static_cast<EntryType>(e->type),
                                             from_c(e->data), from_c(e->context)));
  }
  return out;
}
std::vector<RaftMessage> from_c(const rc_message* messages, size_t count) {
  std::vector<RaftMessage> out;
  out.reserve(count);
  for (const rc_message* m = messages; m != messages + count; ++m) out.push_back({m->to, m->type, from_c(m->data)});
  return out;
}

void write_log(void*, int level, const char* text, size_t size) {
  std::string_view line(text, size);
  if (level >= 4) {
    component().error("{}", line);
  } else if (level == 3) {
    component().warn("{}", line);
  } else {
    component().debug("{}", line);
  }
}

}  // namespace

/// The other side of rc_storage.
struct RaftEngine::Callbacks {
  LogView& log;
  std::optional<Error> read_error;

  static Callbacks& of(void* self) { return *static_cast<Callbacks*>(self); }

  static int entries(void* self, uint64_t low, uint64_t high, uint64_t max_bytes, rc_entry_sink* sink) {
    auto read = of(self).log.read(LogIndex(low), LogIndex(high), max_bytes);
    if (!read) {
      if (read.error().kind == ErrorKind::kOutOfRange) return RC_COMPACTED;
      of(self).read_error = std::move(read).error();
      return RC_FAILED;
    }
    for (const EntryPtr& entry : *read) {
      rc_entry view = to_c(*entry);
      rc_sink_entry(sink, &view);
    }
    return RC_OK;
  }

  static int term(void* self, uint64_t index, uint64_t* term) {
    LogView& log = of(self).log;
    if (auto known = log.term(LogIndex(index))) {
      *term = known->value;
      return RC_OK;
    }
    return LogIndex(index) < log.first_index() ? RC_COMPACTED : RC_UNAVAILABLE;
  }

  static uint64_t first_index(void* self) { return of(self).log.first_index().value; }
  static uint64_t last_index(void* self) { return of(self).log.last_index().value; }

  static int snapshot(void* self, uint64_t at_least, uint64_t to, rc_snapshot_sink* sink) {
    auto made = of(self).log.snapshot(LogIndex(at_least), to);
    if (!made) return RC_SNAPSHOT_UNAVAILABLE;
    rc_snapshot view{made->index.value, made->term.value, to_c(made->conf), to_c(made->manifest)};
    rc_sink_snapshot(sink, &view);
    return RC_OK;
  }
};

RaftEngine::RaftEngine() = default;
RaftEngine::~RaftEngine() { rc_destroy(node_); }

Result<std::unique_ptr<RaftEngine>> RaftEngine::create(EngineOptions options, LogView& log, HardState hard_state,
                                                       ConfState conf, LogIndex applied) {
  // The commit index is written lazily; what is applied was committed.
  hard_state.commit = std::max(hard_state.commit, applied);
  std::unique_ptr<RaftEngine> engine(new RaftEngine());
  engine->callbacks_.reset(new Callbacks{log, std::nullopt});
  rc_config config{};
  config.id = options.id;
  config.election_ticks = static_cast<uint32_t>(options.election_ticks);
  config.heartbeat_ticks = static_cast<uint32_t>(options.heartbeat_ticks);
  config.applied = applied.value;
  config.max_message_bytes = options.max_message_bytes;
  config.max_inflight_messages = options.max_inflight_messages;
  config.max_uncommitted_bytes = options.max_uncommitted_bytes;
  config.max_committed_ready_bytes = options.max_committed_ready_bytes;
  config.pre_vote = options.pre_vote;
  config.check_quorum = options.check_quorum;
  config.seed = options.seed;
  config.hard_state = to_c(hard_state);
  config.conf = to_c(conf);
  config.storage = {engine->callbacks_.get(), &Callbacks::entries,    &Callbacks::term,
                    &Callbacks::first_index,  &Callbacks::last_index, &Callbacks::snapshot};
  config.log = &write_log;
  char reason[512] = "";
  engine->node_ = rc_create(&config, reason, sizeof reason);
  if (engine->node_ == nullptr) return fail(ErrorKind::kDataLoss, std::string("starting raft: ") + reason);
  return engine;
}

Error RaftEngine::last_error(int code) const {
  ErrorKind kind = code == RC_LOG_LOST                           ? ErrorKind::kDataLoss
                   : code == RC_NOT_LEADER || code == RC_DROPPED ? ErrorKind::kUnavailable
                                                                 : ErrorKind::kInvalidArgument;
  return {kind, rc_last_error(node_)};
}

void RaftEngine::tick() { rc_tick(node_); }

Result<> RaftEngine::step(ByteView message) {
  if (int code = rc_step(node_, to_c(message)); code != RC_OK) return fail(last_error(code));
  return {};
}

Result<Proposed> RaftEngine::propose(ByteView data) {
  Proposed at;
  if (int code = rc_propose(node_, to_c(data), &at.index.value, &at.term.value); code != RC_OK) {
    return fail(last_error(code));
  }
  return at;
}

Result<Proposed> RaftEngine::propose_conf_change(const std::vector<ConfChange>& changes, ByteView context) {
  std::vector<rc_change> list;
  for (const ConfChange& change : changes) list.push_back({change.type, change.id});
  Proposed at;
  int code = rc_propose_conf_change(node_, list.data(), list.size(), to_c(context), &at.index.value, &at.term.value);
  if (code != RC_OK) return fail(last_error(code));
  return at;
}

Result<ConfState> RaftEngine::apply_conf_change(const LogEntry& entry) {
  rc_entry view = to_c(entry);
  rc_conf_state conf;
  if (int code = rc_apply_conf_change(node_, &view, &conf); code != RC_OK) return fail(last_error(code));
  return from_c(conf);
}

Result<> RaftEngine::campaign() {
  if (int code = rc_campaign(node_); code != RC_OK) return fail(last_error(code));
  return {};
}

Result<> RaftEngine::transfer_leader(RaftId to) {
  if (int code = rc_transfer_leader(node_, to); code != RC_OK) return fail(last_error(code));
  return {};
}

void RaftEngine::read_index(ByteView context) { rc_read_index(node_, to_c(context)); }
void RaftEngine::report_unreachable(RaftId id) { rc_report_unreachable(node_, id); }
void RaftEngine::report_snapshot(RaftId id, bool arrived) { rc_report_snapshot(node_, id, arrived); }
bool RaftEngine::has_ready() const { return rc_has_ready(node_); }

Ready RaftEngine::take_ready() {
  rc_ready raw;
  rc_take_ready(node_, &raw);
  Ready ready;
  ready.number = raw.number;
  ready.must_sync = raw.must_sync;
  ready.role = static_cast<RaftRole>(raw.role);
  ready.leader = raw.leader;
  if (raw.has_hard_state) ready.hard_state = from_c(raw.hard_state);
  if (raw.has_snapshot) ready.snapshot = from_c(raw.snapshot);
  ready.entries = from_c(raw.entries, raw.entry_count);
  ready.messages = from_c(raw.messages, raw.message_count);
  ready.persisted_messages = from_c(raw.persisted_messages, raw.persisted_message_count);
  ready.committed = from_c(raw.committed, raw.committed_count);
  for (size_t i = 0; i < raw.read_state_count; ++i) {
    ready.reads.push_back({LogIndex(raw.read_states[i].index), from_c(raw.read_states[i].context)});
  }
  callbacks_->log.stage(ready);
  rc_advance(node_);
  return ready;
}

void RaftEngine::persisted(uint64_t number) { rc_persisted(node_, number); }
void RaftEngine::applied(LogIndex index) { rc_applied(node_, index.value); }

EngineStatus RaftEngine::status() const {
  rc_status raw;
  rc_get_status(node_, &raw);
  EngineStatus status{from_c(raw.hard_state),
                      raw.leader,
                      static_cast<RaftRole>(raw.role),
                      LogIndex(raw.applied),
                      LogIndex(raw.last_index),
                      LogIndex(raw.persisted),
                      raw.transferring_to,
                      from_c(raw.conf),
                      {}};
  for (size_t i = 0; i < raw.progress_count; ++i) {
    const rc_progress& p = raw.progress[i];
    status.progress.push_back(
        {p.id, LogIndex(p.matched), LogIndex(p.next), static_cast<MemberProgress::State>(p.state), p.recently_active});
  }
  return status;
}

Result<MessageInfo> RaftEngine::inspect(ByteView message) const {
  rc_message_info raw;
  if (int code = rc_inspect(node_, to_c(message), &raw); code != RC_OK) return fail(last_error(code));
  MessageInfo info{raw.type,
                   raw.from,
                   raw.to,
                   Term(raw.term),
                   LogIndex(raw.index),
                   Term(raw.log_term),
                   LogIndex(raw.commit),
                   raw.reject,
                   raw.entry_count,
                   std::nullopt};
  if (raw.has_snapshot) info.snapshot = from_c(raw.snapshot);
  return info;
}

const std::optional<Error>& RaftEngine::read_error() const { return callbacks_->read_error; }

}  // namespace ipfsc::consensus
