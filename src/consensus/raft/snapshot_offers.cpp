#include "consensus/raft/snapshot_offers.h"

#include <algorithm>

namespace ipfsc::consensus {
namespace {

/// A member that has all but so many entries needs nothing held any more.
constexpr uint64_t kCaughtUpEntries = 100;

}  // namespace

std::optional<LogIndex> SnapshotOffers::offered(RaftId to) const {
  auto it = offers_.find(to);
  return it == offers_.end() ? std::nullopt : std::optional(it->second.index);
}

std::optional<LogIndex> SnapshotOffers::oldest() const {
  if (offers_.empty()) return std::nullopt;
  return std::ranges::min_element(offers_, {}, [](const auto& o) { return o.second.index; })->second.index;
}

std::vector<RaftId> SnapshotOffers::watch(const EngineStatus& status, LogIndex least, SteadyTime now,
                                          const LastSent& last_sent) {
  std::vector<RaftId> lost;
  for (auto it = offers_.begin(); it != offers_.end();) {
    auto& [id, offer] = *it;
    auto member = std::ranges::find(status.progress, id, &MemberProgress::id);
    bool known = member != status.progress.end();
    bool waiting = known && member->state == MemberProgress::kSnapshot;
    bool too_long = offer.index < least;
    bool silent = now - std::max(offer.at, last_sent(id).value_or(offer.at)) >= offer_again_;
    bool done = known && !waiting && member->matched >= offer.index &&
                member->matched.value + kCaughtUpEntries >= status.last_index.value;
    if (waiting && (too_long || silent)) {
      lost.push_back(id);
      offer.at = now;
    }
    it = !known || too_long || done ? offers_.erase(it) : std::next(it);
  }
  return lost;
}

}  // namespace ipfsc::consensus
