// RaftConsensus between peers: messages of the engine, and writes that go to the leader.
#include "base/check.h"
#include "base/log.h"
#include "consensus/raft/operation_check.h"
#include "consensus/raft/raft_consensus.h"
#include "proto/peer.pb.h"

namespace ipfsc::consensus {
namespace {

LogComponent log("raft");

constexpr std::string_view kProposeMethod = "Raft/Propose";
constexpr Duration kProposeTime = std::chrono::seconds(10);  // for the leader's answer, which waits for nothing
constexpr Duration kAskAgain = std::chrono::milliseconds(50);
constexpr size_t kMostStrangers = 64;
constexpr uint32_t kSnapshotMessage = 7, kHeartbeatMessage = 8;  // eraftpb.MessageType

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
  network.router.add_unary(std::string(kProposeMethod), rpc::Access::kMember,
                           [this](rpc::CallInfo, Bytes request) { return take_proposal(std::move(request)); });
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
/// stranger is believed who it is as long as nobody leads; who may call at all is the gatekeeper's business.
bool RaftConsensus::speaks_for(const ipld::PeerId& peer, RaftId id) {
  if (auto known = peers_.find(id); known != peers_.end()) return known->second == peer;
  if (auto stranger = strangers_.find(id); stranger != strangers_.end()) return stranger->second == peer;
  if (leader_ != kNobody || strangers_.size() >= kMostStrangers) return false;
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
  if (info->from == leader_) leader_heard_at_ = runtime_.now();
  if (info->type == kSnapshotMessage && info->snapshot) return hold_snapshot(*std::move(info), message);
  if (auto done = engine_->step(message); !done && done.error().kind == ErrorKind::kDataLoss) {
    fail_engine(done.error());
  }
}

// --- writes of followers

void RaftConsensus::forward_waiting() {
  if (!client_ || role_ != RaftRole::kFollower || leader_ == kNobody || leader_ == self_ || stopping_) return;
  auto leader = peers_.find(leader_);
  if (leader == peers_.end()) return;
  while (queue_.waiting() && forwards_ < options_.max_unapplied_entries) {
    ++forwards_;
    WriteGroup group = queue_.next_group(0);
    for (auto& write : group.writes) write->sent = true;
    tasks_.spawn("forwarding writes", forward(std::move(group), leader->second));
  }
}

/// The leader answers where the entry stands in the log as soon as it has proposed it; from there on it is as if this
/// peer had proposed it itself.
Task<> RaftConsensus::forward(WriteGroup group, ipld::PeerId leader) {
  proto::ProposeRequest request;
  CHECK(group.entry->SerializeToString(request.mutable_entry()));
  auto deadline = runtime_.now() + kProposeTime;
  auto reply = co_await client_->call(leader, kProposeMethod, request.SerializeAsString(), deadline);
  proto::ProposeAnswer answer;
  if (reply && !answer.ParseFromString(*reply)) reply = fail(ErrorKind::kInternal, "the leader's answer is damaged");
  bool nothing_done = reply ? !answer.refused().empty() : rpc::was_not_made(reply.error());
  if (nothing_done) {
    log.debug("the leader took no writes: {}", reply ? answer.refused() : reply.error().message);
    for (auto& write : group.writes) write->sent = false;
    queue_.put_back(std::move(group));
  } else if (!reply) {
    queue_.give_up(std::move(group), reply.error().message);
  } else {
    group.entry.reset();  // the leader gave the entry its time: what is applied is what the log has
    place(std::move(group), {LogIndex(answer.index()), Term(answer.term())});
  }
  if (nothing_done) (void)co_await runtime_.sleep_for(kAskAgain);
  CHECK(forwards_-- > 0);
  if (forwards_ == 0) recent_outcomes_.clear();
  pump();
  co_return Result<>{};
}

/// The entry may have been applied here before the answer came.
void RaftConsensus::place(WriteGroup group, Proposed at) {
  auto recent = recent_outcomes_.find(at.index);
  if (recent != recent_outcomes_.end()) {
    queue_.proposed(std::move(group), at);
    queue_.applied(at.index, recent->second.first, std::move(recent->second.second));
    recent_outcomes_.erase(recent);
  } else if (at.index <= applied_) {
    queue_.give_up(std::move(group), fmt::format("it may be committed at {}", at.index.value));
  } else {
    queue_.proposed(std::move(group), at);
  }
}

Task<Bytes> RaftConsensus::take_proposal(Bytes request) {
  proto::ProposeRequest parsed;
  proto::Entry entry;
  if (!parsed.ParseFromString(request) || !entry.ParseFromString(parsed.entry()) || entry.operations().empty()) {
    co_return fail(ErrorKind::kInvalidArgument, "a damaged proposal");
  }
  for (const auto& operation : entry.operations()) CO_TRY(check_operation(operation));
  proto::ProposeAnswer answer;
  if (!is_leader() || stopping_) {
    answer.set_refused("this peer is not the leader");
    co_return answer.SerializeAsString();
  }
  entry.set_format(1);
  entry.set_time_ms(next_entry_time());
  auto at = engine_->propose(entry.SerializeAsString());
  if (at) {
    answer.set_index(at->index.value);
    answer.set_term(at->term.value);
    pump();
  } else {
    answer.set_refused(at.error().message);
  }
  co_return answer.SerializeAsString();
}

}  // namespace ipfsc::consensus
