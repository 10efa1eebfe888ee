// RaftConsensus: members that need what the log has no more. The leader offers a snapshot, which is only an index and
// who is a member; the receiver holds the message back, fetches the state of that index or a later one, puts it in the
// place of its own, and only then lets its engine know. Entries that the new state has already are passed over by their
// index when they come.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/log.h"
#include "consensus/raft/raft_consensus.h"
#include "proto/peer.pb.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

std::map<RaftId, ipld::PeerId> members_of(ByteView manifest) {
  std::map<RaftId, ipld::PeerId> members;
  proto::SnapshotManifest parsed;
  if (!parsed.ParseFromArray(manifest.data(), static_cast<int>(manifest.size()))) return members;
  for (const auto& member : parsed.members()) {
    auto peer = ipld::PeerId::from_bytes(member.peer());
    if (peer) members.emplace(member.raft_id(), *std::move(peer));
  }
  return members;
}

/// Also while a change of the voters is under way: it may end only when this member has caught up.
bool takes_part(const ConfState& conf, RaftId id) {
  return std::ranges::any_of(std::array{&conf.voters, &conf.learners, &conf.voters_outgoing, &conf.learners_next},
                             [id](const auto* ids) { return std::ranges::binary_search(*ids, id); });
}

}  // namespace

// --- on the leader

/// Called by the engine. What is sent is what was offered before, as long as the log goes on behind it: the member may
/// be fetching the state for it.
Result<LogSnapshot> RaftConsensus::offer_snapshot(LogIndex at_least, RaftId to) {
  LogIndex least = std::max(at_least, log_->index_before_last(options_.checkpoints.hold_log_bytes));
  auto usable = [&](std::optional<LogIndex> index) {
    return index && *index >= least && *index <= applied_ && *index > LogIndex() &&
           takes_part(log_->conf_at(*index), to);
  };
  std::optional<LogIndex> index = offers_.offered(to);
  if (!usable(index)) index = server_->at_hand();
  if (!usable(index)) index = applied_;
  if (!usable(index)) return fail(ErrorKind::kUnavailable, "no snapshot at the moment");
  LogSnapshot snapshot{*index, *log_->term(*index), log_->conf_at(*index), {}};
  proto::SnapshotManifest manifest;
  for (const auto& [id, peer] : peers_) {
    auto& info = *manifest.add_members();
    info.set_raft_id(id);
    info.set_peer(peer.bytes());
  }
  snapshot.manifest = manifest.SerializeAsString();
  if (offers_.offered(to) != index) log.info("member {} needs the state: offering entry {}", to, index->value);
  offers_.offer(to, *index, runtime_.now());
  if (log_->send_floor() > LogIndex(index->value + 1)) log_->set_send_floor(LogIndex(index->value + 1));
  return snapshot;
}

/// The leader, at times.
void RaftConsensus::watch_offers() {
  if (offers_.empty()) return;
  if (role_ != RaftRole::kLeader) return offers_.clear();
  auto last_sent = [this](RaftId id) {
    auto peer = peers_.find(id);
    return peer == peers_.end() ? std::nullopt : server_->last_sent(peer->second);
  };
  LogIndex least = log_->index_before_last(options_.checkpoints.hold_log_bytes);
  for (RaftId id : offers_.watch(engine_->status(), least, runtime_.now(), last_sent)) {
    engine_->report_snapshot(id, false);
  }
}

/// Messages to that member were lost; a snapshot may have been among them.
void RaftConsensus::lose_offer(RaftId id) {
  if (offers_.offered(id)) engine_->report_snapshot(id, false);
}

/// After the state got further. What a member needs that was offered a snapshot stays in the log.
void RaftConsensus::truncate_log() {
  LogIndex oldest = offers_.oldest().value_or(applied_);
  log_->truncate_behind(std::min({flushed_seen_, applied_, oldest}));
  uint64_t distance = std::max(options_.checkpoints.instead_of_log_bytes, state_bytes_ / 4);
  LogIndex floor = std::min(log_->index_before_last(distance), oldest);
  log_->set_send_floor(LogIndex(floor.value + 1));
}

// --- on the receiver

/// A later one takes the place of an earlier one: the engine of its sender waits for that.
void RaftConsensus::hold_snapshot(MessageInfo info, ByteView message) {
  if (info.term < log_->hard_state().term) return;
  held_ = HeldSnapshot{info.from, info.snapshot->index, Bytes(message)};
  if (needs_state()) log.debug("member {} offers the state of entry {}", info.from, held_->index.value);
  changed_.notify_all();
}

