#include "cluster/membership.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/log.h"
#include "cluster/greeting.h"
#include "cluster/members.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("cluster");

constexpr std::string_view kHello = "Membership/Hello";
constexpr Duration kCallTime = std::chrono::seconds(10);
constexpr Duration kFirstCallTime = std::chrono::seconds(3);
constexpr Duration kJoinTime = std::chrono::seconds(30);
constexpr Duration kAskAgain = std::chrono::seconds(1);
constexpr Duration kAskAllAgain = std::chrono::seconds(3);
constexpr Duration kLookAtAddresses = std::chrono::milliseconds(500);
constexpr Duration kGreetAgain = std::chrono::seconds(1), kGreetAtMost = std::chrono::seconds(30);

}  // namespace

Membership::Membership(Runtime& runtime, const ClusterOptions& options, state::State& state, rpc::PeerClient& client)
    : runtime_(runtime), options_(options), state_(state), client_(client), tasks_(runtime) {}

// --- addresses

void Membership::add_hints(const std::vector<ipld::Multiaddr>& addresses) {
  for (const auto& address : addresses) {
    auto peer = address.peer_id();
    if (!peer || *peer == options_.self) continue;
    hints_[*peer].push_back(address.without_peer_id());
    update_addresses(*peer);
  }
}

void Membership::learn(const proto::PeerEntry& entry) {
  auto peer = ipld::PeerId::from_bytes(entry.peer());
  if (!peer || *peer == options_.self) return;
  auto addresses = addresses_of(entry);
  if (addresses.empty()) return;
  told_[*peer] = std::move(addresses);
  update_addresses(*peer);
}

void Membership::update_addresses(const ipld::PeerId& peer) {
  std::vector<ipld::Multiaddr> all;
  auto add = [&all](const std::vector<ipld::Multiaddr>& more) {
    for (const auto& address : more) {
      auto plain = address.without_peer_id();
      if (std::ranges::find(all, plain) == all.end()) all.push_back(std::move(plain));
    }
  };
  if (auto told = told_.find(peer); told != told_.end()) add(told->second);
  if (auto known = state_.peer(peer); known && belongs(*known)) add(known->addresses);
  if (auto hints = hints_.find(peer); hints != hints_.end()) add(hints->second);
  auto& used = used_[peer];
  if (used == all) return;
  used = all;
  client_.set_addresses(peer, all);
}

std::vector<ipld::Multiaddr> Membership::peer_addresses() const {
  std::vector<ipld::Multiaddr> out;
  for (const auto& [peer, addresses] : used_) {
    auto known = state_.peer(peer);
    if (known && !belongs(*known)) continue;
    for (const auto& address : addresses) out.push_back(address.with_peer_id(peer));
  }
  return out;
}

proto::PeerEntry Membership::own_entry() const {
  proto::PeerEntry entry;
  entry.set_peer(options_.self.bytes());
  entry.set_name(options_.peername);
  for (const auto& address : options_.addresses) entry.add_addresses(address.without_peer_id().bytes());
  return entry;
}

proto::PeerEntry Membership::entry_of(const ipld::PeerId& peer) const {
  if (peer == options_.self) return own_entry();
  proto::PeerEntry entry;
  entry.set_peer(peer.bytes());
  if (auto known = state_.peer(peer)) entry.set_name(known->name);
  if (auto used = used_.find(peer); used != used_.end()) {
    for (const auto& address : used->second) entry.add_addresses(address.bytes());
  }
  return entry;
}

/// The peer's calls are refused until it comes with another program.
Result<> Membership::note_protocol(const ipld::PeerId& peer, Result<> checked) {
  if (checked) {
    foreign_.erase(peer);
  } else if (foreign_.insert_or_assign(peer, checked.error()).second) {
    log.warn("{}", checked.error().message);
  }
  return checked;
}

// --- greetings

void Membership::serve(rpc::Router& router, consensus::Consensus& consensus) {
  consensus_ = &consensus;
  router.add_unary(std::string(kJoin), rpc::Access::kOutsider, [this](rpc::CallInfo info, Bytes request) {
    return take_join(std::move(info), std::move(request));
  });
  router.add_unary(std::string(kHello), rpc::Access::kOutsider, [this](rpc::CallInfo info, Bytes request) {
    return take_hello(std::move(info), std::move(request));
  });
}

