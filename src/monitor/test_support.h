// Helpers of the tests of monitor/.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "ipld/peer_id.h"
#include "ipld/test_util.h"
#include "monitor/metric_store.h"

namespace ipfsc::monitor::testing {

using namespace std::chrono_literals;
using ipld::Random;

/// Peers in their order: peer(1) < peer(2) < …
inline ipld::PeerId peer(unsigned i) {
  std::string key("\x08\x01\x12\x20", 4);
  append_be32(key, i);
  return ipld::PeerId::from_public_key_protobuf(key + std::string(28, 'k'));
}
inline std::set<ipld::PeerId> peers(unsigned count) {
  std::set<ipld::PeerId> all;
  for (unsigned i = 1; i <= count; ++i) all.insert(peer(i));
  return all;
}

/// Both clocks of one peer, from fixed points.
inline Moment at(Duration since_start) {
  return {SteadyTime(1h) + since_start, WallTime(1'700'000'000s) + since_start};
}

inline Reading reading(std::string name, const ipld::PeerId& of, std::string value, uint64_t stamp,
                       Duration ttl = 30s) {
  return {.metric = {.name = std::move(name), .peer = of, .value = std::move(value), .valid = true},
          .ttl = ttl,
          .stamp = stamp};
}

inline std::vector<std::string> values(const std::vector<model::Metric>& metrics) {
  std::vector<std::string> all;
  for (const auto& metric : metrics) all.push_back(metric.value);
  return all;
}

}  // namespace ipfsc::monitor::testing
