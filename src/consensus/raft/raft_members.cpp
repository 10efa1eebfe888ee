// RaftConsensus: who takes part. Members join as learners; the leader chooses voters among them (voters.h).
#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/log.h"
#include "consensus/raft/raft_consensus.h"
#include "consensus/raft/recovery.h"
#include "proto/peer.pb.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

/// A learner that has all but so many entries may become a voter.
constexpr uint64_t kCaughtUpEntries = 100;
constexpr Duration kHandOverTime = std::chrono::seconds(5);

std::vector<RaftId> to_ids(const google::protobuf::RepeatedField<uint64_t>& ids) { return {ids.begin(), ids.end()}; }

}  // namespace

std::map<RaftId, ipld::PeerId> members_added_by(const LogEntry& entry) {
  std::map<RaftId, ipld::PeerId> added;
  proto::MemberChange change;
  if (!change.ParseFromString(entry.context)) return added;
  for (const auto& member : change.added()) {
    auto peer = ipld::PeerId::from_bytes(member.peer());
    if (peer) added.emplace(member.raft_id(), *std::move(peer));
  }
  return added;
}

Result<> begin_log(const RaftOptions& options, ByteView grant) {
  proto::LogGrant parsed;
  if (!parsed.ParseFromArray(grant.data(), static_cast<int>(grant.size())) || parsed.raft_id() == kNobody) {
    return fail(ErrorKind::kInvalidArgument, "the answer of the cluster is damaged");
  }
  std::map<RaftId, ipld::PeerId> members;
  for (const auto& member : parsed.members()) {
    TRY_ASSIGN(auto peer, ipld::PeerId::from_bytes(member.peer()));
    members.emplace(member.raft_id(), std::move(peer));
  }
  const auto& conf = parsed.configuration();
  TRY_ASSIGN(auto store,
             LogStore::open(
                 {.path = options.path, .env = options.env, .background_compaction = options.background_compaction}));
  if (!store->empty()) return fail(ErrorKind::kFailedPrecondition, fmt::format("there is a log in {}", options.path));
  return store->bootstrap(parsed.raft_id(), LogIndex(parsed.base_index()), Term(parsed.base_term()),
                          {.voters = to_ids(conf.voters()),
                           .learners = to_ids(conf.learners()),
                           .voters_outgoing = to_ids(conf.voters_outgoing()),
                           .learners_next = to_ids(conf.learners_next()),
                           .auto_leave = conf.auto_leave()},
                          members);
}

Result<bool> has_log(const RaftOptions& options) {
  if (!storage::Database::exists(options.path, options.env)) return false;
  TRY_ASSIGN(auto store,
             LogStore::open(
                 {.path = options.path, .env = options.env, .background_compaction = options.background_compaction}));
  return !store->empty();
}

/// It begins before the first entry, with the configuration of then, in which it has no vote. What the leader's log has
/// no more comes as a snapshot.
Bytes RaftConsensus::grant_for(RaftId id) const {
  proto::LogGrant grant;
  grant.set_raft_id(id);
  grant.mutable_configuration()->add_voters(kFirstRaftId);
  for (const auto& [member, peer] : peers_) {
    auto& info = *grant.add_members();
    info.set_raft_id(member);
    info.set_peer(peer.bytes());
  }
  return grant.SerializeAsString();
}

bool RaftConsensus::names(const ipld::PeerId& peer) const {
  return std::ranges::any_of(peers_, [&](const auto& member) { return member.second == peer; });
}

uint64_t RaftConsensus::former_id(const ipld::PeerId& peer) const {
  if (member_id(peer)) return 0;
  RaftId former = 0;
  for (const auto& [id, named] : peers_) {
    if (named == peer) former = id;  // the numbers ascend
  }
  return former;
}

std::string RaftConsensus::name_of(RaftId id) const {
  auto known = peers_.find(id);
  return known == peers_.end() ? std::to_string(id) : known->second.to_string();
}

/// ": not reached: A, B; 2 of the 3 voters are needed"; nothing when this peer is no voter or all are reached.
std::string RaftConsensus::missing_voters() const {
  std::string missing;
  for (RaftId id : conf_.voters) {
    if (id == self_ || (transport_ && transport_->reaches(id))) continue;
    missing += (missing.empty() ? "" : ", ") + name_of(id);
  }
  if (missing.empty()) return missing;
  return fmt::format(": not reached: {}; {} of the {} voters are needed", missing, conf_.voters.size() / 2 + 1,
                     conf_.voters.size());
}

std::optional<RaftId> RaftConsensus::member_id(const ipld::PeerId& peer) const {
  for (const auto* ids : {&conf_.voters, &conf_.learners}) {
    for (RaftId id : *ids) {
      auto known = peers_.find(id);
      if (known != peers_.end() && known->second == peer) return id;
    }
  }
  return std::nullopt;
}