Task<Bytes> Membership::take_hello(rpc::CallInfo info, Bytes bytes) {
  proto::HelloRequest request;
  if (!request.ParseFromString(bytes) || request.self().peer() != info.caller.bytes()) {
    co_return fail(ErrorKind::kInvalidArgument, "a damaged greeting");
  }
  CO_TRY(note_protocol(info.caller, check_protocol(info.caller, request)));
  auto info_here = state_.info();
  if (request.cluster_id() == info_here.cluster_id && request.incarnation() == info_here.incarnation) {
    CO_TRY_ASSIGN(auto known, consensus::known_start(state_, request.raft_id()));
    auto fresh = consensus::check_not_old(
        {.raft_id = request.raft_id(), .count = request.start_count(), .random = request.start_random()}, known.start);
    if (!fresh) {
      log.warn("refused the peer {} at {}: {}", info.caller.to_string(), info.remote, fresh.error().message);
      co_return fail(fresh.error());
    }
  }
  proto::HelloAnswer answer;
  set_protocol(answer);
  answer.set_cluster_id(info_here.cluster_id);
  answer.set_incarnation(info_here.incarnation);
  answer.set_applied(info_here.applied.value);
  if (auto member = admit(info.caller, rpc::Access::kMember); !member) {
    auto known = state_.peer(info.caller);
    answer.set_removed(known && was_removed(*known));
    if (answer.removed() && consensus_ != nullptr) answer.set_removed_raft_id(consensus_->former_id(info.caller));
    co_return answer.SerializeAsString();
  }
  learn(request.self());
  note_incarnation(info.caller, request.cluster_id(), request.incarnation());
  client_.retry_now(info.caller);
  *answer.add_peers() = own_entry();
  for (const auto& known : state_.peers()) {
    if (belongs(known) && known.id != options_.self && known.id != info.caller)
      *answer.add_peers() = entry_of(known.id);
  }
  co_return answer.SerializeAsString();
}

Task<proto::HelloAnswer> Membership::say_hello(ipld::PeerId peer, Duration time) {
  proto::HelloRequest request;
  set_protocol(request);
  *request.mutable_self() = own_entry();
  auto info = state_.info();
  request.set_cluster_id(info.cluster_id);
  request.set_incarnation(info.incarnation);
  if (consensus_ != nullptr) {
    auto start = consensus_->log_start();
    request.set_raft_id(start.raft_id);
    request.set_start_count(start.count);
    request.set_start_random(start.random);
  }
  CO_TRY_ASSIGN(auto bytes, co_await client_.call(peer, kHello, request.SerializeAsString(), runtime_.now() + time));
  proto::HelloAnswer answer;
  if (!answer.ParseFromString(bytes)) co_return fail(ErrorKind::kInternal, "the peer's answer is damaged");
  CO_TRY(note_protocol(peer, check_protocol(peer, answer)));
  co_return answer;
}

Task<> Membership::greet(ipld::PeerId peer) {
  for (auto pause = kGreetAgain;; pause = std::min(pause * 2, kGreetAtMost)) {
    auto answer = co_await say_hello(peer, kCallTime);
    if (!answer && answer.error().kind == ErrorKind::kCancelled) co_return fail(answer.error());
    if (!answer && answer.error().kind == ErrorKind::kDataLoss) {
      old_copy_ = answer.error();
      co_return Result<>{};
    }
    if (answer) take_word_of(peer, *answer);
    if (answer && !answer->peers().empty()) co_return Result<>{};
    if (answer) {
      log.warn("the peer {} says that this one {}", peer.to_string(),
               answer->removed() ? "was removed from the cluster" : "does not belong to its cluster");
    } else if (answer.error().kind == ErrorKind::kUnauthenticated ||
               answer.error().kind == ErrorKind::kPermissionDenied ||
               answer.error().kind == ErrorKind::kFailedPrecondition) {
      log.warn("the peer {} refuses this one: {}", peer.to_string(), answer.error().message);
    }
    CO_TRY(co_await runtime_.sleep_for(pause));
  }
}

/// Whether it is this peer as it is now that was removed, by the answer of `peer`, not one of the same id before it.
bool Membership::means_this_one(const ipld::PeerId& peer, const proto::HelloAnswer& answer) const {
  auto own = state_.info().cluster_id;
  // One that has joined and applied nothing yet has no cluster id.
  if (consensus_ == nullptr || (own.empty() ? !consensus_->names(peer) : answer.cluster_id() != own)) return false;
  // Who lags behind a second join knows only older numbers.
  return answer.removed_raft_id() != 0 && answer.removed_raft_id() >= consensus_->log_start().raft_id;
}

