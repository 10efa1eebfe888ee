// The metrics of this peer, taken at intervals (reference: behaviour 4). Several peers exchange them in monitor/.
#include <algorithm>

#include "base/log.h"
#include "cluster/cluster.h"
#include "model/json_writer.h"

namespace ipfsc::cluster {
namespace {

std::string ping_value(const std::string& peername, const model::IpfsId& ipfs) {
  std::string value;
  model::JsonObject object(value);
  if (!peername.empty()) object.text("peer_name", peername);
  if (!ipfs.id.empty()) object.text("ipfs_id", ipfs.id);
  if (!ipfs.addresses.empty()) object.plain_list("ipfs_addresses", ipfs.addresses);
  object.end();
  return value;
}

}  // namespace

Task<> Cluster::collect_metrics() {
  static LogComponent log("monitor");
  while (true) {
    CO_TRY(co_await refresh_ipfs_id());
    auto stat = co_await ipfs_.stat();
    if (!stat && stat.error().kind == ErrorKind::kCancelled) co_return std::unexpected(stat.error());
    auto now = runtime_.wall_now();
    std::vector<model::Metric> fresh;
    auto add = [&](std::string name, std::string value, int64_t weight) {
      fresh.push_back({.name = std::move(name),
                       .peer = options_.self,
                       .value = std::move(value),
                       .expire = now + options_.metric_ttl,
                       .valid = true,
                       .weight = weight,
                       .received_at = now});
    };
    add("ping", ping_value(options_.peername, ipfs_id_), 0);
    if (stat) {
      // A full or unreachable node publishes nothing: it drops out of allocation.
      auto free = stat->storage_max_bytes > stat->repo_size_bytes ? stat->storage_max_bytes - stat->repo_size_bytes : 0;
      if (free > 0) add("freespace", std::to_string(free), static_cast<int64_t>(free));
      add("reposize", std::to_string(stat->repo_size_bytes), -static_cast<int64_t>(stat->repo_size_bytes));
    } else {
      log.warn("the IPFS node's size is not known: {}", stat.error().message);
    }
    auto queued = tracker_.counts().in(model::TrackerStatus::kPinQueued);
    add("pinqueue", std::to_string(queued), -static_cast<int64_t>(queued));
    metrics_ = std::move(fresh);
    CO_TRY(co_await runtime_.sleep_for(options_.metric_interval));
  }
}

std::vector<std::string> Cluster::metric_names() const {
  std::vector<std::string> names;
  for (const auto& metric : metrics_) names.push_back(metric.name);
  return names;
}

std::vector<model::Metric> Cluster::metrics(std::string_view name) const {
  std::vector<model::Metric> found;
  auto now = runtime_.wall_now();
  std::ranges::copy_if(metrics_, std::back_inserter(found),
                       [&](const model::Metric& m) { return m.name == name && m.expire > now; });
  return found;
}

}  // namespace ipfsc::cluster
