#include "cluster/replacing.h"

#include <algorithm>
#include <set>

namespace ipfsc::cluster {
namespace {

bool contains(const std::vector<ipld::PeerId>& list, const ipld::PeerId& peer) {
  return std::ranges::find(list, peer) != list.end();
}

/// The two ends of the movements under way.
struct Ends {
  std::set<Bytes> arriving, going;
};

Ends ends_of(const std::optional<proto::Work>& work) {
  Ends ends;
  if (!work) return ends;
  for (const auto& move : work->moves()) {
    ends.arriving.insert(move.to());
    ends.going.insert(move.from());
  }
  ends.going.insert(work->leaving().begin(), work->leaving().end());
  return ends;
}

}  // namespace

std::vector<ipld::PeerId> settled_holders(const model::Pin& stored, const std::optional<proto::Work>& work) {
  auto holders = stored.allocations;
  auto ends = ends_of(work);
  std::erase_if(holders, [&](const auto& peer) { return ends.going.contains(peer.bytes()); });
  return holders;
}

Replaced replace_copies(const std::optional<model::Pin>& stored, const std::optional<proto::Work>& work,
                        std::vector<ipld::PeerId> chosen) {
  Replaced out{.allocations = std::move(chosen), .work = {}};
  if (work) out.work.emplace();
  if (!stored || stored->everywhere() || out.allocations.empty()) return out;
  auto ends = ends_of(work);
  const auto& before = stored->allocations;
  auto is_there = [&](const ipld::PeerId& peer) {
    return contains(before, peer) && !ends.arriving.contains(peer.bytes());
  };
  // Whom the leaving ones wait for is not kept.
  bool waited_for = work && work->leaving_size() > 0;
  if (!waited_for && std::ranges::all_of(out.allocations, is_there)) return out;
  std::set<Bytes> leaving, left_before;
  for (const auto& peer : before) {
    if (ends.going.contains(peer.bytes())) left_before.insert(peer.bytes());
    if (!is_there(peer) || contains(out.allocations, peer)) continue;
    leaving.insert(peer.bytes());
  }
  for (const auto& peer : before) {
    if (leaving.contains(peer.bytes())) out.allocations.push_back(peer);
  }
  if (work && leaving == left_before && std::ranges::is_permutation(out.allocations, before)) {
    return {.allocations = before, .work = {}};  // the movements go on as they are
  }
  if (leaving.empty()) return out;
  out.work.emplace();
  for (const auto& peer : leaving) out.work->add_leaving(peer);
  return out;
}

}  // namespace ipfsc::cluster
