// How often an address may fail to log in.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace ipfsc::api::auth {

struct FailedTriesLimits {
  size_t most = 10;  ///< in a window, by one address; 0 = no limit
  Duration window = std::chrono::minutes(1);
  /// Addresses that are remembered; beyond, the one that has begun to fail the longest time ago is forgotten.
  size_t addresses = 10'000;
};

/// "192.0.2.1:5000" → "192.0.2.1"; of an IPv6 address its /64, which one customer has; "" for a unix socket, where no
/// one is limited: who may open it is decided by the file system.
std::string address_group(std::string_view remote);

/// A try that runs counts as failed until it has ended, so that many at once are not more than one after another. A
/// success forgives nothing: somebody with one good password must not have free tries at others. One thread.
class FailedTries {
 public:
  explicit FailedTries(FailedTriesLimits limits) : limits_(limits) {}
  void set_limits(FailedTriesLimits limits) { limits_ = limits; }

  /// Zero: it may try now. Else how long it has to wait.
  Duration wait(const std::string& group, SteadyTime now) const;
  void begin(const std::string& group, SteadyTime now);
  void end(const std::string& group, bool failed);
  /// begin() and end() in one.
  void failed(const std::string& group, SteadyTime now);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string group;
    SteadyTime since;
    size_t failed = 0, running = 0;
  };

  FailedTriesLimits limits_;
  std::list<Entry> entries_;  // the oldest window first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_group_;
};

}  // namespace ipfsc::api::auth
