// RaftConsensus between peers: messages of the engine.
#include "base/check.h"
#include "base/log.h"
#include "consensus/raft/raft_consensus.h"
#include "proto/peer.pb.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

constexpr size_t kMostStrangers = 64;
constexpr uint32_t kSnapshotMessage = 7, kHeartbeatMessage = 8, kReadAnswerMessage = 16;  // eraftpb.MessageType

}  // namespace

void RaftConsensus::join_network(RaftNetwork network) {
  client_ = &network.client;
  auto empty_batch = [this] {
    proto::RaftBatch batch;
    auto info = state_.info();
    batch.set_cluster_id(info.cluster_id);
    batch.set_incarnation(info.incarnation);
    batch.set_raft_id(start_.raft_id);
    batch.set_start_count(start_.count);
    batch.set_start_random(start_.random);
    return batch;
  };
  auto unreachable = [this](RaftId id) {
    if (!engine_) return;
    engine_->report_unreachable(id);
    lose_offer(id);
    pump();
  };
  transport_ = std::make_unique<RaftTransport>(runtime_, network.client, TransportOptions{}, empty_batch, unreachable);
  network.router.add_stream(
      std::string(kMessagesMethod), rpc::Access::kMember,
      [this](rpc::CallInfo info, rpc::Stream& stream) { return receive(std::move(info), stream); });
  serve_proposals(network.router);
  server_ = std::make_unique<CheckpointServer>(runtime_, state_, options_.checkpoints);
  fetcher_ = std::make_unique<CheckpointFetcher>(runtime_, network.client, state_, options_.checkpoints);
  network.router.add_stream(
      std::string(kCheckpointMethod), rpc::Access::kMember,
      [this](rpc::CallInfo info, rpc::Stream& stream) { return server_->serve(std::move(info), stream); });
}

// --- messages of the engine

const ipld::PeerId* RaftConsensus::peer_of(RaftId id) const {
  auto peer = peers_.find(id);
  if (peer != peers_.end()) return &peer->second;
  auto stranger = strangers_.find(id);
  return stranger == strangers_.end() ? nullptr : &stranger->second;
}

/// Learners need no heartbeats to keep quiet, only to be found again after a loss: the more there are, the fewer each
/// gets, in turns.
bool RaftConsensus::passes_over(const RaftMessage& message) const {
  size_t turns = (conf_.learners.size() + options_.learner_heartbeats - 1) / options_.learner_heartbeats;
  if (message.type != kHeartbeatMessage || turns < 2) return false;
  auto learner = std::ranges::lower_bound(conf_.learners, message.to);
  if (learner == conf_.learners.end() || *learner != message.to) return false;
  return (static_cast<size_t>(learner - conf_.learners.begin()) +
          ticks_ / static_cast<size_t>(options_.heartbeat_ticks)) %
             turns !=
         0;
}

void RaftConsensus::send(std::vector<RaftMessage> messages) {
  if (!transport_) return;
  for (auto& message : messages) {
    if (passes_over(message)) continue;
    if (const auto* peer = peer_of(message.to)) transport_->send(*peer, std::move(message));
  }
}

Task<> RaftConsensus::receive(rpc::CallInfo info, rpc::Stream& stream) {
  LogStart checked;
  for (;;) {
    CO_TRY_ASSIGN(auto bytes, co_await stream.read());
    if (!bytes) co_return Result<>{};
    proto::RaftBatch batch;
    if (!batch.ParseFromString(*bytes)) co_return fail(ErrorKind::kInvalidArgument, "a damaged batch of messages");
    // Members of an incarnation that was left have the same names and other logs.
    auto ours = state_.info();
    bool foreign = !ours.cluster_id.empty() && !batch.cluster_id().empty() &&
                   (batch.cluster_id() != ours.cluster_id || batch.incarnation() != ours.incarnation);
    if (foreign) co_return fail(ErrorKind::kFailedPrecondition, "messages of another incarnation of the cluster");
    LogStart start{.raft_id = batch.raft_id(), .count = batch.start_count(), .random = batch.start_random()};
    if (start != checked) {
      CO_TRY_ASSIGN(auto known, known_start(state_, start.raft_id));
      CO_TRY(check_not_old(start, known.start));
      checked = start;
    }
    for (const auto& message : batch.messages()) deliver(info.caller, message);
    pump();
  }
}

/// A member that joined after this peer heard of the log last can be the leader that brings it up to date. So a
/// stranger is believed who it is as long as no leader is heard; who may call at all is the gatekeeper's business.
bool RaftConsensus::speaks_for(const ipld::PeerId& peer, RaftId id) {
  if (auto known = peers_.find(id); known != peers_.end()) return known->second == peer;
  if (auto stranger = strangers_.find(id); stranger != strangers_.end()) return stranger->second == peer;
  if (hears_leader() || strangers_.size() >= kMostStrangers) return false;
  log.info("the peer {} says that it is member {}, of which this peer's log does not know yet", peer.to_string(), id);
  strangers_.emplace(id, peer);
  return true;
}

void RaftConsensus::deliver(const ipld::PeerId& from, ByteView message) {
  if (!engine_ || stopped_) return;
  auto info = engine_->inspect(message);
  if (!info) return;
  // Only for itself may a peer speak.
  if (info->to != self_ || !speaks_for(from, info->from)) {
    log.debug("dropped a message of {} for member {} in the name of member {}", from.to_string(), info->to, info->from);
    return;
  }
  // An answer to a question is given to those, too, who have no place in the log any more.
  if (info->from == leader_ && info->type != kReadAnswerMessage) leader_heard_at_ = runtime_.now();
  if (info->type == kSnapshotMessage && info->snapshot) return hold_snapshot(*std::move(info), message);
  if (auto done = engine_->step(message); !done && done.error().kind == ErrorKind::kDataLoss) {
    fail_engine(done.error());
  }
}

}  // namespace ipfsc::consensus
