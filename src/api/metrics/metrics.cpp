#include "api/metrics/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <filesystem>

#include "api/metrics/process.h"
#include "base/log.h"

namespace ipfsc::api::metrics {
namespace {

const LogComponent kLog("metrics");

using Families = std::vector<prometheus::MetricFamily>;
using Labels = std::vector<prometheus::ClientMetric::Label>;

prometheus::MetricFamily& add_family(Families& out, prometheus::MetricType type, std::string name, std::string help) {
  out.push_back({.name = std::move(name), .help = std::move(help), .type = type, .metric = {}});
  return out.back();
}

void add_value(prometheus::MetricFamily& family, double value, Labels labels = {}) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

void gauge(Families& out, std::string name, std::string help, double value, Labels labels = {}) {
  add_value(add_family(out, prometheus::MetricType::Gauge, std::move(name), std::move(help)), value, std::move(labels));
}
void gauge(Families& out, std::string name, std::string help, uint64_t value) {
  gauge(out, std::move(name), std::move(help), static_cast<double>(value));
}
void counter(Families& out, std::string name, std::string help, double value) {
  add_value(add_family(out, prometheus::MetricType::Counter, std::move(name), std::move(help)), value);
}
void counter(Families& out, std::string name, std::string help, uint64_t value) {
  counter(out, std::move(name), std::move(help), static_cast<double>(value));
}

void add_pins(Families& out, const PinFigures& now) {
  gauge(out, "ipfscluster_pins", "Pins in the pinset", now.pins);
  gauge(out, "ipfscluster_pins_pin_queued", "Pins of this peer that wait for an attempt", now.pin_queued);
  gauge(out, "ipfscluster_pins_pinning", "Pins of this peer that are being made", now.pinning);
  gauge(out, "ipfscluster_pins_pin_error", "Pins of this peer in error", now.pin_error);
  gauge(out, "ipfscluster_pins_ipfs_pins", "Pins that this peer's IPFS node holds", now.ipfs_pins);
}

void add_pin_counters(Families& out, const PinCounters& since_start) {
  counter(out, "ipfscluster_pins_pin_add", "Pin requests to the IPFS node", since_start.pin_adds);
  counter(out, "ipfscluster_pins_pin_add_errors", "Pin requests that failed", since_start.pin_add_errors);
}

void add_adds(Families& out, const AddCounters& since_start) {
  counter(out, "ipfscluster_blocks_put", "Blocks that the IPFS node took", since_start.blocks_put);
  counter(out, "ipfscluster_blocks_put_errors", "Blocks that the IPFS node did not take",
          since_start.blocks_put_errors);
  counter(out, "ipfscluster_blocks_added", "Blocks that adds made", since_start.blocks_added);
  counter(out, "ipfscluster_blocks_added_size", "Bytes of the blocks that adds made", since_start.blocks_added_bytes);
}

void add_http(Families& out, const std::vector<HttpFigures>& servers) {
  using prometheus::MetricType;
  auto& requests = add_family(out, MetricType::Counter, "ipfscluster_http_requests_total", "HTTP requests served");
  for (const auto& server : servers) add_value(requests, static_cast<double>(server.requests), {{"api", server.api}});
  auto& connections = add_family(out, MetricType::Gauge, "ipfscluster_http_connections", "HTTP connections open");
  for (const auto& server : servers) {
    add_value(connections, static_cast<double>(server.connections), {{"api", server.api}});
  }
}

void add_cluster(Families& out, const ClusterFigures& now) {
  gauge(out, "ipfscluster_applied_index", "Entry of the log that this peer's state has", now.applied_index);
  gauge(out, "ipfscluster_feed_lag", "Entries that the state has and the tracker has not taken up", now.feed_lag);
  gauge(out, "ipfscluster_raft_term", "Term of the log", now.raft_term);
  gauge(out, "ipfscluster_raft_leader", "1 when this peer leads", now.leads ? 1.0 : 0.0);
  gauge(out, "ipfscluster_movements", "Pins with copies on the move", now.work);
  gauge(out, "ipfscluster_oldest_pending_operation_seconds",
        "Age of this peer's oldest pin or unpin that is queued or under way, 0 = none", now.oldest_pending_seconds);
}

/// Of what is in the folder now; what goes meanwhile counts nothing.
uint64_t folder_bytes(const std::string& path) {
  uint64_t bytes = 0;
  std::error_code error;
  std::filesystem::recursive_directory_iterator files(path, error);
  for (; !error && files != std::filesystem::recursive_directory_iterator(); files.increment(error)) {
    std::error_code gone;
    if (!files->is_regular_file(gone)) continue;
    auto size = files->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

/// Blocks.
std::vector<uint64_t> folders_bytes(const std::vector<Folder>& folders) {
  std::vector<uint64_t> bytes;
  for (const auto& folder : folders) bytes.push_back(folder_bytes(folder.path));
  return bytes;
}

void add_folders(Families& out, const std::vector<Folder>& folders, const std::vector<uint64_t>& bytes) {
  auto& family = add_family(out, prometheus::MetricType::Gauge, "ipfscluster_disk_bytes", "Bytes in a folder of data");
  for (size_t i = 0; i < folders.size(); ++i) {
    add_value(family, static_cast<double>(bytes[i]), {{"folder", folders[i].name}});
  }
}

void add_process(Families& out, const ProcessFigures& process) {
  counter(out, "process_cpu_seconds_total", "User and system time in seconds", process.cpu_seconds);
  gauge(out, "process_start_time_seconds", "Start of the process, in seconds since 1970", process.start_seconds);
  gauge(out, "process_resident_memory_bytes", "Resident memory", process.resident_bytes);
  gauge(out, "process_virtual_memory_bytes", "Virtual memory", process.virtual_bytes);
  gauge(out, "process_open_fds", "Open file descriptors", process.open_files);
  gauge(out, "process_max_fds", "Most file descriptors that may be open", process.max_files);
  gauge(out, "process_threads", "Threads", process.threads);
}

}  // namespace

Task<std::string> Metrics::text() {
  auto [process, bytes] = co_await run_blocking(
      runtime_, [this] { return std::pair(read_process_figures(), folders_bytes(sources_.folders)); });
  Families families;
  if (!sources_.version.empty()) {
    gauge(families, "ipfscluster_build_info", "1; its label is the program's version", 1,
          {{"version", sources_.version}});
  }
  if (sources_.pins) add_pins(families, sources_.pins());
  if (sources_.pin_counters) add_pin_counters(families, sources_.pin_counters());
  if (sources_.adds) add_adds(families, sources_.adds());
  if (sources_.informer_disk) {
    if (auto weight = sources_.informer_disk()) {
      gauge(families, "ipfscluster_informer_disk", "Weight of the disk metric that this peer publishes", *weight);
    }
  }
  if (sources_.cluster) add_cluster(families, sources_.cluster());
  if (!sources_.folders.empty()) add_folders(families, sources_.folders, bytes);
  if (sources_.http) add_http(families, sources_.http());
  if (process) {
    add_process(families, *process);
  } else {
    kLog.warn("the figures of the process are not known: {}", process.error().message);
  }
  co_return prometheus::TextSerializer().Serialize(families);
}

Task<> Metrics::handle(net::Request& request, net::Response& response) {
  if (request.path() != "/metrics") co_return response.send(404, "the figures are at /metrics\n", "text/plain");
  if (request.method() != "GET" && request.method() != "HEAD") {
    response.add_header("Allow", "GET, HEAD");
    co_return response.send(405, "only GET is offered\n", "text/plain");
  }
  CO_TRY_ASSIGN(auto body, co_await text());
  response.add_header("Cache-Control", "no-store");
  co_return response.send(200, body, "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace ipfsc::api::metrics
