// Removing a peer: its copies are made elsewhere first, then it loses its place in the log.
#include <algorithm>
#include <map>

#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/members.h"
#include "cluster/mover.h"
#include "cluster/record_entries.h"
#include "proto/peer.pb.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");

constexpr std::string_view kRemove = "Membership/Remove";
constexpr Duration kRemoveTime = std::chrono::hours(24);  // moving the copies can take long
constexpr Duration kLook = std::chrono::milliseconds(200);
constexpr Duration kReport = std::chrono::seconds(10);
constexpr Duration kLeaderTime = std::chrono::seconds(10);
constexpr int kTries = 20;  // while the leadership moves
constexpr Duration kTryAgain = std::chrono::milliseconds(250);
constexpr Duration kLookForHalves = std::chrono::seconds(5);
constexpr Duration kHalfRemoved = std::chrono::seconds(15);  // longer than one that lost its data takes to join again

std::vector<proto::Operation> remove_entries(const ipld::PeerId& peer, bool ban) {
  std::vector<proto::Operation> operations(1);
  operations.front().set_actor("membership");
  operations.front().mutable_peer_remove()->set_peer(peer.bytes());
  operations.front().mutable_peer_remove()->set_ban(ban);
  operations.push_back(remove_record(kApprovals, peer.bytes(), "membership"));
  operations.push_back(remove_record(kReplacements, peer.bytes(), "membership"));
  return operations;
}

}  // namespace

void Cluster::serve_removal(rpc::Router& router) {
  router.add_unary(std::string(kRemove), rpc::Access::kMember, [this](rpc::CallInfo, Bytes bytes) -> Task<Bytes> {
    proto::RemovePeerRequest request;
    if (!request.ParseFromString(bytes)) co_return fail(ErrorKind::kInvalidArgument, "a damaged request");
    CO_TRY_ASSIGN(auto peer, ipld::PeerId::from_bytes(request.peer()));
    if (!consensus_.is_leader()) co_return fail(ErrorKind::kUnavailable, "this peer is not the leader");
    CO_TRY(co_await remove_as_leader(std::move(peer), request.force(), request.ban()));
    co_return proto::RemovePeerAnswer().SerializeAsString();
  });
}

Task<> Cluster::remove_peer(ipld::PeerId peer, bool force, bool ban) {
  auto known = member(peer);
  if (!known && ban && peer != options_.self) {
    CO_TRY(co_await submit(remove_entries(peer, ban)));
    log.info("the peer {} may not join", peer.to_string());
    co_return Result<>{};
  }
  CO_TRY(known);
  if (calls_.others().empty()) {
    co_return fail(ErrorKind::kFailedPrecondition, "cannot remove ourselves from a 1-peer cluster");
  }
  proto::RemovePeerRequest request;
  request.set_peer(peer.bytes());
  request.set_force(force);
  request.set_ban(ban);
  Result<> last = fail(ErrorKind::kUnavailable, "there is no leader");
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) CO_TRY(co_await runtime_.sleep_for(kTryAgain));
    CO_TRY(co_await consensus_.wait_ready(runtime_.now() + kLeaderTime));
    if (consensus_.is_leader()) {
      auto removed = co_await remove_as_leader(peer, force, ban);
      if (removed || peer != options_.self || removed.error().kind != ErrorKind::kUnavailable) co_return removed;
      continue;
    }
    auto leader = consensus_.leader();
    if (!leader) continue;
    auto answer = co_await client_.call(*leader, kRemove, request.SerializeAsString(), runtime_.now() + kRemoveTime);
    if (answer) co_return Result<>{};
    // The answer may be lost because this peer, the one removed, has just been left alone.
    if (auto now = state_.peer(peer); now && !belongs(*now)) co_return Result<>{};
    last = fail(answer.error());
    if (answer.error().kind != ErrorKind::kUnavailable) break;
  }
  co_return last;
}

