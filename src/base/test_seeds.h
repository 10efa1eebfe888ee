// Tests only: the seeds of a simulation.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <vector>

namespace ipfsc {

/// `count` seeds from `from` on; `./dev sim --seeds N --from S` asks for others through SIM_SEEDS and SIM_FROM.
inline std::vector<uint64_t> sim_seeds(uint64_t from, uint64_t count) {
  auto asked = [](const char* name, uint64_t standard) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : standard;
  };
  from = asked("SIM_FROM", from);
  std::vector<uint64_t> seeds(asked("SIM_SEEDS", count));
  std::iota(seeds.begin(), seeds.end(), from);
  return seeds;
}

}  // namespace ipfsc
