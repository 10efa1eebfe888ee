// Options of the calls between peers.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "base/time.h"
#include "identity/cluster_authority.h"
#include "identity/identity.h"
#include "ipld/multiaddr.h"

namespace ipfsc::rpc {

struct RpcOptions {
  identity::Identity self;
  /// Signs our certificate; made of cluster.secret.
  identity::ClusterAuthority authority;
  /// Accepted beside `authority` while the secret is exchanged (cluster.previous_secret).
  std::optional<identity::ClusterAuthority> previous_authority;
  std::vector<ipld::Multiaddr> listen;  ///< /ip4|ip6/…/tcp/<port>; port 0 = any

  size_t max_message_bytes = 16 << 20;  ///< larger ones end their call
  /// On the way to a reader of one stream: bounds bytes a second to this by the round trip. It is not adapted: the
  /// pings by which gRPC would do that come after each answer, and are a third of what an idle leader costs.
  size_t window_bytes = 4 << 20;
  int max_streams = 1024;  ///< of one connection at a time
  Duration connect_timeout = std::chrono::seconds(5);
  Duration reconnect_at_first = std::chrono::milliseconds(100);
  Duration reconnect_at_most = std::chrono::seconds(2);
  /// A silent connection is probed, and given up without an answer.
  Duration keepalive = std::chrono::seconds(10);
  Duration keepalive_timeout = std::chrono::seconds(5);
  Duration stop_grace = std::chrono::seconds(1);  ///< for calls under way when the server stops
};

}  // namespace ipfsc::rpc
