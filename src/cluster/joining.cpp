// Membership: how a peer is let in, and who is answered.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "cluster/greeting.h"
#include "cluster/members.h"
#include "cluster/membership.h"
#include "cluster/mover.h"
#include "cluster/record_entries.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");

constexpr Duration kJoinTime = std::chrono::seconds(30);
constexpr Duration kAskAgain = std::chrono::seconds(1);
constexpr Duration kSayAgain = std::chrono::minutes(1);
constexpr size_t kMostWaiting = 256;  // for approval, that are remembered
constexpr size_t kMaxNameBytes = 256;

Result<> check_entry(const proto::PeerEntry& entry) {
  if (entry.name().size() > kMaxNameBytes) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("the peer's name is longer than {} bytes", kMaxNameBytes));
  }
  return {};
}

Error removed_error(const ipld::PeerId& peer) {
  return {ErrorKind::kPermissionDenied, "the peer " + peer.to_string() + " was removed from this cluster"};
}

}  // namespace

Task<Bytes> Membership::join(std::vector<ipld::Multiaddr> bootstrap, SteadyTime deadline) {
  add_hints(bootstrap);
  std::vector<ipld::PeerId> asked;
  for (const auto& address : bootstrap) {
    auto peer = address.peer_id();
    if (peer && *peer != options_.self && std::ranges::find(asked, *peer) == asked.end()) asked.push_back(*peer);
  }
  if (asked.empty()) co_return fail(ErrorKind::kInvalidArgument, "no address of another peer to join was given");
  bool said = false;
  for (;;) {
    std::optional<Error> problem;
    for (size_t i = 0; i < asked.size(); ++i) {
      auto answer = co_await ask_to_join(asked[i]);
      if (!answer) {
        if (answer.error().kind == ErrorKind::kCancelled) co_return fail(answer.error());
        // A refusal counts more than a peer that is not there.
        if (!problem || problem->kind == ErrorKind::kUnavailable) problem = answer.error();
        continue;
      }
      for (const auto& entry : answer->peers()) learn(entry);
      if (!answer->has_leader()) co_return std::move(*answer->mutable_grant());
      learn(answer->leader());
      CO_TRY_ASSIGN(auto leader, ipld::PeerId::from_bytes(answer->leader().peer()));
      if (std::ranges::find(asked, leader) == asked.end()) asked.push_back(std::move(leader));
      if (!problem) problem = Error{ErrorKind::kUnavailable, "the cluster's leader has not answered yet"};
    }
    CHECK(problem);
    bool may_change = problem->kind == ErrorKind::kUnavailable || problem->kind == ErrorKind::kDeadlineExceeded;
    if (!may_change || runtime_.now() + kAskAgain > deadline)
      co_return fail(problem->with_context("joining the cluster"));
    if (!std::exchange(said, true)) log.info("waiting to be let in: {}", problem->message);
    CO_TRY(co_await runtime_.sleep_for(kAskAgain));
  }
}

Task<proto::JoinAnswer> Membership::ask_to_join(ipld::PeerId peer) {
  proto::JoinRequest request;
  set_protocol(request);
  request.set_apply_version(kVersions.apply_version);
  *request.mutable_self() = own_entry();
  request.set_role(options_.role);
  request.set_cluster_id(state_.info().cluster_id);
  CO_TRY_ASSIGN(auto bytes,
                co_await client_.call(peer, kJoin, request.SerializeAsString(), runtime_.now() + kJoinTime));
  proto::JoinAnswer answer;
  if (!answer.ParseFromString(bytes)) co_return fail(ErrorKind::kInternal, "the answer of the cluster is damaged");
  CO_TRY(check_protocol(peer, answer));
  co_return answer;
}