Task<Bytes> RaftConsensus::add_member(ipld::PeerId peer, SteadyTime deadline) {
  CO_TRY(co_await wait_ready(deadline));
  // A member that asks again has lost its log: under its old number it could vote twice.
  if (member_id(peer)) CO_TRY(co_await remove_member(peer, deadline));
  CO_TRY(co_await wait_for_members(deadline));
  RaftId id = peers_.rbegin()->first + 1;
  proto::MemberChange change;
  auto& info = *change.add_added();
  info.set_raft_id(id);
  info.set_peer(peer.bytes());
  CO_TRY(co_await change_members({{ConfChange::kAddLearner, id}}, change.SerializeAsString(), deadline));
  log.info("the peer {} has joined as member {}", peer.to_string(), id);
  co_return grant_for(id);
}

Task<> RaftConsensus::remove_member(ipld::PeerId peer, SteadyTime deadline) {
  CO_TRY(co_await wait_ready(deadline));
  CO_TRY(co_await wait_for_members(deadline));
  auto id = member_id(peer);
  if (!id) co_return Result<>{};
  if (*id == self_)
    co_return fail(ErrorKind::kFailedPrecondition, "the leader cannot remove itself: it hands over first");
  // Its vote goes first, in one step with the votes of the others, while it still helps: the rest of three, of which
  // one is down, would have no majority.
  if (std::ranges::binary_search(conf_.voters, *id)) {
    CO_TRY_ASSIGN(auto others, co_await look_at_others(*id, deadline));
    CO_TRY_ASSIGN(auto changes, changes_without(*id, std::move(others)));
    CO_TRY(co_await change_members(std::move(changes), {}, deadline));
    CO_TRY(co_await wait_for_members(deadline));
  }
  CO_TRY(co_await change_members({{ConfChange::kRemove, *id}}, {}, deadline));
  log.info("the peer {} (member {}) takes part no more", peer.to_string(), *id);
  co_return Result<>{};
}

/// All but `leaving`, looked at for up to two election timeouts: who is not heard counts as lost, whatever the grace
/// says.
Task<std::vector<VoterCandidate>> RaftConsensus::look_at_others(RaftId leaving, SteadyTime deadline) {
  auto until = std::min(deadline, runtime_.now() + options_.tick * options_.election_ticks * 2);
  std::set<RaftId> heard;
  for (;;) {
    auto others = voter_candidates(engine_->status());
    std::erase_if(others, [&](const VoterCandidate& other) { return other.id == leaving; });
    bool all = true;
    for (auto& other : others) {
      if (other.heard) heard.insert(other.id);
      other.heard = heard.contains(other.id);
      other.lost = !other.heard;
      all &= other.heard || !other.votes;
    }
    if (all || runtime_.now() >= until) co_return others;
    CO_TRY(co_await runtime_.sleep_for(options_.tick));
    CO_TRY(co_await wait_for_members(deadline));
  }
}

/// What takes the vote of `leaving`, of whom `others` does not tell, in one step with what that asks of the others.
/// kFailedPrecondition when no majority of those that would vote then is heard.
Result<std::vector<ConfChange>> RaftConsensus::changes_without(RaftId leaving,
                                                               std::vector<VoterCandidate> others) const {
  auto chosen = choose_voters(others, options_.max_voters);
  bool stays = std::ranges::binary_search(chosen, self_);
  auto changes = changes_to(chosen, stays);
  if (!stays) changes.push_back({ConfChange::kAddLearner, leaving});
  size_t votes = 0;
  size_t heard = 0;
  std::string silent;
  for (const auto& other : others) {
    if (!std::ranges::binary_search(chosen, other.id) && (stays || !other.votes)) continue;
    ++votes;
    heard += other.heard;
    if (!other.heard) silent += (silent.empty() ? "" : ", ") + name_of(other.id);
  }
  if (heard * 2 > votes) return changes;
  return fail(
      ErrorKind::kFailedPrecondition,
      fmt::format("the cluster would have no majority without the peer {}: not reached: {}; {} of the {} voters "
                  "that stay are needed",
                  name_of(leaving), silent, votes / 2 + 1, votes));
}

/// Until no other change is under way.
Task<> RaftConsensus::wait_for_members(SteadyTime deadline) {
  while (changing_members_ || !conf_.voters_outgoing.empty()) CO_TRY(co_await changed_.wait_until(deadline));
  if (!is_leader()) co_return fail(ErrorKind::kUnavailable, "this peer is not the leader");
  co_return Result<>{};
}