Task<> Cluster::remove_as_leader(ipld::PeerId peer, bool force, bool ban) {
  CO_TRY(co_await empty_peer(peer, force));
  if (peer == options_.self) {
    CO_TRY(co_await consensus_.resign(runtime_.now() + kLeaderTime));
    co_return fail(ErrorKind::kUnavailable, "the leadership has moved: ask again");
  }
  // It ends by itself when it sees the entry: while its vote counts, that could be the majority. It may not see the
  // entry any more then, and asks why it hears no leader.
  CO_TRY(co_await consensus_.remove_member(peer, runtime_.now() + options_.write_timeout));
  CO_TRY(co_await submit(remove_entries(peer, ban)));
  log.info("the peer {} was removed", peer.to_string());
  co_return Result<>{};
}

/// Log and state can say different things of a peer for good. A leader that is lost between the two steps of a removal
/// leaves one that has no place in the log any more, so that it hears of nothing, and that everybody counts as a
/// member. One that joins while it is removed can have a place and be no member, so that nobody answers it. The other
/// step is done then.
Task<> Cluster::finish_removals() {
  std::map<ipld::PeerId, SteadyTime> halves;  // and since when
  for (;;) {
    CO_TRY(co_await runtime_.sleep_for(kLookForHalves));
    auto known = std::exchange(halves, {});
    if (!consensus_.is_leader()) continue;
    auto members = consensus_.members();
    for (const auto& peer : state_.peers()) {
      bool has_place = std::ranges::find(members, peer.id, &consensus::Member::peer) != members.end();
      if (has_place ? !was_removed(peer) : !belongs(peer)) continue;
      auto now = runtime_.now();
      auto since = known.contains(peer.id) ? known.at(peer.id) : now;
      halves.emplace(peer.id, since);
      if (now - since < kHalfRemoved) continue;
      log.warn("the removal of the peer {} was interrupted, and is completed", peer.id.to_string());
      Result<> done;
      if (has_place) {
        done = co_await consensus_.remove_member(peer.id, now + options_.write_timeout);
      } else if (auto wrote = co_await submit(remove_entries(peer.id, /*ban=*/false)); !wrote) {
        done = fail(wrote.error());
      }
      if (!done) log.warn("it cannot be completed yet: {}", done.error().message);
    }
  }
}

/// Until nothing is allocated to the peer by name. What is pinned everywhere is on the others already.
Task<> Cluster::empty_peer(const ipld::PeerId& peer, bool force) {
  auto known = state_.peer(peer);
  if (!known || !belongs(*known) || known->pins == 0 || options_.disable_repinning || force) co_return Result<>{};
  auto before = known->state;
  auto set_state = [this, &peer](proto::PeerState state) -> Task<> {
    std::vector<proto::Operation> operations;
    operations.push_back(change_state(state_, peer, state, "membership"));
    CO_TRY(co_await submit(std::move(operations)));
    co_return Result<>{};
  };
  log.info("the {} pins of the peer {} move elsewhere before it is removed", known->pins, peer.to_string());
  CO_TRY(co_await set_state(proto::PEER_STATE_DRAINING));
  auto reported = runtime_.now();
  for (;;) {
    CO_TRY(co_await runtime_.sleep_for(kLook));
    known = state_.peer(peer);
    if (!known || known->pins == 0) co_return Result<>{};
    if (!consensus_.is_leader()) co_return fail(ErrorKind::kUnavailable, "the leadership has moved: ask again");
    if (auto reason = mover_->blocked(); !reason.empty()) {
      CO_TRY(co_await set_state(before));
      co_return fail(ErrorKind::kFailedPrecondition,
                     fmt::format("the peer keeps its pins: {} (force=true removes it all the same)", reason));
    }
    if (runtime_.now() - reported < kReport) continue;
    reported = runtime_.now();
    log.info("{} pins are still on the peer {}", known->pins, peer.to_string());
  }
}

}  // namespace ipfsc::cluster
