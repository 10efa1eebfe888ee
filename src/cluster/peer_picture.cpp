#include "cluster/peer_picture.h"

#include <algorithm>

#include "cluster/members.h"
#include "monitor/ping.h"

namespace ipfsc::cluster {
namespace {

constexpr Duration kFresh = std::chrono::milliseconds(200);
constexpr std::string_view kFreeSpace = "freespace";
constexpr std::string_view kTagPrefix = "tag:";

}  // namespace

std::vector<std::string> needed_metrics(const ClusterOptions& options) {
  auto names = options.allocate_by;
  for (const auto& rule : options.spread) {
    if (rule.hard) names.push_back(std::string(kTagPrefix) + rule.tag);
  }
  return names;
}

void PeerPicture::look() {
  auto now = runtime_.now();
  if (!looked_ || now - *looked_ > kFresh) refresh();
}

const allocator::Peers& PeerPicture::peers() {
  look();
  return peers_;
}

const allocator::Policy& PeerPicture::policy() {
  look();
  return policy_;
}

void PeerPicture::refresh() {
  auto now = runtime_.now();
  looked_ = now;
  reservations_.expire(now);
  std::map<ipld::PeerId, allocator::Candidate> all;
  auto add = [&](const state::Peer& peer) {
    allocator::Candidate candidate{.peer = peer.id, .pins = peer.pins};
    auto standing = heartbeats_.standing(peer.id);
    bool suspect = standing && standing->standing == monitor::Standing::kSuspect;
    candidate.since = down_since(peer);
    candidate.state = candidate.since                            ? allocator::PeerState::kDown
                      : peer.state == proto::PEER_STATE_DRAINING ? allocator::PeerState::kDraining
                      : suspect                                  ? allocator::PeerState::kSuspect
                                                                 : allocator::PeerState::kUp;
    all.emplace(peer.id, std::move(candidate));
  };
  for (const auto& peer : state_.peers()) {
    if (belongs(peer)) add(peer);
    // It was removed at once: its copies are to be made elsewhere.
    if (was_removed(peer) && peer.pins > 0) {
      all.emplace(peer.id, allocator::Candidate{.peer = peer.id, .state = allocator::PeerState::kRemoved});
    }
  }
  if (!all.contains(options_.self)) add({.id = options_.self});  // before it has announced itself

  policy_ = {.spread = options_.spread};
  const auto& metrics = heartbeats_.metrics();
  auto names = options_.allocate_by;
  auto also = [&names](std::string name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  };
  also(std::string(kFreeSpace));
  for (const auto& rule : options_.spread) also(std::string(kTagPrefix) + rule.tag);
  for (const auto& name : names) {
    auto latest = metrics.latest(name, now);
    for (auto& metric : latest) {
      auto candidate = all.find(metric.peer);
      if (candidate == all.end()) continue;
      auto& to = candidate->second;
      if (name == kFreeSpace) {
        to.free_bytes = static_cast<uint64_t>(std::max<int64_t>(metric.weight, 0));
        if (auto& last = measured_[metric.peer]; last != metric.received_at) {
          last = metric.received_at;
          reservations_.measured(metric.peer, now);
        }
      }
      if (name.starts_with(kTagPrefix)) to.tags[name.substr(kTagPrefix.size())] = metric.value;
      to.metrics[name] = {.value = metric.value, .weight = metric.weight, .partitionable = metric.partitionable};
    }
    bool asked = std::ranges::find(options_.allocate_by, name) != options_.allocate_by.end();
    if (asked && !latest.empty()) policy_.allocate_by.push_back(name);
  }
  for (auto& metric : metrics.latest("ping", now)) {
    auto candidate = all.find(metric.peer);
    auto facts = monitor::ping_from_value(metric.value);
    if (candidate != all.end() && facts) candidate->second.ipfs_id = facts->ipfs_id;
  }
  std::vector<allocator::Candidate> candidates;
  for (auto& [peer, candidate] : all) {
    candidate.promised = reservations_.promised(peer);
    candidates.push_back(std::move(candidate));
  }
  peers_ = allocator::Peers(std::move(candidates));
}

/// By this peer's clock. Who has not seen it happen goes by the log's time, which other clocks have given.
std::optional<WallTime> PeerPicture::down_since(const state::Peer& peer) {
  if (peer.state != proto::PEER_STATE_DOWN) {
    seen_up_.insert(peer.id);
    seen_down_.erase(peer.id);
    return {};
  }
  bool at_once = seen_up_.erase(peer.id) > 0;
  auto seen = seen_down_.try_emplace(peer.id, SeenDown{runtime_.now(), at_once}).first->second;
  auto at = runtime_.wall_now() - (runtime_.now() - seen.at);  // whatever the wall clock did meanwhile
  return seen.at_once || peer.since == WallTime() ? at : std::min(at, peer.since);
}

void PeerPicture::released(const ipld::Cid& cid) {
  for (const auto& peer : state_.peers()) reservations_.release(peer.id, cid);
}

void PeerPicture::promised(const std::vector<ipld::PeerId>& peers, const ipld::Cid& cid,
                           std::optional<uint64_t> size_bytes) {
  for (const auto& peer : peers) {
    auto before = reservations_.promised(peer);
    reservations_.promise(peer, cid, size_bytes, runtime_.now());
    auto after = reservations_.promised(peer);
    peers_.promise(peer, {.bytes = after.bytes - before.bytes,
                          .guessed_bytes = after.guessed_bytes - before.guessed_bytes,
                          .pins = after.pins - before.pins});
  }
}

}  // namespace ipfsc::cluster