/// Returns when the change is applied here.
Task<> RaftConsensus::change_members(std::vector<ConfChange> changes, Bytes context, SteadyTime deadline) {
  auto proposed = engine_->propose_conf_change(changes, context);
  // One of adjust_voters() may be on its way into the log.
  while (!proposed && proposed.error().kind == ErrorKind::kUnavailable && is_leader()) {
    CO_TRY(co_await changed_.wait_until(deadline));
    CO_TRY(co_await wait_for_members(deadline));
    proposed = engine_->propose_conf_change(changes, context);
  }
  CO_TRY_ASSIGN(auto at, std::move(proposed));
  changing_members_ = true;
  uint64_t life = life_;
  pump();
  Result<> outcome;
  while (applied_ < at.index && outcome) {
    outcome = co_await changed_.wait_until(deadline);
    if (life != life_ || !is_leader()) {
      outcome = fail(ErrorKind::kUnavailable, "the leadership changed while the members changed: try again");
    }
  }
  changing_members_ = false;
  changed_.notify_all();
  co_return outcome;
}

/// Of the leader: what choose_voters() is to know.
std::vector<VoterCandidate> RaftConsensus::voter_candidates(const EngineStatus& status) {
  auto now = runtime_.now();
  std::erase_if(heard_at_, [&](const auto& heard) { return !peers_.contains(heard.first); });
  std::vector<VoterCandidate> out;
  for (const auto& member : status.progress) {
    VoterCandidate candidate{.id = member.id,
                             .leads = member.id == self_,
                             .votes = std::ranges::binary_search(conf_.voters, member.id),
                             .heard = member.recently_active || member.id == self_};
    auto& heard = heard_at_.try_emplace(member.id, now).first->second;
    if (candidate.heard) heard = now;
    candidate.lost = now - heard > options_.voter_grace;
    bool answered = member.matched != LogIndex();
    candidate.caught_up = answered && member.matched.value + kCaughtUpEntries >= status.last_index.value;
    if (auto peer = peers_.find(member.id); peer != peers_.end()) {
      if (auto known = state_.peer(peer->second)) candidate.role = known->role;
    }
    out.push_back(candidate);
  }
  return out;
}

/// `demote`: who is not chosen loses its vote.
std::vector<ConfChange> RaftConsensus::changes_to(const std::vector<RaftId>& chosen, bool demote) const {
  std::vector<ConfChange> changes;
  for (RaftId id : chosen) {
    if (!std::ranges::binary_search(conf_.voters, id)) changes.push_back({ConfChange::kAddVoter, id});
  }
  for (RaftId id : conf_.voters) {
    if (demote && !std::ranges::binary_search(chosen, id)) changes.push_back({ConfChange::kAddLearner, id});
  }
  return changes;
}

/// The leader, at times. It hands over before it loses its own vote.
void RaftConsensus::adjust_voters() {
  if (!is_leader()) return heard_at_.clear();
  if (changing_members_ || !conf_.voters_outgoing.empty() || stopping_) return;
  auto status = engine_->status();
  auto chosen = choose_voters(voter_candidates(status), options_.max_voters);
  bool stays = std::ranges::binary_search(chosen, self_);
  auto changes = changes_to(chosen, /*demote=*/stays);
  if (!changes.empty()) {
    auto proposed = engine_->propose_conf_change(changes, {});
    if (proposed) log.info("changing the voters: {} changes to come to {}", changes.size(), chosen.size());
  } else if (!stays && status.transferring_to == kNobody && !handing_over_) {
    handing_over_ = true;
    tasks_.spawn("handing over the leadership", [](RaftConsensus& self, std::vector<RaftId> to) -> Task<> {
      auto done = co_await self.hand_over(std::move(to), self.runtime_.now() + kHandOverTime);
      self.handing_over_ = false;
      co_return done;
    }(*this, std::move(chosen)));
  }
}

/// To one of the voters `to`: the writes go on elsewhere.
Task<> RaftConsensus::hand_over(std::vector<RaftId> to, SteadyTime deadline) {
  if (!is_leader() || !engine_ || !transport_) co_return Result<>{};
  auto status = engine_->status();
  // Best those that are reached for sure, then those that have most.
  std::ranges::sort(status.progress, std::greater<>(), [this](const MemberProgress& member) {
    return std::pair(transport_->reaches(member.id), member.matched);
  });
  for (const auto& member : status.progress) {
    if (member.id == self_ || !member.recently_active || !std::ranges::binary_search(to, member.id)) continue;
    if (!engine_->transfer_leader(member.id)) continue;
    pump();
    // After an election timeout the engine gives the transfer up; then the next one is tried.
    auto patience = std::min(deadline, runtime_.now() + options_.tick * options_.election_ticks);
    while (engine_ && role_ == RaftRole::kLeader) {
      if (!co_await changed_.wait_until(patience)) break;
    }
    if (role_ != RaftRole::kLeader || runtime_.now() >= deadline) break;
  }
  co_return Result<>{};
}

}  // namespace ipfsc::consensus
