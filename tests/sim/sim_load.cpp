#include "sim/sim_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace ipfsc::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kContents = 10;
constexpr size_t kHistory = 10'000;  // records of one CID: more than there are

constexpr std::pair<int, int> kFactors[] = {{1, 1}, {1, 2}, {2, 2}, {2, 3}, {1, 3}, {-1, -1}, {0, 0}};

constexpr uint64_t kMostHint = 1 << 30;  // as much as a node takes
constexpr size_t kPieceBytes = 900;      // of an upload
constexpr std::string_view kWentAway = "the user went away";

/// Whether the answer says that the write was certainly not done.
bool certain(const Error& error) {
  if (error.kind == ErrorKind::kCancelled || error.kind == ErrorKind::kDeadlineExceeded) return false;
  return error.message.find("a retry with the same idempotency key is safe") == std::string::npos;
}

}  // namespace

SimLoad::SimLoad(World& world, uint64_t seed, std::vector<std::string>& complaints, bool adds)
    : world_(world), random_(seed), complaints_(complaints) {
  for (int n = 0; n < kContents; ++n) {
    auto cid = ipld::Cid::of(1, ipld::kRaw, 0x12, fmt::format("content {}", n));
    CHECK(cid);
    cids_.push_back(*std::move(cid));
    if (n % 3 != 0) world_.swarm.elsewhere.insert(cids_.back());
  }
  there_ = cids_;
  if (!adds) return;
  contents_ = contents_of(seed);
  for (const auto& content : contents_) cids_.push_back(content.root);
}

std::string SimLoad::act(SimPeer& peer) {
  auto number = choose();
  auto& write = writes_[number];
  write.open = true;
  peer.ask(attempt(peer, number));
  auto how = write.upload ? fmt::format("{}{}{}", write.upload->local ? " here" : "",
                                        write.upload->no_pin ? " without a pin" : "",
                                        write.upload->goes_away ? " and goes away" : "")
                          : "";
  return fmt::format("{} {}s {} with {}…{} through {}{}", write.actor,
                     write.upload ? "add"
                     : write.pins ? "pin"
                                  : "unpin",
                     write.cid.to_string().substr(50), write.options.replication_factor_min,
                     write.options.replication_factor_max, peer.name(), how);
}

size_t SimLoad::choose() {
  if (!writes_.empty() && random_() % 3 == 0) {
    auto old = random_() % writes_.size();
    if (!writes_[old].request_id.empty() && !writes_[old].open) return old;
  }
  Write write{.cid = there_[random_() % there_.size()], .began = world_.runtime.now()};
  write.actor = fmt::format("user {}", writes_.size());
  write.pins = random_() % 3 != 0;
  if (random_() % 2 == 0) write.request_id = write.actor;
  if (!contents_.empty() && random_() % 3 == 0) {
    write.upload = any_upload();
    write.cid = write.upload->content->root;
    write.pins = true;
    if (!write.in_history()) write.request_id.clear();  // it would be in the log
  }
  if (write.pins) {
    std::tie(write.options.replication_factor_min, write.options.replication_factor_max) =
        kFactors[random_() % std::size(kFactors)];
    write.options.name = write.actor;
    if (random_() % 8 == 0) write.options.user_allocations = {any_peer()};
    if (random_() % 8 == 0 && !write.upload) write.options.mode = model::PinMode::kDirect;
    if (random_() % 10 == 0) write.options.expire_at = world_.runtime.wall_now() + 1s * (random_() % 60);
  }
  writes_.push_back(std::move(write));
  return writes_.size() - 1;
}

Upload SimLoad::any_upload() {
  Upload upload{.content = &contents_[random_() % contents_.size()]};
  upload.local = random_() % 6 == 0;
  upload.no_pin = random_() % 6 == 0;
  if (random_() % 2 == 0) upload.size_hint_bytes = upload.content->size_bytes();
  if (random_() % 8 == 0) upload.size_hint_bytes = kMostHint / (1 + random_() % 8);
  if (random_() % 3 == 0) upload.pause = 1ms * (random_() % 1000);
  upload.goes_away = random_() % 8 == 0;
  return upload;
}

ipld::PeerId SimLoad::any_peer() {
  const auto& nodes = world_.swarm.nodes;
  return std::next(nodes.begin(), static_cast<ptrdiff_t>(random_() % nodes.size()))->first;
}

Task<> SimLoad::attempt(SimPeer& peer, size_t number) {
  auto& write = writes_[number];
  ++write.unknown;  // until there is an answer
  note(peer, write, co_await carry_out(peer, write));
  co_return Result<>{};
}

