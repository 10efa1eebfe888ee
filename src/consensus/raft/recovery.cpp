#include "consensus/raft/recovery.h"

#include "base/log.h"

namespace ipfsc::consensus {
namespace {

Result<> parse_and_apply(state::State& state, const LogEntry& entry) {
  TRY_ASSIGN(auto parsed, parse_entry(entry));
  TRY(apply_entry(state, entry, *parsed));
  return {};
}

LogComponent log("raft");

constexpr uint64_t kReplayBytes = 4 << 20;

/// Entries that are committed and not applied, up to the first change of the members: those the engine has to see.
Result<> replay(const LogStore& store, state::State& state) {
  LogIndex end(store.hard_state().commit.value + 1);
  LogIndex begin(state.applied_index().value + 1);
  for (LogIndex next = begin; next < end;) {
    TRY_ASSIGN(auto entries, store.read_durable(next, end, kReplayBytes));
    for (const EntryPtr& entry : entries) {
      if (entry->type != EntryType::kNormal) return {};
      TRY(parse_and_apply(state, *entry));
    }
    next = LogIndex(next.value + entries.size());
  }
  if (begin < end) log.info("applied {} entries of the log again", end.value - begin.value);
  return {};
}

/// Entries behind what is applied, up to `last`, changes of the members too.
Result<> apply_up_to(const LogStore& store, state::State& state, LogIndex last, const OnApplied& on_applied) {
  LogIndex begin(state.applied_index().value + 1), end(last.value + 1);
  for (LogIndex next = begin; next < end;) {
    if (on_applied) on_applied(next.value - begin.value, end.value - begin.value);
    TRY_ASSIGN(auto entries, store.read_durable(next, end, kReplayBytes));
    for (const EntryPtr& entry : entries) TRY(parse_and_apply(state, *entry));
    next = LogIndex(next.value + entries.size());
  }
  return {};
}

Result<std::unique_ptr<LogStore>> open_store(const RaftOptions& options) {
  return LogStore::open({.path = options.path,
                         .env = options.env,
                         .keep_bytes = options.keep_log_bytes,
                         .background_compaction = options.background_compaction});
}

}  // namespace

Result<std::optional<uint32_t>> log_format_of(const RaftOptions& options) {
  return LogStore::format(options.path, options.env);
}

Result<Recovered> begin_incarnation(const RaftOptions& options, state::State& state, WallTime now,
                                    const OnApplied& on_applied) {
  Recovered recovered;
  if (storage::Database::exists(options.path, options.env)) {
    TRY_ASSIGN(auto store, open_store(options));
    LogIndex known = std::max(store->hard_state().commit, state.applied_index());
    if (store->last_index() > known) recovered.uncertain_entries = store->last_index().value - known.value;
    TRY(apply_up_to(*store, state, store->last_index(), on_applied));
  }
  auto before = state.info();
  if (before.cluster_id.empty()) {
    return fail(ErrorKind::kFailedPrecondition, "this peer has no pinset of a cluster to recover");
  }
  recovered.incarnation = before.incarnation + 1;
  proto::Entry entry;
  entry.set_format(1);
  entry.set_time_ms(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count()));
  auto& operation = *entry.add_operations();
  operation.set_actor("recovery");
  operation.mutable_cluster_init()->set_cluster_id(before.cluster_id);
  operation.mutable_cluster_init()->set_incarnation(recovered.incarnation);
  TRY(state.apply(LogIndex(state.applied_index().value + 1), entry));
  TRY(state.flush());
  return recovered;
}

Result<std::shared_ptr<const proto::Entry>> parse_entry(const LogEntry& entry) {
  auto parsed = std::make_shared<proto::Entry>();
  parsed->set_format(1);
  // The first entry of a term and changes of the members have nothing for the state; it only counts them.
  if (entry.type == EntryType::kNormal && !entry.data.empty() && !parsed->ParseFromString(entry.data)) {
    return fail(ErrorKind::kDataLoss, fmt::format("entry {} of the log is damaged", entry.index.value));
  }
  return parsed;
}

Result<std::vector<state::Outcome>> apply_entry(state::State& state, const LogEntry& entry,
                                                const proto::Entry& parsed) {
  auto outcomes = state.apply(entry.index, parsed);
  if (!outcomes)
    return fail(outcomes.error().with_context(fmt::format("applying entry {} of the log", entry.index.value)));
  return outcomes;
}

Result<std::unique_ptr<LogStore>> open_log(const RaftOptions& options, state::State& state, uint64_t random) {
  TRY_ASSIGN(auto store, open_store(options));
  LogIndex applied = state.applied_index();
  if (store->empty()) {
    Term base_term(applied.value == 0 ? 0 : 1);
    TRY(store->bootstrap(kFirstRaftId, applied, base_term, {.voters = {kFirstRaftId}}, {{kFirstRaftId, options.self}}));
  }
  auto self = store->members().find(store->self());
  if (self != store->members().end() && self->second != options.self) {
    return fail(ErrorKind::kFailedPrecondition,
                fmt::format("the log in {} belongs to the peer {}", options.path, self->second.to_string()));
  }
  bool ahead = applied > store->last_index() && applied > store->state_ahead();
  if (ahead || applied.value + 1 < store->first_index().value) {
    return fail(ErrorKind::kDataLoss,
                fmt::format("the log in {} holds entries {} to {}, but the state ends at entry {}", options.path,
                            store->first_index().value, store->last_index().value, applied.value));
  }
  TRY(replay(*store, state));
  TRY(store->count_start(random));
  return store;
}

}  // namespace ipfsc::consensus
