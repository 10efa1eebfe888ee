#include "monitor/down_judge.h"

#include <algorithm>

namespace ipfsc::monitor {
namespace {

/// Counts what voters say of one peer.
class Count {
 public:
  Count(const ipld::PeerId& peer, const std::set<ipld::PeerId>& voters) : peer_(peer), voters_(voters) {}

  void add(const HealthView& view) {
    if (!voters_.contains(view.observer)) return;
    auto doubt = std::ranges::lower_bound(view.doubts, peer_, {}, &PeerStanding::peer);
    if (view.observer == peer_ || doubt == view.doubts.end() || doubt->peer != peer_) {
      ++up_;
    } else if (doubt->standing == Standing::kSuspect) {
      ++suspect_;
    }
  }
  Verdict verdict() const {
    if (suspect_ * 2 > voters_.size()) return Verdict::kDown;
    if (up_ * 2 > voters_.size()) return Verdict::kUp;
    return Verdict::kUnknown;
  }

 private:
  const ipld::PeerId& peer_;
  const std::set<ipld::PeerId>& voters_;
  size_t up_ = 0, suspect_ = 0;
};

}  // namespace

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
  Count count(peer, voters);
  for (const auto& view : views) {
    if (heard_from.insert(view.observer).second) count.add(view);
  }
  return count.verdict();
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

Verdict DownJudge::verdict(const ipld::PeerId& peer, const std::set<ipld::PeerId>& voters, SteadyTime now) const {
  if (!since_) return Verdict::kUnknown;
  Count count(peer, voters);
  for (const auto& [observer, taken] : views_) {
    if (young(taken, now)) count.add(taken.view);
  }
  auto verdict = count.verdict();
  return verdict == Verdict::kDown && now - *since_ < options_.leader_wait ? Verdict::kUnknown : verdict;
}

std::vector<ipld::PeerId> DownJudge::observers(SteadyTime now) const {
  std::vector<ipld::PeerId> all;
  for (const auto& [observer, taken] : views_) {
    if (young(taken, now)) all.push_back(observer);
  }
  return all;
}

}  // namespace ipfsc::monitor
