// GrpcServer: answers the calls of other peers by a Router's methods, over mutual TLS.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/runtime.h"
#include "ipld/multiaddr.h"
#include "rpc/options.h"
#include "rpc/rpc.h"

namespace ipfsc::rpc {

class Meter;

/// I/O thread only. stop() before destruction.
class GrpcServer {
 public:
  /// `router` outlives the server and is not changed any more. `gatekeeper` decides on every call. `meter`, if any,
  /// counts them and outlives it too.
  GrpcServer(Runtime& runtime, RpcOptions options, const Router& router, Gatekeeper gatekeeper, Meter* meter = nullptr);
  ~GrpcServer();

  /// Listens on all of RpcOptions::listen and answers from now on. kAlreadyExists: an address is in use;
  /// kInvalidArgument: it cannot be listened on.
  Result<> start();
  /// What it listens on, with real ports.
  const std::vector<ipld::Multiaddr>& addresses() const { return addresses_; }
  /// Takes no new calls, gives those under way a moment, cancels the rest and waits for their end.
  Task<> stop();

 private:
  class Service;
  struct Shared;
  class ServerCall;

  std::shared_ptr<Shared> shared_;
  std::unique_ptr<Service> service_;
  std::vector<ipld::Multiaddr> addresses_;
};

}  // namespace ipfsc::rpc
