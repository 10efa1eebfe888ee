// Options of the gateway (service.json's `api.gateway`).
#pragma once

#include <vector>

#include "ipld/multiaddr.h"
#include "net/options.h"

namespace ipfsc::api::gateway {

struct GatewayOptions {
  std::vector<ipld::Multiaddr> listen;
  net::ServerOptions http;
  size_t max_car_depth = 1024;          ///< of the blocks of ?format=car
  size_t directory_page = 256;          ///< entries of a listing in memory
  size_t max_listed_entries = 100'000;  ///< of one directory listing; beyond: it says that it is cut
};

}  // namespace ipfsc::api::gateway
