// Where the metrics of this peer come from (reference: behaviour 4).
#include <algorithm>

#include "cluster/cluster.h"
#include "monitor/ping.h"

namespace ipfsc::cluster {

HeartbeatSources Cluster::metric_sources() {
  auto disk = [this]() -> Task<monitor::DiskFigures> {
    CO_TRY_ASSIGN(auto stat, co_await ipfs_.stat());
    co_return monitor::DiskFigures{.repo_size_bytes = stat.repo_size_bytes,
                                   .storage_max_bytes = stat.refusing.empty() ? stat.storage_max_bytes : 0};
  };
  auto ping = [this]() -> Task<monitor::PingFacts> {
    CO_TRY(co_await refresh_ipfs_id());
    co_return monitor::PingFacts{
        .peername = options_.peername, .ipfs_id = ipfs_id_.id, .ipfs_addresses = ipfs_id_.addresses};
  };
  auto queued = [this]() -> Task<uint64_t> { co_return tracker_.counts().in(model::TrackerStatus::kPinQueued); };
  auto pins = [this]() -> Task<uint64_t> { co_return tracker_.counts().in(model::TrackerStatus::kPinned); };
  auto meter = std::make_shared<TrafficMeter>(traffic_, runtime_.now());
  auto rates = [this, meter]() -> Task<monitor::BandwidthFigures> { co_return meter->measure(runtime_.now()); };
  return {.ping = monitor::ping_source(std::move(ping)),
          .disk = monitor::disk_source({}, std::move(disk)),
          .numpin = monitor::numpin_source(std::move(pins)),
          .pinqueue = monitor::pinqueue_source({.weight_bucket_size = options_.pinqueue_bucket}, std::move(queued)),
          .bandwidth =
              monitor::bandwidth_source({.weight_bucket_bytes = options_.bandwidth_bucket_bytes}, std::move(rates))};
}

Task<> Cluster::wait_for_metrics(SteadyTime deadline) {
  auto all_here = [this] {
    return std::ranges::all_of(needed_metrics(options_), [this](const std::string& name) {
      auto fresh = metrics(name);
      return std::ranges::all_of(calls_.others(), [&](const ipld::PeerId& peer) {
        auto known = state_.peer(peer);
        bool up = known && known->state == proto::PEER_STATE_UP;
        return !up || std::ranges::find(fresh, peer, &model::Metric::peer) != fresh.end();
      });
    });
  };
  while (!all_here() && runtime_.now() < deadline) CO_TRY(co_await runtime_.sleep_for(std::chrono::milliseconds(50)));
  co_return Result<>{};
}

std::vector<std::string> Cluster::metric_names() const { return heartbeats_.metrics().names(); }

std::vector<model::Metric> Cluster::metrics(std::string_view name) const {
  return heartbeats_.metrics().latest(name, runtime_.now());
}

}  // namespace ipfsc::cluster
