// Options of the Kubo connector (service.json's ipfs_connector.ipfshttp).
#pragma once

#include <chrono>

#include "base/time.h"
#include "net/http_client.h"

namespace ipfsc::ipfs {

struct KuboOptions {
  net::Endpoint endpoint;  ///< of the RPC: http or https, TCP or unix socket, with its authorization
  Duration request_timeout = std::chrono::minutes(5);  ///< without a byte, for calls that have no limit of their own
  Duration pin_timeout = std::chrono::minutes(2);      ///< without progress
  Duration unpin_timeout = std::chrono::hours(3);
  Duration repogc_timeout = std::chrono::hours(24);
  bool unpin_disable = false;

  size_t max_block_bytes = 4 << 20;
  size_t max_answer_bytes = 1 << 20;  ///< of one that is not streamed
  size_t max_origins = 10;            ///< of one pin
  Duration origin_timeout = std::chrono::seconds(10);
  size_t max_pin_name_bytes = 255;  ///< Kubo refuses longer ones: those are not sent
};

}  // namespace ipfsc::ipfs
