// Options of the IPFS proxy (service.json's `api.ipfsproxy`).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/common/options.h"
#include "net/http_client.h"

namespace ipfsc::api::proxy {

struct ProxyOptions : common::HttpApiOptions {
  /// Kubo's RPC, to which everything goes that is not ours; none: the embedded node answers what it can.
  /// Its authorization, if any, is sent with requests that bring none of their own.
  std::optional<net::Endpoint> kubo;
  net::ClientOptions client = {.idle_timeout = std::chrono::hours(24),  // commands of Kubo may be silent for long
                               .max_connections = 4096};
  std::string version;  ///< of this program

  // Headers of Kubo's answers that ours get too.
  std::string extract_headers_path = "/api/v0/version";
  std::vector<std::string> extract_headers_extra;
  Duration extract_headers_ttl = std::chrono::minutes(5);      ///< 0 = for ever
  Duration extract_headers_timeout = std::chrono::seconds(2);  ///< what is late is left out
  Duration extract_headers_retry = std::chrono::seconds(10);   ///< after a failure
  size_t max_origins = 64;                                     ///< whose headers are kept

  size_t list_page = 1024;                      ///< pins that a listing has in memory
  size_t max_buffered_answer_bytes = 64 << 20;  ///< of add with stream-channels=false; beyond: an error
  size_t max_symlink_bytes = 4096;              ///< of a target
  size_t max_block_bytes = 2 << 20;             ///< of block/put, as Kubo's
  size_t max_big_block_bytes = 4 << 20;         ///< the same with allow-big-block
  size_t max_object_bytes = 64 << 10;           ///< of one line of Kubo's answer to block/put and dag/put
  Duration progress_interval = std::chrono::milliseconds(500);  ///< of pin/add with progress
};

}  // namespace ipfsc::api::proxy
