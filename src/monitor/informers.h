// Informers: where the metrics of this peer come from. Names, values, weights and partitionability are Go's (reference:
// behaviour 4); `bandwidth` and `rtt` are additions.
//
// An informer is a Source, which asks somebody for figures, inside an Informer, which makes it harmless: a source that
// fails, throws or hangs yields no metric, and the log says why once.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/runtime.h"
#include "base/task.h"
#include "monitor/metric_store.h"

namespace ipfsc::monitor {

/// A metric without the peer and the times. What is not valid is not there: an allocator then leaves this peer out.
struct Finding {
  std::string name;
  std::string value;
  int64_t weight = 0;  ///< the higher, the better for an allocation
  bool partitionable = false;
  bool operator==(const Finding&) const = default;
};
using Findings = std::vector<Finding>;

/// Asks for figures, each time anew.
using Source = std::function<Task<Findings>()>;

struct DiskOptions {
  bool freespace = true;  ///< value and weight: bytes that the node may still take; not there when none is left
  bool reposize = true;   ///< value: bytes of the repo; weight: its negative
};
struct DiskFigures {
  uint64_t repo_size_bytes = 0;
  uint64_t storage_max_bytes = 0;
};
Source disk_source(DiskOptions options, std::function<Task<DiskFigures>()> figures);

/// `numpin`: pins of the IPFS node; weight: its negative.
Source numpin_source(std::function<Task<uint64_t>()> pins);

struct TagsOptions {
  std::map<std::string, std::string> tags;  ///< `tag:<name>`: partitionable, weight 0
  size_t max_tags = 32;                     ///< the others, by name, are left out
};
Source tags_source(TagsOptions options);

struct PinqueueOptions {
  int64_t weight_bucket_size = 100'000;  ///< weight: −(queued / this), integer division; 0 or less = 1
};
/// `pinqueue`: pins that wait for the IPFS node.
Source pinqueue_source(PinqueueOptions options, std::function<Task<uint64_t>()> queued);

struct BandwidthOptions {
  int64_t weight_bucket_bytes = 1 << 20;  ///< weight: −(bytes a second / this); 0 or less = 1
};
struct BandwidthFigures {
  uint64_t in_bytes_per_second = 0;
  uint64_t out_bytes_per_second = 0;
};
/// `bandwidth`: bytes a second in use, both directions together.
Source bandwidth_source(BandwidthOptions options, std::function<Task<BandwidthFigures>()> figures);

/// `rtt`: median of the round trips to the other peers in microseconds; weight: its negative. Not there without any.
Source rtt_source(std::function<Task<std::vector<Duration>>()> round_trips);

struct InformerOptions {
  std::string name;  ///< for the log
  Duration ttl = std::chrono::seconds(30);
  Duration timeout = std::chrono::seconds(10);  ///< of one question; a shorter ttl is the limit
  Duration retry = std::chrono::seconds(15);    ///< until the next question when there was no metric
};

/// Not thread safe: I/O thread only.
class Informer {
 public:
  Informer(Runtime& runtime, ipld::PeerId self, InformerOptions options, Source source)
      : runtime_(runtime), self_(std::move(self)), options_(std::move(options)), source_(std::move(source)) {}

  /// Asks. Fails only with kCancelled; every other failure is an empty answer, logged when the one before was good or
  /// failed in another way. The stamp of the readings is the wall clock's nanoseconds.
  Task<std::vector<Reading>> read();
  /// Reads and gives the readings to `sink`, for ever: every ttl/2, after an empty answer `retry` later if that is
  /// sooner. Ends when cancelled; references must live until then.
  Task<> run(std::function<void(std::vector<Reading>)> sink);

  const std::string& name() const { return options_.name; }
  Duration ttl() const { return options_.ttl; }
  /// Why the last question had no answer; nullopt = it had one.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  void note(const Result<Findings>& answer);

  Runtime& runtime_;
  ipld::PeerId self_;
  InformerOptions options_;
  Source source_;
  std::optional<Error> failure_;
};

}  // namespace ipfsc::monitor
