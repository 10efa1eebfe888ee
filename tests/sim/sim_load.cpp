#include "sim/sim_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ipfsc::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kContents = 10;
constexpr size_t kHistory = 10'000;  // records of one CID: more than there are

constexpr std::pair<int, int> kFactors[] = {{1, 1}, {1, 2}, {2, 2}, {2, 3}, {1, 3}, {-1, -1}, {0, 0}};

/// Whether the answer says that the write was certainly not done.
bool certain(const Error& error) {
  if (error.kind == ErrorKind::kCancelled || error.kind == ErrorKind::kDeadlineExceeded) return false;
  return error.message.find("a retry with the same idempotency key is safe") == std::string::npos;
}

}  // namespace

SimLoad::SimLoad(World& world, uint64_t seed, std::vector<std::string>& complaints)
    : world_(world), random_(seed), complaints_(complaints) {
  for (int n = 0; n < kContents; ++n) {
    auto cid = ipld::Cid::of(1, ipld::kRaw, 0x12, fmt::format("content {}", n));
    CHECK(cid);
    cids_.push_back(*std::move(cid));
    if (n % 3 != 0) world_.swarm.elsewhere.insert(cids_.back());
  }
}

std::string SimLoad::act(SimPeer& peer) {
  auto number = choose();
  auto& write = writes_[number];
  write.open = true;
  peer.ask(attempt(peer, number));
  return fmt::format("{} {}s {} with {}…{} through {}", write.actor, write.pins ? "pin" : "unpin",
                     write.cid.to_string().substr(50), write.options.replication_factor_min,
                     write.options.replication_factor_max, peer.name());
}

size_t SimLoad::choose() {
  if (!writes_.empty() && random_() % 3 == 0) {
    auto old = random_() % writes_.size();
    if (!writes_[old].request_id.empty() && !writes_[old].open) return old;
  }
  Write write{.cid = cids_[random_() % cids_.size()], .began = world_.runtime.now()};
  write.actor = fmt::format("user {}", writes_.size());
  write.pins = random_() % 3 != 0;
  if (random_() % 2 == 0) write.request_id = write.actor;
  if (write.pins) {
    std::tie(write.options.replication_factor_min, write.options.replication_factor_max) =
        kFactors[random_() % std::size(kFactors)];
    write.options.name = write.actor;
    if (random_() % 8 == 0) write.options.user_allocations = {any_peer()};
    if (random_() % 8 == 0) write.options.mode = model::PinMode::kDirect;
    if (random_() % 10 == 0) write.options.expire_at = world_.runtime.wall_now() + 1s * (random_() % 60);
  }
  writes_.push_back(std::move(write));
  return writes_.size() - 1;
}

ipld::PeerId SimLoad::any_peer() {
  const auto& nodes = world_.swarm.nodes;
  return std::next(nodes.begin(), static_cast<ptrdiff_t>(random_() % nodes.size()))->first;
}

Task<> SimLoad::attempt(SimPeer& peer, size_t number) {
  auto& write = writes_[number];
  ++write.unknown;  // until there is an answer
  cluster::Caller caller{.actor = write.actor, .request_id = write.request_id};
  auto answer = write.pins ? co_await peer.cluster().pin(write.cid, write.options, std::move(caller))
                           : co_await peer.cluster().unpin(write.cid, std::move(caller));
  note(peer, write, answer);
  co_return Result<>{};
}

void SimLoad::note(SimPeer& peer, Write& write, const Result<model::Pin>& answer) {
  write.open = false;
  if (!answer) {
    if (!certain(answer.error())) return;
    --write.unknown;
    write.refusal = answer.error().message;
    bool later = answer.error().kind == ErrorKind::kUnavailable || answer.error().kind == ErrorKind::kResourceExhausted;
    if (write.acknowledged && !later) {
      complaints_.push_back(fmt::format("{} was acknowledged, and then refused: {}", write.actor, write.refusal));
    }
    return;
  }
  --write.unknown;
  if (!write.acknowledged) write.acknowledged = world_.runtime.now();
  if (answer->cid != write.cid) complaints_.push_back(write.actor + " got the answer of another CID");
  if (records_of(peer, write).empty()) {
    complaints_.push_back(fmt::format("{} was acknowledged by {}, which does not show it", write.actor, peer.name()));
  }
}

std::vector<state::Revision> SimLoad::records_of(const SimPeer& peer, const Write& write) const {
  std::vector<state::Revision> out;
  auto history = peer.state()->history(write.cid, 0, kHistory);
  if (!history) return out;
  for (const auto& record : *history) {
    if (record.change.actor == write.actor) out.push_back(record.change.position.revision());
  }
  return out;
}

void SimLoad::check_visible(const SimPeer& peer, SteadyTime time) {
  for (const auto& write : writes_) {
    if (!write.acknowledged || *write.acknowledged >= time || !records_of(peer, write).empty()) continue;
    complaints_.push_back(
        fmt::format("{} answers users again but does not show what {} did before", peer.name(), write.actor));
  }
}

void SimLoad::check_history(const SimPeer& peer) {
  std::vector<std::pair<const Write*, state::Revision>> done;
  for (const auto& write : writes_) {
    auto records = records_of(peer, write);
    if (records.size() > 1) complaints_.push_back(fmt::format("{} was done {} times", write.actor, records.size()));
    if (write.acknowledged && records.empty()) {
      complaints_.push_back(fmt::format("{} was acknowledged and is lost on {}", write.actor, peer.name()));
    }
    if (!write.acknowledged && write.unknown == 0 && !records.empty()) {
      complaints_.push_back(fmt::format("{} was refused ({}) and done all the same", write.actor, write.refusal));
    }
    if (!records.empty()) done.emplace_back(&write, records.front());
  }
  for (const auto& [first, first_at] : done) {
    for (const auto& [second, second_at] : done) {
      if (first->cid != second->cid || !first->acknowledged || *first->acknowledged >= second->began) continue;
      if (first_at < second_at) continue;
      complaints_.push_back(
          fmt::format("{} was acknowledged before {} began, but came after it", first->actor, second->actor));
    }
  }
}

}  // namespace ipfsc::sim
