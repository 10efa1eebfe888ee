#include "monitor/metric_store.h"

#include <algorithm>

#include "base/text.h"

namespace ipfsc::monitor {

Result<> MetricStore::add(Reading reading, Moment now) {
  auto& metric = reading.metric;
  if (metric.peer.empty()) return fail(ErrorKind::kInvalidArgument, "a metric without a peer");
  if (metric.name.empty()) return fail(ErrorKind::kInvalidArgument, "a metric without a name");
  if (metric.name.size() > options_.max_name_bytes) {
    return fail(ErrorKind::kInvalidArgument, "the name of metric " + quoted(metric.name) + " is longer than " +
                                                 std::to_string(options_.max_name_bytes) + " bytes");
  }
  if (metric.value.size() > options_.max_value_bytes) {
    return fail(ErrorKind::kInvalidArgument, "the value of metric " + quoted(metric.name) + " is longer than " +
                                                 std::to_string(options_.max_value_bytes) + " bytes");
  }
  auto of = peers_.find(metric.peer);
  if (of == peers_.end()) {
    if (peers_.size() >= options_.max_peers) {
      return fail(ErrorKind::kResourceExhausted, "metrics of " + std::to_string(peers_.size()) +
                                                     " peers are kept: no room for those of " +
                                                     metric.peer.to_string());
    }
    of = peers_.try_emplace(metric.peer).first;
  }
  auto& by_name = of->second.by_name;
  auto series = by_name.find(metric.name);
  if (series == by_name.end()) {
    if (by_name.size() >= options_.max_names && !make_room_for_name(of->second, now.steady)) {
      return fail(ErrorKind::kResourceExhausted, "peer " + metric.peer.to_string() + " has " +
                                                     std::to_string(by_name.size()) + " valid metrics: no room for " +
                                                     quoted(metric.name));
    }
    of->second.bytes += metric.name.size();
    series = by_name.try_emplace(std::move(metric.name)).first;
  } else if (series->second.back().stamp == reading.stamp) {
    return {};
  }
  Duration ttl = std::clamp(reading.ttl, Duration{}, options_.max_ttl);
  of->second.bytes += metric.value.size();
  series->second.push_back({.value = std::move(metric.value),
                            .weight = metric.weight,
                            .valid = metric.valid,
                            .partitionable = metric.partitionable,
                            .stamp = reading.stamp,
                            .expires = now.steady + ttl,
                            .shown_expire = now.wall + ttl,
                            .received_at = now.wall});
  trim(of->second, series->second);
  return {};
}

bool MetricStore::make_room_for_name(OfPeer& of, SteadyTime now) {
  if (of.by_name.empty()) return false;  // max_names is 0
  auto oldest = std::ranges::min_element(of.by_name, {}, [](const auto& item) { return item.second.back().expires; });
  if (oldest->second.back().expires > now) return false;
  of.bytes -= oldest->first.size();
  for (const auto& sample : oldest->second) of.bytes -= sample.value.size();
  of.by_name.erase(oldest);
  return true;
}

void MetricStore::drop_oldest(OfPeer& of, Series& series) {
  of.bytes -= series.front().value.size();
  series.pop_front();
}

void MetricStore::trim(OfPeer& of, Series& fresh) const {
  while (fresh.size() > std::max<size_t>(options_.window, 1)) drop_oldest(of, fresh);
  while (of.bytes > options_.max_bytes_per_peer) {
    // The longest window gives: many short histories tell more than one long one.
    auto longest = std::ranges::max_element(of.by_name, {}, [](const auto& item) { return item.second.size(); });
    if (longest->second.size() <= 1) return;
    drop_oldest(of, longest->second);
  }
}

void MetricStore::forget(const ipld::PeerId& peer) { peers_.erase(peer); }

void MetricStore::retain(const std::set<ipld::PeerId>& members) {
  std::erase_if(peers_, [&](const auto& item) { return !members.contains(item.first); });
}

model::Metric MetricStore::metric_of(const ipld::PeerId& peer, const std::string& name, const Sample& sample) {
  return {.name = name,
          .peer = peer,
          .value = sample.value,
          .expire = sample.shown_expire,
          .valid = sample.valid,
          .weight = sample.weight,
          .partitionable = sample.partitionable,
          .received_at = sample.received_at};
}

const MetricStore::Series* MetricStore::find(std::string_view name, const ipld::PeerId& peer) const {
  auto of = peers_.find(peer);
  if (of == peers_.end()) return nullptr;
  auto series = of->second.by_name.find(name);
  return series == of->second.by_name.end() ? nullptr : &series->second;
}

std::vector<model::Metric> MetricStore::latest(std::string_view name, SteadyTime now) const {
  std::vector<model::Metric> found;
  for (const auto& [peer, of] : peers_) {
    auto series = of.by_name.find(name);
    if (series == of.by_name.end()) continue;
    const auto& newest = series->second.back();
    if (newest.valid && newest.expires > now) found.push_back(metric_of(peer, series->first, newest));
  }
  return found;
}

std::optional<model::Metric> MetricStore::newest(std::string_view name, const ipld::PeerId& peer) const {
  const auto* series = find(name, peer);
  if (!series) return std::nullopt;
  return metric_of(peer, std::string(name), series->back());
}

std::vector<model::Metric> MetricStore::window(std::string_view name, const ipld::PeerId& peer) const {
  std::vector<model::Metric> all;
  if (const auto* series = find(name, peer)) {
    for (const auto& sample : *series) all.push_back(metric_of(peer, std::string(name), sample));
  }
  return all;
}

std::vector<std::string> MetricStore::names() const {
  std::set<std::string> names;
  for (const auto& [peer, of] : peers_) {
    for (const auto& [name, series] : of.by_name) names.insert(name);
  }
  return {names.begin(), names.end()};
}

std::vector<Reading> MetricStore::readings(const ipld::PeerId& peer, SteadyTime now) const {
  std::vector<Reading> found;
  auto of = peers_.find(peer);
  if (of == peers_.end()) return found;
  for (const auto& [name, series] : of->second.by_name) {
    const auto& newest = series.back();
    if (!newest.valid || newest.expires <= now) continue;
    found.push_back({.metric = metric_of(peer, name, newest), .ttl = newest.expires - now, .stamp = newest.stamp});
  }
  return found;
}

std::vector<MetricStore::Lapsed> MetricStore::lapsed(SteadyTime now) const {
  std::vector<Lapsed> found;
  for (const auto& [peer, of] : peers_) {
    for (const auto& [name, series] : of.by_name) {
      const auto& newest = series.back();
      if (newest.expires <= now) found.push_back({metric_of(peer, name, newest), now - newest.expires});
    }
  }
  return found;
}

size_t MetricStore::bytes(const ipld::PeerId& peer) const {
  auto of = peers_.find(peer);
  return of == peers_.end() ? 0 : of->second.bytes;
}

}  // namespace ipfsc::monitor