void Membership::take_word_of(const ipld::PeerId& peer, const proto::HelloAnswer& answer) {
  note_incarnation(peer, answer.cluster_id(), answer.incarnation());
  told_removed_ |= answer.removed() && means_this_one(peer, answer);
  auto known = state_.peer(peer);
  bool member = known && belongs(*known);
  for (const auto& entry : answer.peers()) {
    auto who = ipld::PeerId::from_bytes(entry.peer());
    if (!who) continue;
    if (member) vouched_for_[*who] = std::max(vouched_for_[*who], answer.applied());
    // What others say of a third peer is older than its own word.
    if (*who == peer || !told_.contains(*who)) learn(entry);
  }
}

/// Who belongs to the cluster, and whether this peer still does: when nobody leads and a stranger calls, who may be the
/// leader of those who know it, and when no leader is heard.
void Membership::ask_all() {
  auto now = runtime_.now();
  if (asked_all_ && now - *asked_all_ < kAskAllAgain) return;
  asked_all_ = now;
  auto peers = other_members(state_, options_.self);
  // One that has applied nothing yet knows those that it was to join.
  if (peers.empty()) {
    for (const auto& [peer, addresses] : hints_) peers.push_back(peer);
  }
  for (const auto& peer : peers) {
    tasks_.spawn("asking who belongs to the cluster", [](Membership& self, ipld::PeerId peer) -> Task<> {
      auto answer = co_await self.say_hello(peer, kFirstCallTime);
      if (answer) self.take_word_of(peer, *answer);
      co_return Result<>{};
    }(*this, peer));
  }
}

Task<> Membership::check_same_cluster(std::vector<ipld::Multiaddr> bootstrap) {
  auto own = state_.info().cluster_id;
  for (const auto& address : bootstrap) {
    auto peer = address.peer_id();
    if (own.empty() || !peer || *peer == options_.self) continue;
    auto answer = co_await say_hello(*peer, kFirstCallTime);
    if (!answer && answer.error().kind == ErrorKind::kCancelled) co_return fail(answer.error());
    if (!answer || answer->cluster_id().empty() || answer->cluster_id() == own) continue;
    co_return fail(ErrorKind::kFailedPrecondition,
                   fmt::format("this peer holds the data of another cluster than the peer {} "
                               "(ipfs-cluster-service state cleanup sets it aside)",
                               peer->to_string()));
  }
  co_return Result<>{};
}

bool Membership::removed() const {
  if (told_removed_) return true;
  auto self = state_.peer(options_.self);
  bool gone = self && (self->state == proto::PEER_STATE_REMOVED || self->state == proto::PEER_STATE_BANNED);
  if (!gone || consensus_ == nullptr) return gone;
  // One that has joined again meets the removal of the one that it was before, until it has applied that it is back.
  // Who was removed before it had told of its first start hears it from the others.
  auto known = consensus::known_start(state_, consensus_->log_start().raft_id);
  return known && known->start.count > 0;
}

/// Only a member may say so.
void Membership::note_incarnation(const ipld::PeerId& peer, ByteView cluster_id, uint64_t incarnation) {
  auto ours = state_.info();
  auto known = state_.peer(peer);
  if (successor_ || ours.cluster_id.empty() || cluster_id != ours.cluster_id || incarnation <= ours.incarnation) return;
  if (!known || !belongs(*known)) return;
  log.warn("the peer {} has begun incarnation {} of the cluster; this peer's data is of incarnation {}",
           peer.to_string(), incarnation, ours.incarnation);
  successor_ = peer;
}

std::vector<ipld::Multiaddr> Membership::superseded_by() const {
  std::vector<ipld::Multiaddr> addresses;
  if (!successor_) return addresses;
  auto used = used_.find(*successor_);
  if (used == used_.end()) return addresses;
  for (const auto& address : used->second) addresses.push_back(address.with_peer_id(*successor_));
  return addresses;
}

Task<> Membership::wait_expelled() {
  while (!removed() && superseded_by().empty() && !given_up()) CO_TRY(co_await runtime_.sleep_for(kLookAtAddresses));
  co_return Result<>{};
}

/// Keeps the client's addresses as the log has them, and greets whom it names for the first time.
Task<> Membership::watch_addresses() {
  std::set<ipld::PeerId> greeted;
  for (;;) {
    std::set<ipld::PeerId> peers;
    for (const auto& peer : state_.peers()) {
      if (belongs(peer) && peer.id != options_.self) peers.insert(peer.id);
    }
    for (const auto& [peer, addresses] : hints_) peers.insert(peer);
    for (const auto& peer : peers) {
      update_addresses(peer);
      if (greeted.insert(peer).second) tasks_.spawn("greeting a peer", greet(peer));
    }
    // The entry that removes this peer may not have reached it.
    if (!consensus_->hears_leader()) ask_all();
    CO_TRY(co_await runtime_.sleep_for(kLookAtAddresses));
  }
}