Task<ipld::Cid> SimLoad::carry_out(SimPeer& peer, Write& write) {
  cluster::Caller caller{.actor = write.actor, .request_id = write.request_id};
  if (write.upload) co_return co_await add(peer, write, std::move(caller));
  CO_TRY_ASSIGN(auto pin, write.pins ? co_await peer.cluster().pin(write.cid, write.options, std::move(caller))
                                     : co_await peer.cluster().unpin(write.cid, std::move(caller)));
  co_return std::move(pin.cid);
}

Task<ipld::Cid> SimLoad::add(SimPeer& peer, Write& write, cluster::Caller caller) {
  const auto& upload = *write.upload;
  auto params = upload.content->params;
  params.pin = write.options;
  params.local = upload.local;
  params.no_pin = upload.no_pin;
  params.size_hint_bytes = upload.size_hint_bytes;
  CO_TRY_ASSIGN(auto session, co_await peer.cluster().add(std::move(params), std::move(caller)));
  for (const auto& [path, bytes] : upload.content->files) {
    CO_TRY(co_await session->begin_file(path));
    for (size_t at = 0; at < bytes.size(); at += kPieceBytes) {
      CO_TRY(co_await peer.runtime().sleep_for(upload.pause));
      CO_TRY(co_await session->write(bytes.substr(at, kPieceBytes)));
    }
    CO_TRY(co_await session->end_file());
  }
  if (upload.goes_away) co_return fail(ErrorKind::kUnavailable, std::string(kWentAway));
  CO_TRY_ASSIGN(auto outputs, co_await session->finish());
  CHECK(!outputs.empty() && outputs.back().cid);
  check_copies(peer, write, outputs.back());
  if (std::ranges::find(there_, write.cid) == there_.end()) there_.push_back(write.cid);
  co_return *std::move(outputs.back().cid);
}

/// Whoever was sent the content and is not named as left behind has all of it, and as many as were promised have it.
void SimLoad::check_copies(const SimPeer& peer, const Write& write, const model::AddedOutput& answer) {
  bool one_place = write.upload->local || write.upload->no_pin;
  std::vector<ipld::PeerId> complete;
  if (one_place) {
    complete.push_back(peer.id());
  } else {
    std::ranges::copy_if(answer.allocations, std::back_inserter(complete), [&](const auto& destination) {
      return std::ranges::count(answer.left_behind, destination) == 0;
    });
  }
  int promised = one_place ? 1 : std::max(write.options.replication_factor_min, 1);
  const auto& nodes = world_.swarm.nodes;
  auto copies = std::ranges::count_if(nodes, [&](const auto& node) { return node.second->holds(write.cid); });
  if (copies < promised) {
    complaints_.push_back(fmt::format("{} was acknowledged with {} copies of {}", write.actor, copies, promised));
  }
  for (const auto& holder : complete) {
    if (nodes.at(holder)->holds(write.cid)) continue;
    complaints_.push_back(
        fmt::format("{} was acknowledged and the node of {} lacks blocks of it", write.actor, holder.to_string()));
  }
}

void SimLoad::note(SimPeer& peer, Write& write, const Result<ipld::Cid>& answer) {
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
  if (*answer != write.cid) complaints_.push_back(write.actor + " got the answer of another CID");
  if (write.in_history() && records_of(peer, write).empty()) {
    complaints_.push_back(fmt::format("{} was acknowledged by {}, which does not show it", write.actor, peer.name()));
  }
}

std::vector<state::Revision> SimLoad::records_of(const SimPeer& peer, const Write& write) const {
  std::vector<state::Revision> out;
  auto history = peer.state()->history(write.cid, 0, kHistory);
  if (!history) return out;
  std::optional<LogIndex> last;
  for (const auto& record : *history) {
    if (record.change.actor != write.actor) continue;
    // The end of a claim may move copies of those that stay: in the same entry.
    if (record.change.position.index == last) continue;
    last = record.change.position.index;
    out.push_back(record.change.position.revision());
  }
  return out;
}

void SimLoad::check_visible(const SimPeer& peer, SteadyTime time) {
  if (!peer.state()->history(cids_.front(), 0, 1)) return;  // it says itself that it cannot read: its disk is full
  for (const auto& write : writes_) {
    if (!write.acknowledged || *write.acknowledged >= time || !write.in_history()) continue;
    if (!records_of(peer, write).empty()) continue;
    complaints_.push_back(
        fmt::format("{} answers users again but does not show what {} did before", peer.name(), write.actor));
  }
}

void SimLoad::check_history(const SimPeer& peer) {
  std::vector<std::pair<const Write*, state::Revision>> done;
  for (const auto& write : writes_) {
    auto records = records_of(peer, write);
    if (records.size() > 1) complaints_.push_back(fmt::format("{} was done {} times", write.actor, records.size()));
    if (!write.in_history()) {
      if (!records.empty()) complaints_.push_back(write.actor + " wanted no pin, and there is one");
      continue;
    }
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
