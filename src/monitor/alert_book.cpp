#include "monitor/alert_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ipfsc::monitor {
namespace {

constexpr std::string_view kPing = "ping";

std::string shown(Duration duration) {
  return format_go_duration(std::chrono::round<std::chrono::duration<int64_t, std::deci>>(duration));
}

Condition silent(const MetricStore& store, const PeerStanding& peer, Moment now) {
  auto ping = store.newest(kPing, peer.peer);
  Condition condition{.metric = ping ? *std::move(ping) : model::Metric{},
                      .reason = fmt::format("no heartbeat for {} (suspicion φ {:.1f})", shown(peer.silence), peer.phi)};
  condition.metric.name = kPing;
  condition.metric.peer = peer.peer;
  // Suspicion is quicker than the metric's ttl.
  if (condition.metric.expire > now.wall || condition.metric.expire == WallTime{}) condition.metric.expire = now.wall;
  return condition;
}

}  // namespace

std::vector<Condition> conditions_of(const MetricStore& store, const std::vector<PeerStanding>& standings, Moment now,
                                     ConditionOptions options) {
  std::map<std::pair<ipld::PeerId, std::string>, Condition> found;
  std::set<ipld::PeerId> quiet;  // peers of which nothing more is said
  for (const auto& peer : standings) {
    if (peer.standing != Standing::kUp) quiet.insert(peer.peer);
    if (peer.standing == Standing::kSuspect) found.emplace(std::pair(peer.peer, kPing), silent(store, peer, now));
  }
  auto lapsed = store.lapsed(now.steady);
  for (const auto& item : lapsed) {
    if (item.metric.name != kPing || !quiet.insert(item.metric.peer).second) continue;
    found.emplace(std::pair(item.metric.peer, kPing),
                  Condition{item.metric, fmt::format("its ping expired {} ago", shown(item.since))});
  }
  for (auto& item : lapsed) {
    if (quiet.contains(item.metric.peer) || item.since > options.expected_for) continue;
    std::pair key(item.metric.peer, item.metric.name);
    found.emplace(std::move(key), Condition{std::move(item.metric), "the metric expired and no new one came"});
  }
  std::vector<Condition> all;
  all.reserve(found.size());
  for (auto& [key, condition] : found) all.push_back(std::move(condition));
  return all;
}

std::vector<AlertEvent> AlertBook::update(const std::vector<Condition>& conditions, Moment now) {
  std::vector<AlertEvent> events;
  Present present;
  for (const auto& condition : conditions) {
    present.try_emplace(Key(condition.metric.peer, condition.metric.name), &condition);
  }
  left_out_ = 0;
  end_missing(present, now, events);
  retire(now, events);
  for (const auto& [key, condition] : present) {
    auto known = current_.find(key);
    if (known != current_.end() && !known->second.alert.ended_at) continue;
    if (confirmed(key, now.steady)) begin(key, *condition, now, events);
  }
  return events;
}

void AlertBook::end_missing(const Present& present, Moment now, std::vector<AlertEvent>& events) {
  std::erase_if(waiting_, [&](const auto& item) { return !present.contains(item.first); });
  for (auto& [key, kept] : current_) {
    if (kept.alert.ended_at || present.contains(key)) continue;
    kept.alert.ended_at = now.wall;
    kept.ended = now.steady;
    if (!kept.told_flapping) events.push_back({AlertEvent::kEnded, kept.alert});
  }
}

/// Alerts that have been quiet for the flap window become past.
void AlertBook::retire(Moment now, std::vector<AlertEvent>& events) {
  for (auto it = current_.begin(); it != current_.end();) {
    auto& kept = it->second;
    if (!kept.alert.ended_at || now.steady - kept.ended < options_.flap_window) {
      ++it;
      continue;
    }
    if (kept.told_flapping) events.push_back({AlertEvent::kEnded, kept.alert});
    past_.insert(std::ranges::upper_bound(past_, kept.ended, {}, &Kept::ended), std::move(kept));
    it = current_.erase(it);
  }
}

bool AlertBook::confirmed(const Key& key, SteadyTime now) {
  auto it = waiting_.find(key);
  if (it == waiting_.end()) {
    if (waiting_.size() >= options_.max_alerts) {
      ++left_out_;
      return false;
    }
    it = waiting_.emplace(key, now).first;
  }
  return now - it->second >= options_.confirm_after;
}

void AlertBook::begin(const Key& key, const Condition& condition, Moment now, std::vector<AlertEvent>& events) {
  auto known = current_.find(key);
  if (known == current_.end()) {
    if (!make_room()) {
      ++left_out_;
      return;
    }
    known = current_.try_emplace(key).first;
    known->second.number = next_number_++;
    known->second.alert = {
        .metric = condition.metric, .triggered_at = now.wall, .ended_at = {}, .reason = condition.reason};
    events.push_back({AlertEvent::kBegan, known->second.alert});
  } else {
    auto& kept = known->second;
    ++kept.alert.times;
    kept.alert.ended_at.reset();
    kept.alert.metric = condition.metric;
    kept.alert.reason = condition.reason;
    if (!std::exchange(kept.told_flapping, true)) events.push_back({AlertEvent::kFlaps, kept.alert});
  }
  waiting_.erase(key);
}

bool AlertBook::make_room() {
  if (current_.size() + past_.size() < options_.max_alerts) return true;
  if (!past_.empty()) {
    past_.pop_front();
    return true;
  }
  auto oldest = current_.end();
  for (auto it = current_.begin(); it != current_.end(); ++it) {
    if (!it->second.alert.ended_at) continue;
    if (oldest == current_.end() || it->second.ended < oldest->second.ended) oldest = it;
  }
  if (oldest == current_.end()) return false;
  current_.erase(oldest);
  return true;
}

std::vector<model::Alert> AlertBook::list() const {
  std::map<uint64_t, const model::Alert*, std::greater<>> by_number;
  for (const auto& [key, kept] : current_) by_number.emplace(kept.number, &kept.alert);
  for (const auto& kept : past_) by_number.emplace(kept.number, &kept.alert);
  std::vector<model::Alert> all;
  all.reserve(by_number.size());
  for (const auto& [number, alert] : by_number) all.push_back(*alert);
  return all;
}

size_t AlertBook::active() const {
  return std::ranges::count_if(current_, [](const auto& item) { return !item.second.alert.ended_at; });
}

}  // namespace ipfsc::monitor
