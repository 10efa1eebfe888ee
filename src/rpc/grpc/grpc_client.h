// GrpcClient: calls to other peers over gRPC with mutual TLS. One connection a peer, made at the first call and again
// when it breaks.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/notifier.h"
#include "base/runtime.h"
#include "ipld/multiaddr.h"
#include "rpc/options.h"
#include "rpc/rpc.h"

namespace ipfsc::rpc {

/// I/O thread only. stop() before destruction.
class GrpcClient final : public PeerClient {
 public:
  GrpcClient(Runtime& runtime, RpcOptions options);
  ~GrpcClient() override;

  void set_addresses(const ipld::PeerId& peer, const std::vector<ipld::Multiaddr>& addresses) override;

  void retry_now(const ipld::PeerId& peer) override;

  Task<Bytes> call(ipld::PeerId peer, std::string_view method, Bytes request, SteadyTime deadline) override;
  std::unique_ptr<Stream> open(const ipld::PeerId& peer, std::string_view method) override;

  /// Cancels all calls and waits for their end; later calls fail.
  boost::asio::awaitable<void> stop();

 private:
  struct Connection;
  struct UnaryCall;
  class ClientCall;
  class ClientStream;
  struct Shared;

  Connection* connection_to(const ipld::PeerId& peer);

  std::shared_ptr<Shared> shared_;  // what calls under way need of us
  std::map<ipld::PeerId, std::unique_ptr<Connection>> connections_;
};

}  // namespace ipfsc::rpc
