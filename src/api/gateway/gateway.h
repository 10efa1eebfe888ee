// HTTP gateway: what this node holds, read with a browser or with any client of trustless gateways.
//
// GET|HEAD /ipfs/{cid}[/path], after the IPFS specifications "Path Gateway" and "Trustless Gateway". Nothing is fetched
// from elsewhere: a block that is not here is 404 with its CID. /ipns is not offered.
#pragma once

#include "api/gateway/options.h"
#include "base/runtime.h"
#include "ipfs/ipfs_node.h"
#include "net/http_server.h"

namespace ipfsc::api::gateway {

/// I/O thread only. Must outlive the server whose handler it is.
class Gateway {
 public:
  Gateway(Runtime& runtime, ipfs::IpfsNode& node, GatewayOptions options);

  /// Answers every path and method, also those that are not the gateway's (404, 405). An Error is returned only when
  /// the client is gone, or when a streamed answer cannot go on and has to be broken off.
  Task<> handle(net::Request& request, net::Response& response);
  /// handle() for net::HttpServer.
  net::Handler handler() {
    return [this](net::Request& request, net::Response& response) { return handle(request, response); };
  }

  /// Answers that are being made now.
  size_t active() const { return active_; }

 private:
  Runtime& runtime_;
  ipfs::IpfsNode& node_;
  const GatewayOptions options_;
  size_t active_ = 0;
};

}  // namespace ipfsc::api::gateway
