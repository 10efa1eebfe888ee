// Prometheus endpoint: GET /metrics in the text format, with the names of the Go program (reference: config 2.11).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/runtime.h"
#include "net/http_server.h"

namespace ipfsc::api::metrics {

/// Numbers of pins now.
struct PinFigures {
  uint64_t pins = 0;        ///< in the pinset
  uint64_t pin_queued = 0;  ///< on this peer, by status
  uint64_t pinning = 0;
  uint64_t pin_error = 0;
  uint64_t ipfs_pins = 0;  ///< held by this peer's IPFS node
};

/// Since the process started.
struct PinCounters {
  uint64_t pin_adds = 0;  ///< pin requests to the IPFS node
  uint64_t pin_add_errors = 0;
};

/// Since the process started.
struct AddCounters {
  uint64_t blocks_put = 0;  ///< blocks that the IPFS node took
  uint64_t blocks_put_errors = 0;
  uint64_t blocks_added = 0;  ///< blocks that the adds of this peer made
  uint64_t blocks_added_bytes = 0;
};

/// One HTTP server of this peer.
struct HttpFigures {
  std::string api;  ///< label: "restapi", "gateway", …
  uint64_t requests = 0;
  uint64_t connections = 0;
};

/// What the Go program has no names for.
struct ClusterFigures {
  uint64_t applied_index = 0;  ///< of the log, in this peer's state
  uint64_t feed_lag = 0;       ///< entries of it that the tracker has not taken up yet
  uint64_t raft_term = 0;
  bool leads = false;
  uint64_t work = 0;                  ///< pins with copies on the move
  double oldest_pending_seconds = 0;  ///< of what this peer's tracker has queued or under way
};

/// A folder of this peer's data.
struct Folder {
  std::string name;  ///< label: "state", "blocks", …
  std::string path;
};

/// Where the figures come from: called on the I/O thread for every scrape, so they must be cheap. An unset source's
/// series are left out.
struct MetricsSources {
  std::string version;  ///< label of ipfscluster_build_info
  std::function<PinFigures()> pins;
  std::function<PinCounters()> pin_counters;
  std::function<AddCounters()> adds;
  /// Weight of the newest disk metric ("freespace" or "reposize"); nullopt = none yet.
  std::function<std::optional<double>()> informer_disk;
  std::function<ClusterFigures()> cluster;
  std::vector<Folder> folders;  ///< the bytes in each are looked up with every scrape
  std::function<std::vector<HttpFigures>()> http;
};

/// I/O thread only. Must outlive the server whose handler it is.
class Metrics {
 public:
  Metrics(Runtime& runtime, MetricsSources sources) : runtime_(runtime), sources_(std::move(sources)) {}

  /// GET|HEAD /metrics; 404 and 405 otherwise.
  Task<> handle(net::Request& request, net::Response& response);
  net::Handler handler() {
    return [this](net::Request& request, net::Response& response) { return handle(request, response); };
  }

  /// The whole text. Costs a pool thread about a millisecond for the figures of the process (from
  /// /proc), and a look at each file of the folders.
  Task<std::string> text();

 private:
  Runtime& runtime_;
  MetricsSources sources_;
};

}  // namespace ipfsc::api::metrics