/// What a member tells of itself. The role that somebody gave it stands until its configuration says another.
proto::Operation Membership::told_change(const state::Peer& known, const std::string& name, proto::PeerRole role,
                                         const std::vector<ipld::Multiaddr>& addresses) const {
  proto::PeerChange change;
  change.set_peer(known.id.bytes());
  change.set_name(name);
  *change.mutable_addresses() = binary(addresses);
  if (known.configured_role != role) {
    change.set_configured_role(role);
    change.set_role(role);
  }
  return change_peer(state_, std::move(change), "membership");
}

/// Until the log says of this peer what is true.
Task<> Membership::announce() {
  auto own = own_entry();
  auto addresses = addresses_of(own);
  for (;;) {
    auto ready = co_await consensus_->wait_ready(runtime_.now() + kJoinTime);
    auto known = state_.peer(options_.self);
    if (ready && (!known || !known->member)) {  // what has made it a member may not be applied here yet
      auto caught_up = co_await consensus_->barrier(runtime_.now() + kJoinTime);
      if (!caught_up) ready = fail(caught_up.error());
      known = state_.peer(options_.self);
    }
    if (!ready && ready.error().kind == ErrorKind::kCancelled) co_return ready;
    if (ready) {
      std::vector<proto::Operation> operations;
      if (known && known->member) {
        if (known->name == own.name() && known->addresses == addresses && known->configured_role == options_.role) {
          co_return Result<>{};
        }
        operations.push_back(told_change(*known, own.name(), options_.role, addresses));
      } else if (known && was_removed(*known)) {
        co_return Result<>{};  // only a join makes it a member again
      } else {
        operations.push_back(put_peer({.id = options_.self,
                                       .member = true,
                                       .name = own.name(),
                                       .role = options_.role,
                                       .configured_role = options_.role,
                                       .addresses = addresses},
                                      "membership"));
      }
      auto wrote = co_await consensus_->submit(std::move(operations), runtime_.now() + kCallTime);
      if (wrote && wrote->front().status != state::OutcomeStatus::kRefused) co_return Result<>{};
      if (!wrote && wrote.error().kind == ErrorKind::kCancelled) co_return fail(wrote.error());
      log.warn("this peer could not announce itself: {}", wrote ? wrote->front().detail : wrote.error().message);
    }
    CO_TRY(co_await runtime_.sleep_for(kAskAgain));
  }
}

/// Until the log has the newest start of this peer's own. While it is alone nobody can have counted on it.
Task<> Membership::record_start() {
  bool said = false;
  for (;;) {
    CO_TRY(co_await runtime_.sleep_for(kLookAtAddresses));
    auto own = consensus_->log_start();
    if (own.count == 0 || consensus_->members().size() < 2) continue;
    CO_TRY_ASSIGN(auto known, consensus::known_start(state_, own.raft_id));
    if (known.start == own) {
      if (!std::exchange(said, true)) log.info("the cluster knows of this start: older copies of the log are refused");
      continue;
    }
    if (auto fresh = consensus::check_not_old(own, known.start); !fresh) {
      old_copy_ = fresh.error();
      co_return Result<>{};
    }
    std::vector<proto::Operation> operations;
    operations.push_back(consensus::record_start(state_, own, known));
    auto wrote = co_await consensus_->submit(std::move(operations), runtime_.now() + kCallTime);
    if (!wrote && wrote.error().kind == ErrorKind::kCancelled) co_return fail(wrote.error());
    if (!wrote) log.debug("the start of this peer's log was not written: {}", wrote.error().message);
  }
}

std::optional<Error> Membership::given_up() const {
  if (old_copy_) return old_copy_;
  return consensus_ != nullptr ? consensus_->given_up() : std::nullopt;
}

void Membership::start() {
  CHECK(consensus_ != nullptr);
  tasks_.spawn("peer addresses", watch_addresses());
  tasks_.spawn("announcing this peer", announce());
  tasks_.spawn("recording the start of the log", record_start());
}

Task<> Membership::stop() {
  co_await tasks_.stop();
  co_return Result<>{};
}

}  // namespace ipfsc::cluster
