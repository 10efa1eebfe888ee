#include "monitor/informers.h"

#include <algorithm>
#include <limits>

namespace ipfsc::monitor {
namespace {

int64_t weight_of(uint64_t figure) {
  return static_cast<int64_t>(std::min<uint64_t>(figure, std::numeric_limits<int64_t>::max()));
}

Finding finding(std::string name, uint64_t figure, int64_t weight) {
  return {.name = std::move(name), .value = std::to_string(figure), .weight = weight};
}

int64_t bucket(int64_t size) { return std::max<int64_t>(size, 1); }

// The coroutines take everything by value: they outlive the call that makes them.

Task<Findings> read_disk(DiskOptions options, std::function<Task<DiskFigures>()> figures) {
  CO_TRY_ASSIGN(auto disk, co_await figures());
  Findings findings;
  if (options.freespace && disk.storage_max_bytes > disk.repo_size_bytes) {
    auto free = disk.storage_max_bytes - disk.repo_size_bytes;
    findings.push_back(finding("freespace", free, weight_of(free)));
  }
  if (options.reposize) {
    findings.push_back(finding("reposize", disk.repo_size_bytes, -weight_of(disk.repo_size_bytes)));
  }
  co_return findings;
}

Task<Findings> read_numpin(std::function<Task<uint64_t>()> pins) {
  CO_TRY_ASSIGN(auto count, co_await pins());
  co_return Findings{finding("numpin", count, -weight_of(count))};
}

Task<Findings> read_tags(TagsOptions options) {
  Findings findings;
  for (auto& [name, value] : options.tags) {
    if (findings.size() >= options.max_tags) break;
    findings.push_back({.name = "tag:" + name, .value = value, .partitionable = true});
  }
  co_return findings;
}

Task<Findings> read_pinqueue(PinqueueOptions options, std::function<Task<uint64_t>()> queued) {
  CO_TRY_ASSIGN(auto count, co_await queued());
  co_return Findings{finding("pinqueue", count, -(weight_of(count) / bucket(options.weight_bucket_size)))};
}

Task<Findings> read_bandwidth(BandwidthOptions options, std::function<Task<BandwidthFigures>()> figures) {
  CO_TRY_ASSIGN(auto rates, co_await figures());
  auto in = weight_of(rates.in_bytes_per_second), out = weight_of(rates.out_bytes_per_second);
  auto sum = static_cast<uint64_t>(in) + static_cast<uint64_t>(out);
  co_return Findings{finding("bandwidth", sum, -(weight_of(sum) / bucket(options.weight_bucket_bytes)))};
}

Task<Findings> read_rtt(std::function<Task<std::vector<Duration>>()> round_trips) {
  CO_TRY_ASSIGN(auto times, co_await round_trips());
  Findings findings;
  if (!times.empty()) {
    auto middle = times.begin() + static_cast<ptrdiff_t>((times.size() - 1) / 2);
    std::ranges::nth_element(times, middle);
    auto micros = std::max<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(*middle).count(), 0);
    findings.push_back(finding("rtt", static_cast<uint64_t>(micros), -micros));
  }
  co_return findings;
}

}  // namespace

Source disk_source(DiskOptions options, std::function<Task<DiskFigures>()> figures) {
  return [options, figures = std::move(figures)] { return read_disk(options, figures); };
}

Source numpin_source(std::function<Task<uint64_t>()> pins) {
  return [pins = std::move(pins)] { return read_numpin(pins); };
}

Source tags_source(TagsOptions options) {
  return [options = std::move(options)] { return read_tags(options); };
}

Source pinqueue_source(PinqueueOptions options, std::function<Task<uint64_t>()> queued) {
  return [options, queued = std::move(queued)] { return read_pinqueue(options, queued); };
}

Source bandwidth_source(BandwidthOptions options, std::function<Task<BandwidthFigures>()> figures) {
  return [options, figures = std::move(figures)] { return read_bandwidth(options, figures); };
}

Source rtt_source(std::function<Task<std::vector<Duration>>()> round_trips) {
  return [round_trips = std::move(round_trips)] { return read_rtt(round_trips); };
}

}  // namespace ipfsc::monitor