bool RaftConsensus::needs_state() const { return held_ && held_->index > state_.applied_index() && !stopping_; }

/// When the state is so far. Not while entries are applied: those are before the snapshot.
void RaftConsensus::step_held() {
  if (!held_ || applying_ || restoring_ || held_->index > state_.applied_index()) return;
  auto held = *std::exchange(held_, std::nullopt);
  if (auto done = engine_->step(held.message); !done && done.error().kind == ErrorKind::kDataLoss) {
    fail_engine(done.error());
  }
}

/// The engine has taken the snapshot: the log begins anew, and nothing is applied before that is durable.
void RaftConsensus::begin_restoring(uint64_t ready, const LogSnapshot& snapshot) {
  CHECK(!applying_ && state_.applied_index() >= snapshot.index);
  committed_.clear();  // entries before the snapshot
  auto members = members_of(snapshot.manifest);
  log_->stage_members(members);
  peers_.insert(members.begin(), members.end());
  conf_ = snapshot.conf;
  queue_.passed_over(snapshot.index);
  forwards_miss();
  restoring_ = {ready, snapshot.index};
}

/// Ready number `written` and all before are durable.
void RaftConsensus::end_restoring(uint64_t written) {
  if (!restoring_ || written < restoring_->ready) return;
  applied_ = restoring_->index;
  engine_->applied(applied_);
  restoring_.reset();
  log.info("the log goes on behind entry {}, with the state of entry {}", applied_.value, state_.applied_index().value);
  changed_.notify_all();
}

/// Whom to ask: the one that offered, and now and then another when nothing comes from it.
ipld::PeerId RaftConsensus::state_source(size_t attempt) const {
  std::vector<ipld::PeerId> others;
  for (const auto& member : members()) {
    if (!member.self && member.raft_id != held_->from) others.push_back(member.peer);
  }
  const auto* offerer = peer_of(held_->from);
  CHECK(offerer != nullptr);
  if (attempt % 3 != 2 || others.empty()) return *offerer;
  return others[attempt / 3 % others.size()];
}

Task<> RaftConsensus::fetch_loop() {
  size_t attempt = 0;
  for (;;) {
    while (!needs_state() || fetched_ || installing_) CO_TRY(co_await changed_.wait());
    auto still_wanted = [this](LogIndex index) { return needs_state() && held_->index <= index; };
    auto from = state_source(attempt);
    size_t kept = fetcher_->kept_files();
    auto fetched = co_await fetcher_->fetch(from, held_->index, still_wanted);
    if (fetched) {
      attempt = 0;
      fetched_ = *std::move(fetched);
      pump();
      continue;
    }
    if (fetched.error().kind == ErrorKind::kCancelled) co_return fail(fetched.error());
    if (fetched.error().kind == ErrorKind::kAborted || !needs_state()) continue;
    if (fetched.error().kind == ErrorKind::kUnimplemented && engine_) {
      fail_engine(fetched.error().with_context("fetching the state from " + from.to_string()));
      pump();
      continue;
    }
    log.warn("fetching the state from {}: {}", from.to_string(), fetched.error().message);
    if (fetcher_->kept_files() > kept) attempt = 0;
    const auto& options = options_.checkpoints;
    CO_TRY(co_await runtime_.sleep_for(
        std::min(options.retry_after * (1 << std::min<size_t>(attempt, 10)), options.retry_after_at_most)));
    ++attempt;
  }
}

/// The state that was fetched takes the place of ours.
void RaftConsensus::start_install() {
  auto fetched = *std::exchange(fetched_, std::nullopt);
  if (fetched.info.applied <= state_.applied_index()) return changed_.notify_all();
  applying_ = installing_ = true;
  on_pool(
      [this, store = log_.get(), fetched]() -> Result<> {
        // Before it is so, the log says that the state may be ahead of it.
        TRY(store->save_state_ahead(fetched.info.applied));
        return state_.install(fetched.path);
      },
      [this, index = fetched.info.applied](Result<> result) {
        applying_ = installing_ = false;
        if (result) log.info("the state of entry {} is in place", index.value);
        if (engine_ && !result) fail_state(result.error().with_context("putting the state in place"));
        cluster_known_ = cluster_known_ || !state_.info().cluster_id.empty();
        changed_.notify_all();
        pump();
      });
}

std::optional<StateFetch> RaftConsensus::fetching() const { return fetcher_ ? fetcher_->progress() : std::nullopt; }

}  // namespace ipfsc::consensus
