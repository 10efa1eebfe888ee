#include "cluster/heartbeats.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "base/version.h"
#include "cluster/apply_version.h"
#include "cluster/members.h"
#include "monitor/ping.h"
#include "proto/monitor.pb.h"
#include "proto/peer.pb.h"

namespace ipfsc::cluster {
namespace {

LogComponent log("monitor");

constexpr std::string_view kHeartbeat = "Monitor/Heartbeat", kProbe = "Monitor/Probe";
constexpr Duration kInterval = std::chrono::seconds(1);
constexpr Duration kJudgeInterval = std::chrono::milliseconds(200);
constexpr Duration kAlertInterval = std::chrono::seconds(1);
constexpr Duration kAnswerTime = std::chrono::seconds(5);
constexpr Duration kWriteTime = std::chrono::seconds(10);
constexpr Duration kRelayRound = std::chrono::seconds(15);  // in which a voter tells of everybody
constexpr Duration kFirstLink = std::chrono::seconds(1);    // between two looks for one, while there is none

void relay(proto::HeartbeatAnswer& answer, const ipld::PeerId& peer, const Bytes& heartbeat, Duration age) {
  auto& relayed = *answer.add_others();
  relayed.set_peer(peer.bytes());
  relayed.set_heartbeat(heartbeat);
  relayed.set_age_ms(static_cast<uint64_t>(age / std::chrono::milliseconds(1)));
}

}  // namespace

Heartbeats::Heartbeats(Runtime& runtime, const ClusterOptions& options, state::State& state,
                       consensus::Consensus& consensus, tracker::PinTracker& tracker, rpc::PeerClient& client,
                       HeartbeatSources sources)
    : runtime_(runtime),
      options_(options),
      state_(state),
      consensus_(consensus),
      tracker_(tracker),
      client_(client),
      health_(options.self),
      links_(options.self),
      run_(runtime.random()),
      tasks_(runtime) {
  auto add = [this](std::string name, Duration ttl, monitor::Source source, Duration retry = std::chrono::seconds(15)) {
    monitor::InformerOptions informer{.name = std::move(name), .ttl = ttl, .retry = retry};
    informers_.push_back(
        std::make_unique<monitor::Informer>(runtime_, options_.self, std::move(informer), std::move(source)));
  };
  add("ping", options_.ping_ttl, std::move(sources.ping));
  add("disk", options_.metric_ttl, std::move(sources.disk));
  add("numpin", options_.metric_ttl, std::move(sources.numpin));
  add("pinqueue", options_.pinqueue_ttl, std::move(sources.pinqueue));
  add("tags", options_.tags_ttl, [this]() -> Task<monitor::Findings> {
    co_return co_await monitor::tags_source({.tags = options_.tags})();  // which may have been read again
  });
  if (options_.bandwidth_ttl) add("bandwidth", *options_.bandwidth_ttl, std::move(sources.bandwidth));
  if (options_.rtt_ttl) {
    auto round_trips = [this]() -> Task<std::vector<Duration>> { co_return links_.round_trips(runtime_.now()); };
    add("rtt", *options_.rtt_ttl, monitor::rtt_source(round_trips), kFirstLink);
  }
}

void Heartbeats::serve(rpc::Router& router) {
  router.add_unary(std::string(kHeartbeat), rpc::Access::kMember,
                   [this](rpc::CallInfo info, Bytes request) { return take(std::move(info), std::move(request)); });
  router.add_unary(std::string(kProbe), rpc::Access::kMember,
                   [](rpc::CallInfo, Bytes) -> Task<Bytes> { co_return Bytes(); });
}

void Heartbeats::start() {
  for (auto& informer : informers_) {
    tasks_.spawn(informer->name(), informer->run([this](std::vector<monitor::Reading> readings) {
      for (auto& reading : readings) {
        if (auto kept = metrics_.add(std::move(reading), moment()); !kept) log.warn("{}", kept.error().message);
      }
    }));
  }
  tasks_.spawn("heartbeats", send_loop());
  tasks_.spawn("judging peers", judge_loop());
  tasks_.spawn("probing peers", probe_loop());
}

Task<> Heartbeats::stop() {
  co_await tasks_.stop();
  co_return Result<>{};
}

void Heartbeats::look_for_voters() {
  voters_.clear();
  for (const auto& member : consensus_.members()) {
    if (member.role == consensus::MemberRole::kVoter) voters_.insert(member.peer);
  }
}

/// Who is no voter hears of the others now and then only, which says nothing of them: it believes the voter that it
/// has heard last.
std::vector<monitor::PeerStanding> Heartbeats::others_doubts() const {
  const Heard* freshest = nullptr;
  for (const auto& voter : voters_) {
    auto heard = heard_.find(voter);
    if (heard != heard_.end() && (freshest == nullptr || heard->second.at > freshest->at)) freshest = &heard->second;
  }
  if (freshest == nullptr) return {};
  auto doubts = freshest->heartbeat.health.doubts;
  std::erase_if(doubts, [&](const auto& doubt) {
    return doubt.peer == options_.self || health_.standing(doubt.peer, runtime_.now());
  });
  return doubts;
}

std::optional<monitor::PeerStanding> Heartbeats::standing(const ipld::PeerId& peer) const {
  auto own = health_.standing(peer, runtime_.now());
  if (own || votes() || peer == options_.self) return own;
  for (auto& doubt : others_doubts()) {
    if (doubt.peer == peer) return std::move(doubt);
  }
  if (!heard_.contains(peer)) return std::nullopt;
  return monitor::PeerStanding{.peer = peer, .standing = monitor::Standing::kUp};
}

const monitor::Heartbeat* Heartbeats::last(const ipld::PeerId& peer) const {
  auto it = heard_.find(peer);
  return it == heard_.end() ? nullptr : &it->second.heartbeat;
}

// --- sending

monitor::Heartbeat Heartbeats::own() {
  auto now = runtime_.now();
  auto info = state_.info();
  monitor::Heartbeat heartbeat;
  heartbeat.run = run_;
  heartbeat.sequence = ++sequence_;
  heartbeat.interval = interval_;
  heartbeat.cluster_id = info.cluster_id;
  heartbeat.incarnation = info.incarnation;
  heartbeat.applied = info.applied;
  heartbeat.state_hash = info.hash.to_hex();
  heartbeat.apply_version = kVersions.apply_version;
  if (auto self = state_.peer(options_.self)) heartbeat.role = self->role;
  heartbeat.version = options_.version;
  heartbeat.peername = options_.peername;
  for (const auto& address : options_.addresses) heartbeat.addresses.push_back(address.without_peer_id());
  heartbeat.metrics = metrics_.readings(options_.self, now);
  auto counts = tracker_.counts();
  for (size_t bit = 1; bit < model::kStatusBits; ++bit) {
    heartbeat.tracker_counts[bit] = counts.of(static_cast<model::TrackerStatus>(1u << bit));
  }
  heartbeat.health = health_.view(now);
  heartbeat.links = links_.view(now);
  return heartbeat;
}

std::pair<std::vector<ipld::PeerId>, Duration> Heartbeats::receivers() {
  look_for_voters();
  auto members = other_members(state_, options_.self).size() + 1;
  bool in_turns = !votes() && voters_.size() > 1 && members > voters_.size() + options_.most_heard_at_once;
  auto interval = in_turns ? kInterval * static_cast<int>(voters_.size()) : kInterval;
  std::vector<ipld::PeerId> to(voters_.begin(), voters_.end());
  // Nobody is left waiting for longer than was announced.
  if (!in_turns || interval > interval_) return {std::move(to), interval};
  auto next = voters_.upper_bound(turn_);
  turn_ = next == voters_.end() ? *voters_.begin() : *next;
  std::erase_if(to, [&](const auto& peer) { return peer != turn_ && !missed_.contains(peer); });
  return {std::move(to), interval};
}

Task<> Heartbeats::send_loop() {
  for (;;) {
    std::vector<ipld::PeerId> to;
    std::tie(to, interval_) = receivers();
    sent_ = monitor::encode_heartbeat(own());
    sent_at_ = runtime_.now();
    for (const auto& peer : to) {
      if (peer != options_.self && sending_.insert(peer).second) tasks_.spawn("heartbeat", send(peer, sent_));
    }
    CO_TRY(co_await runtime_.sleep_for(kInterval));
  }
}

Task<> Heartbeats::send(ipld::PeerId peer, Bytes heartbeat) {
  auto start = runtime_.now();
  auto reply = co_await client_.call(peer, kHeartbeat, std::move(heartbeat), start + kAnswerTime);
  auto now = runtime_.now();
  sending_.erase(peer);
  if (!reply) {
    if (reply.error().kind == ErrorKind::kCancelled) co_return fail(reply.error());
    links_.failed(peer, now);
    missed_.insert(peer);
    co_return Result<>{};  // the detectors see it
  }
  missed_.erase(peer);
  links_.answered(peer, now - start, now);
  proto::HeartbeatAnswer answer;
  if (!answer.ParseFromString(*reply)) co_return fail(ErrorKind::kInternal, "the peer's answer is damaged");
  for (auto& relayed : *answer.mutable_others()) {
    auto who = ipld::PeerId::from_bytes(relayed.peer());
    if (!who || *who == options_.self) continue;
    auto other = monitor::decode_heartbeat(relayed.heartbeat(), *who);
    if (other)
      hear(*who, *std::move(other), std::move(*relayed.mutable_heartbeat()),
           now - std::chrono::milliseconds(relayed.age_ms()), interval_);
  }
  co_return Result<>{};
}

/// Ways to peers that get no heartbeats are looked at as well, one at a time.
Task<> Heartbeats::probe_loop() {
  for (;;) {
    CO_TRY(co_await runtime_.sleep_for(kInterval));
    auto others = other_members(state_, options_.self);
    if (others.empty()) continue;
    const auto& peer = others[runtime_.random() % others.size()];
    auto start = runtime_.now();
    auto reply = co_await client_.call(peer, kProbe, {}, start + kAnswerTime);
    if (!reply && reply.error().kind == ErrorKind::kCancelled) co_return fail(reply.error());
    auto now = runtime_.now();
    reply ? links_.answered(peer, now - start, now) : links_.failed(peer, now);
  }
}

// --- receiving

Task<Bytes> Heartbeats::take(rpc::CallInfo info, Bytes request) {
  CO_TRY_ASSIGN(auto heartbeat, monitor::decode_heartbeat(request, info.caller));
  auto now = runtime_.now();
  auto interval = heartbeat.interval;
  hear(info.caller, std::move(heartbeat), std::move(request), now, interval);
  proto::HeartbeatAnswer answer;
  if (!voters_.contains(info.caller)) {
    if (!sent_.empty()) relay(answer, options_.self, sent_, now - sent_at_);
    // In turns when they are many: each has been told to everybody after a moment.
    auto share = heard_.size() * static_cast<size_t>(std::max(interval, kInterval) / kInterval) /
                 static_cast<size_t>(kRelayRound / kInterval);
    auto most = std::max(options_.most_relayed, share + 1);
    auto& told = told_up_to_[info.caller];
    auto next = heard_.upper_bound(told);
    for (size_t i = 0; i < std::min(heard_.size(), most); ++i, ++next) {
      if (next == heard_.end()) next = heard_.begin();
      const auto& [peer, heard] = *next;
      told = peer;
      if (peer == info.caller) continue;
      relay(answer, peer, heard.bytes, now - heard.at);
    }
  }
  co_return answer.SerializeAsString();
}

void Heartbeats::hear(const ipld::PeerId& peer, monitor::Heartbeat heartbeat, Bytes bytes, SteadyTime at,
                      Duration interval) {
  auto known = heard_.find(peer);
  if (known != heard_.end()) {
    const auto& before = known->second.heartbeat;
    if (before.run == heartbeat.run && heartbeat.sequence <= before.sequence) return;
    if (before.run == heartbeat.run && before.applied == heartbeat.applied &&
        before.state_hash != heartbeat.state_hash) {
      log.error("the state of the peer {} changed without an entry of the log", peer.to_string());
    }
  }
  auto info = state_.info();
  if (heartbeat.incarnation == info.incarnation && heartbeat.applied == info.applied &&
      heartbeat.state_hash != info.hash.to_hex()) {
    log.error("the state of the peer {} differs from this one's at entry {}: one of them is damaged", peer.to_string(),
              info.applied.value);
  }
  auto now = moment();
  for (auto& reading : heartbeat.metrics) {
    if (auto kept = metrics_.add(reading, now); !kept) log.debug("{}: {}", peer.to_string(), kept.error().message);
  }
  health_.heartbeat(peer, at, interval);
  judge_.take(heartbeat.health, at);
  reach_.take(heartbeat.links, at);
  heard_[peer] = {.heartbeat = std::move(heartbeat), .bytes = std::move(bytes), .at = at};
}

// --- judging

Task<> Heartbeats::judge_loop() {
  for (;;) {
    judge();
    CO_TRY(co_await runtime_.sleep_for(kJudgeInterval));
  }
}

void Heartbeats::judge() {
  auto now = runtime_.now();
  auto others = other_members(state_, options_.self);
  std::set<ipld::PeerId> members(others.begin(), others.end());
  look_for_voters();
  health_.watch(votes() ? members : voters_, now);
  bool slept = health_.tick(now);
  bool leads = consensus_.is_leader();
  if (leads && (slept || !leading_)) judge_.restart(now);
  if (!leads && leading_) judge_.stop();
  leading_ = leads;
  reach_.take(links_.view(now), now);
  if (now - alerts_at_ >= kAlertInterval) {
    alerts_at_ = now;
    std::erase_if(heard_, [&](const auto& heard) { return !members.contains(heard.first); });
    std::erase_if(missed_, [&](const auto& peer) { return !members.contains(peer); });
    std::erase_if(told_up_to_, [&](const auto& told) { return !members.contains(told.first); });
    links_.retain(members);
    members.insert(options_.self);
    metrics_.retain(members);
    reach_.retain(members);
    auto standings = health_.standings(now);
    if (!votes()) std::ranges::move(others_doubts(), std::back_inserter(standings));
    for (const auto& event : alerts_.update(monitor::conditions_of(metrics_, standings, moment()), moment())) {
      const auto& alert = event.alert;
      using Event = monitor::AlertEvent;
      auto subject = fmt::format("{} {}", alert.metric.peer.to_string(), alert.metric.name);
      if (event.kind == Event::kEnded) {
        log.info("{}: well again", subject);
      } else {
        log.warn("{}: {}{}", subject, alert.reason, event.kind == Event::kFlaps ? " (it comes and goes)" : "");
      }
    }
  }
  if (!leads) return;
  judge_.take(health_.view(now), now);
  std::vector<proto::Operation> operations;
  // Who leads is up, whatever the log said of it before; nobody else would say so.
  if (auto self = state_.peer(options_.self); self && self->state == proto::PEER_STATE_DOWN) {
    operations.push_back(change_state(state_, self->id, proto::PEER_STATE_UP, "monitor", self->state));
  }
  for (const auto& peer : others) {
    auto known = state_.peer(peer);
    if (!known) continue;
    auto verdict = judge_.verdict(peer, voters_, now);
    bool falls = verdict == monitor::Verdict::kDown && known->state == proto::PEER_STATE_UP;
    bool returns = verdict == monitor::Verdict::kUp && known->state == proto::PEER_STATE_DOWN;
    if (!falls && !returns) continue;
    log.warn("the peer {} ({}) is {}", peer.to_string(), known->name, returns ? "back" : "down");
    // Unless somebody has changed it meanwhile: a drain, say.
    auto to = returns ? proto::PEER_STATE_UP : proto::PEER_STATE_DOWN;
    operations.push_back(change_state(state_, peer, to, "monitor", known->state));
  }
  if (auto version = raised_apply_version(others)) {
    proto::Operation raise;
    raise.set_actor("monitor");
    raise.mutable_apply_version()->set_version(*version);
    operations.push_back(std::move(raise));
  }
  if (!operations.empty() && !std::exchange(writing_, true)) {
    tasks_.spawn("writing peers' states", write_states(std::move(operations)));
  }
}

/// The leader, whom every member tells what its program knows.
std::optional<uint32_t> Heartbeats::raised_apply_version(const std::vector<ipld::PeerId>& others) const {
  uint32_t now = state_.info().apply_version;
  if (now >= kVersions.apply_version) return std::nullopt;
  std::vector<std::optional<uint32_t>> known;
  for (const auto& peer : others) {
    const auto* heard = last(peer);
    known.push_back(heard != nullptr ? std::optional(heard->apply_version) : std::nullopt);
  }
  auto raised = cluster::raised_apply_version(now, kVersions.apply_version, known);
  if (raised && !writing_)
    log.info("all peers know version {} of the log's rules: the cluster goes over to it", *raised);
  return raised;
}

Task<> Heartbeats::write_states(std::vector<proto::Operation> operations) {
  auto wrote = co_await consensus_.submit(std::move(operations), runtime_.now() + kWriteTime);
  writing_ = false;
  // Whoever leads then writes it anew.
  if (!wrote && wrote.error().kind != ErrorKind::kCancelled) {
    log.warn("what peers tell of themselves was not written: {}", wrote.error().message);
  }
  co_return Result<>{};
}

model::ConnectGraph Heartbeats::graph(Swarms swarms) const {
  std::vector<monitor::GraphPeer> peers;
  auto add = [&](const ipld::PeerId& peer, const std::string& name) {
    monitor::GraphPeer node{.id = peer, .peername = name, .ipfs_swarm = std::move(swarms[peer])};
    if (auto ping = metrics_.newest("ping", peer)) {
      if (auto facts = monitor::ping_from_value(ping->value)) node.ipfs_id = facts->ipfs_id;
    }
    peers.push_back(std::move(node));
  };
  add(options_.self, options_.peername);
  for (const auto& peer : state_.peers()) {
    if (belongs(peer) && peer.id != options_.self) add(peer.id, peer.name);
  }
  return reach_.graph(options_.self, peers, runtime_.now());
}

}  // namespace ipfsc::cluster
