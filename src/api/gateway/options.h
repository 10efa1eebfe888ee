// Options of the HTTP gateway (service.json's `api.gateway` section).
#pragma once

#include <cstddef>
#include <vector>

#include "ipld/multiaddr.h"
#include "net/options.h"

namespace ipfsc::api::gateway {

struct GatewayOptions {
  net::ServerOptions server;
  std::vector<ipld::Multiaddr> addresses;  ///< where the server listens

  /// Answers that are being made at once; beyond: 503 with Retry-After. Each holds at most read_ahead_blocks blocks.
  size_t max_answers = 256;
  size_t read_ahead_blocks = 4;  ///< of a file or a CAR, in memory
  /// A directory up to this size is listed by name; beyond, it is listed in the order of its blocks.
  size_t sorted_entries = 10'000;
  /// CIDs that a CAR remembers, so that a block is sent once (about 60 bytes each); beyond, blocks may come again.
  size_t car_seen_blocks = 1'000'000;
  /// CIDs that a CAR has still to visit; beyond, the answer is broken off.
  size_t car_pending_blocks = 1'000'000;
};

}  // namespace ipfsc::api::gateway
