#include "monitor/down_judge.h"

#include <algorithm>

namespace ipfsc::monitor {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUp:
      return "up";
    case Verdict::kDown:
      return "down";
    case Verdict::kUnknown:
      break;
  }
  return "unknown";
}

Verdict verdict_of(const ipld::PeerId& peer, const std::set<ipld::PeerId>& voters,
                   const std::vector<HealthView>& views) {
  std::set<ipld::PeerId> heard_from;
  size_t up = 0, suspect = 0;
  for (const auto& view : views) {
    if (!voters.contains(view.observer) || !heard_from.insert(view.observer).second) continue;
    auto doubt = std::ranges::lower_bound(view.doubts, peer, {}, &PeerStanding::peer);
    if (view.observer == peer || doubt == view.doubts.end() || doubt->peer != peer) {
      ++up;
    } else if (doubt->standing == Standing::kSuspect) {
      ++suspect;
    }
  }
  if (suspect * 2 > voters.size()) return Verdict::kDown;
  if (up * 2 > voters.size()) return Verdict::kUp;
  return Verdict::kUnknown;
}

void DownJudge::restart(SteadyTime now) {
  since_ = now;
  views_.clear();
}

void DownJudge::stop() {
  since_.reset();
  views_.clear();
}

void DownJudge::take(HealthView view, SteadyTime now) {
  if (!since_) return;
  auto observer = view.observer;
  views_.insert_or_assign(std::move(observer), Taken{std::move(view), now});
  if (views_.size() <= options_.max_views) return;
  views_.erase(std::ranges::min_element(views_, {}, [](const auto& item) { return item.second.at; }));
}

std::vector<HealthView> DownJudge::young(SteadyTime now) const {
  std::vector<HealthView> views;
  for (const auto& [observer, taken] : views_) {
    if (now - taken.at <= options_.view_age) views.push_back(taken.view);
  }
  return views;
}

Verdict DownJudge::after_wait(Verdict verdict, SteadyTime now) const {
  return verdict == Verdict::kDown && now - *since_ < options_.leader_wait ? Verdict::kUnknown : verdict;
}

Verdict DownJudge::verdict(const ipld::PeerId& peer, const std::set<ipld::PeerId>& voters, SteadyTime now) const {
  if (!since_) return Verdict::kUnknown;
  return after_wait(verdict_of(peer, voters, young(now)), now);
}

std::map<ipld::PeerId, Verdict> DownJudge::verdicts(const std::set<ipld::PeerId>& peers,
                                                    const std::set<ipld::PeerId>& voters, SteadyTime now) const {
  std::map<ipld::PeerId, Verdict> all;
  auto views = young(now);
  for (const auto& peer : peers) {
    all.emplace(peer, since_ ? after_wait(verdict_of(peer, voters, views), now) : Verdict::kUnknown);
  }
  return all;
}

std::vector<ipld::PeerId> DownJudge::observers(SteadyTime now) const {
  std::vector<ipld::PeerId> all;
  for (const auto& [observer, taken] : views_) {
    if (now - taken.at <= options_.view_age) all.push_back(observer);
  }
  return all;
}

}  // namespace ipfsc::monitor