Task<Bytes> Membership::take_join(rpc::CallInfo info, Bytes bytes) {
  proto::JoinRequest request;
  if (!request.ParseFromString(bytes)) co_return fail(ErrorKind::kInvalidArgument, "a damaged request to join");
  const auto& peer = info.caller;
  CO_TRY(note_protocol(peer, check_protocol(peer, request)));
  CO_TRY(check_entry(request.self()));
  if (request.self().peer() != peer.bytes()) {
    co_return fail(ErrorKind::kPermissionDenied, "a peer can join only for itself");
  }
  auto cluster_id = state_.info().cluster_id;
  if (!request.cluster_id().empty() && request.cluster_id() != cluster_id) {
    log.warn("refused the peer {} at {}: it holds the data of another cluster", peer.to_string(), info.remote);
    co_return fail(ErrorKind::kFailedPrecondition,
                   "this peer holds the data of another cluster (ipfs-cluster-service state cleanup sets it aside)");
  }
  uint32_t version = std::max(request.apply_version(), 1u), needed = state_.info().apply_version;
  if (version < needed) {
    log.warn("refused the peer {} at {}: its program knows version {} of the log's rules, and {} holds",
             peer.to_string(), info.remote, version, needed);
    co_return fail(ErrorKind::kFailedPrecondition,
                   fmt::format("the cluster applies its log by version {} of the rules, and this peer's program knows "
                               "no newer one than {}: use a newer program",
                               needed, version));
  }
  proto::JoinAnswer answer;
  set_protocol(answer);
  if (!consensus_->is_leader()) {
    auto leader = consensus_->leader();
    if (!leader || *leader == options_.self) {
      co_return fail(ErrorKind::kUnavailable, "the cluster has no leader at the moment");
    }
    *answer.mutable_leader() = entry_of(*leader);
    co_return answer.SerializeAsString();
  }
  if (!proto::PeerRole_IsValid(static_cast<int>(request.role()))) {
    co_return fail(ErrorKind::kInvalidArgument, "the peer's role is not known here: it runs a newer version");
  }
  CO_TRY(check_approved(peer, info.remote));
  log.info("the peer {} ({}) at {} joins", peer.to_string(), request.self().name(), info.remote);
  learn(request.self());
  auto deadline = runtime_.now() + kJoinTime;
  std::vector<proto::Operation> operations;
  auto role = static_cast<proto::PeerRole>(request.role());
  auto addresses = addresses_of(request.self());
  // A member that has lost its data stays drained, and keeps the role that somebody gave it.
  if (auto known = state_.peer(peer); known && belongs(*known)) {
    operations.push_back(told_change(*known, request.self().name(), role, addresses));
  } else {
    operations.push_back(put_peer(
        {.id = peer, .name = request.self().name(), .role = role, .configured_role = role, .addresses = addresses},
        "membership"));
  }
  if (auto approval = state_.record(kApprovals, peer.bytes()); approval && *approval) {
    operations.push_back(remove_record(kApprovals, peer.bytes(), "membership"));
  }
  if (options_.rebalance_on_join) operations.push_back(rebalance_for(peer));
  CO_TRY(co_await consensus_->submit(std::move(operations), deadline));
  CO_TRY_ASSIGN(*answer.mutable_grant(), co_await consensus_->add_member(peer, deadline));
  answer.set_cluster_id(cluster_id);
  for (const auto& known : state_.peers()) {
    if (belongs(known) && known.id != peer) *answer.add_peers() = entry_of(known.id);
  }
  co_return answer.SerializeAsString();
}

Result<> Membership::admit(const ipld::PeerId& caller, rpc::Access access) {
  if (access == rpc::Access::kOutsider) return {};
  auto known = state_.peer(caller);
  bool removed = known && was_removed(*known);
  if (removed && !has_come_back(*known)) return fail(removed_error(caller));
  if (auto foreign = foreign_.find(caller); foreign != foreign_.end()) return fail(foreign->second);
  if (removed || (known && belongs(*known))) return {};
  // A peer that has just joined has no state yet; its log knows the members.
  if (consensus_->names(caller)) return {};
  // Nor does a peer that was away know who joined meanwhile. While it hears no leader (one without a vote believes in
  // the last one for ever), one of those may be the leader that brings it up to date; whoever knows the secret could
  // join in any case, or is named by a member.
  if (!known && !consensus_->hears_leader()) {
    if (!options_.approve_joins || vouched_for_.contains(caller)) return {};
    ask_all();
  }
  return fail(ErrorKind::kPermissionDenied, "the peer " + caller.to_string() + " does not belong to this cluster");
}

/// Whether a peer that was removed has joined again behind what this one has applied, and may be the leader that it
/// waits for: members that have applied more say so.
bool Membership::has_come_back(const state::Peer& removed) {
  if (removed.state == proto::PEER_STATE_BANNED || consensus_->hears_leader()) return false;
  auto vouched = vouched_for_.find(removed.id);
  if (vouched != vouched_for_.end() && vouched->second > state_.info().applied.value) return true;
  ask_all();
  return false;
}

/// Of one that wants to join.
Result<> Membership::check_approved(const ipld::PeerId& peer, const std::string& remote) {
  auto known = state_.peer(peer);
  if (known && known->state == proto::PEER_STATE_BANNED) return fail(removed_error(peer));
  if (!options_.approve_joins || (known && belongs(*known))) return {};
  TRY_ASSIGN(auto approval, state_.record(kApprovals, peer.bytes()));
  if (approval) {
    waiting_.erase(peer);
    return {};
  }
  auto command = "ipfs-cluster-ctl peers add " + peer.to_string();
  auto now = runtime_.now();
  auto said = waiting_.find(peer);
  if (said == waiting_.end() || now - said->second > kSayAgain) {
    if (waiting_.size() >= kMostWaiting) waiting_.clear();
    waiting_[peer] = now;
    log.warn("the peer {} at {} wants to join: {} lets it in", peer.to_string(), remote, command);
  }
  return fail(ErrorKind::kUnavailable, "this peer has to be let in by the cluster: " + command);
}

}  // namespace ipfsc::cluster
