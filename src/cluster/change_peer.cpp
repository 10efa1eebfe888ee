// What a user may change of a peer: whether it votes, takes copies, may join.
#include <algorithm>

#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/members.h"
#include "cluster/record_entries.h"
#include "cluster/roles.h"
#include "proto/peer.pb.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");

constexpr const char* kActor = "membership";

}  // namespace

Result<state::Peer> Cluster::member(const ipld::PeerId& peer) const {
  auto known = state_.peer(peer);
  if (known && belongs(*known)) return *known;
  return fail(ErrorKind::kNotFound, peer.to_string() + " is not a peer of this cluster");
}

Task<> Cluster::drain_peer(ipld::PeerId peer, bool undo) {
  CO_TRY(check_writable());
  CO_TRY(member(peer));
  std::vector<proto::Operation> operations;
  operations.push_back(change_state(state_, peer, undo ? proto::PEER_STATE_UP : proto::PEER_STATE_DRAINING, kActor));
  operations.push_back(remove_record(kReplacements, peer.bytes(), kActor));
  CO_TRY(co_await submit(std::move(operations)));
  log.info("the peer {} {}", peer.to_string(), undo ? "takes part again" : "is drained");
  co_return Result<>{};
}

Task<MovementPlan> Cluster::replace_peer(ipld::PeerId peer, ipld::PeerId replacement, bool dry_run) {
  if (!dry_run) CO_TRY(check_writable());
  if (peer == replacement) co_return fail(ErrorKind::kInvalidArgument, "a peer cannot replace itself");
  CO_TRY(member(peer));
  CO_TRY_ASSIGN(auto next, member(replacement));
  if (next.state != proto::PEER_STATE_UP) {
    co_return fail(ErrorKind::kFailedPrecondition,
                   fmt::format("the peer {} takes no copies: it is {}", replacement.to_string(),
                               next.state == proto::PEER_STATE_DOWN ? "down" : "drained"));
  }
  proto::PlanRequest request;
  request.set_goal(proto::PlanRequest::REPLACE);
  request.set_leaving(peer.bytes());
  request.set_replacement(replacement.bytes());
  request.set_dry_run(true);
  CO_TRY_ASSIGN(auto plan, co_await ask_for_plan(request));
  if (dry_run) co_return plan;
  std::vector<proto::Operation> operations;
  operations.push_back(put_record(kReplacements, peer.bytes(), replacement.bytes(), kActor));
  operations.push_back(change_state(state_, peer, proto::PEER_STATE_DRAINING, kActor));
  CO_TRY(co_await submit(std::move(operations)));
  log.info("the peer {} takes the place of {}", replacement.to_string(), peer.to_string());
  co_return plan;
}

Task<> Cluster::set_role(ipld::PeerId peer, proto::PeerRole role) {
  CO_TRY(check_writable());
  CO_TRY(member(peer));
  auto may_vote = [&](const state::Peer& other) {
    auto its = other.id == peer ? role : other.role;
    return belongs(other) && (its == proto::PEER_ROLE_AUTO || its == proto::PEER_ROLE_VOTER);
  };
  if (!std::ranges::any_of(state_.peers(), may_vote)) {
    co_return fail(ErrorKind::kFailedPrecondition, "nobody would vote: give another peer the role voter before");
  }
  proto::PeerChange change;
  change.set_peer(peer.bytes());
  change.set_role(role);
  std::vector<proto::Operation> operations;
  operations.push_back(change_peer(state_, std::move(change), kActor));
  CO_TRY(co_await submit(std::move(operations)));
  log.info("the peer {} gets the role {}", peer.to_string(), role_name(role));
  co_return Result<>{};
}

Task<model::PeerInfo> Cluster::approve_peer(ipld::PeerId peer) {
  auto known = state_.peer(peer);
  if (known && belongs(*known)) co_return peer == options_.self ? co_await id() : co_await peer_info(peer);
  std::vector<proto::Operation> operations;
  if (known && known->state == proto::PEER_STATE_BANNED) {
    known->state = proto::PEER_STATE_REMOVED;
    operations.push_back(put_peer(*known, kActor));
  }
  operations.push_back(put_record(kApprovals, peer.bytes(), {}, kActor));
  CO_TRY(co_await submit(std::move(operations)));
  log.info("the peer {} may join", peer.to_string());
  model::PeerInfo info;
  info.id = peer;
  if (known) info.peername = known->name;
  co_return info;
}

}  // namespace ipfsc::cluster
