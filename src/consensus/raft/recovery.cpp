#include "consensus/raft/recovery.h"

#include "base/log.h"

namespace ipfsc::consensus {
namespace {

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
      TRY(apply_entry(state, *entry, nullptr));
    }
    next = LogIndex(next.value + entries.size());
  }
  if (begin < end) log.info("applied {} entries of the log again", end.value - begin.value);
  return {};
}

}  // namespace

Result<std::vector<state::Outcome>> apply_entry(state::State& state, const LogEntry& entry,
                                                const proto::Entry* parsed) {
  proto::Entry own;
  if (parsed == nullptr) {
    own.set_format(1);
    // The first entry of a term and changes of the members have nothing for the state; it only counts them.
    if (entry.type == EntryType::kNormal && !entry.data.empty() && !own.ParseFromString(entry.data)) {
      return fail(ErrorKind::kDataLoss, fmt::format("entry {} of the log is damaged", entry.index.value));
    }
    parsed = &own;
  }
  auto outcomes = state.apply(entry.index, *parsed);
  if (!outcomes)
    return fail(outcomes.error().with_context(fmt::format("applying entry {} of the log", entry.index.value)));
  return outcomes;
}

Result<std::unique_ptr<LogStore>> open_log(const RaftOptions& options, state::State& state) {
  TRY_ASSIGN(auto store, LogStore::open({.path = options.path,
                                         .env = options.env,
                                         .keep_bytes = options.keep_log_bytes,
                                         .background_compaction = options.background_compaction}));
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
  return store;
}

}  // namespace ipfsc::consensus
