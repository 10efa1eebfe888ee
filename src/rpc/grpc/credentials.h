// Mutual TLS between peers (DESIGN: peers and trust): what a peer shows, and what it accepts of others.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "rpc/options.h"

namespace ipfsc::rpc {

/// Accepts any peer with a certificate of the cluster whose name is that of its key.
std::shared_ptr<grpc::ServerCredentials> server_credentials(const RpcOptions& options);
/// Accepts `expected` only.
std::shared_ptr<grpc::ChannelCredentials> channel_credentials(const RpcOptions& options, const ipld::PeerId& expected);

/// Before gRPC is used: its own error lines go to our log as debug lines; a refused handshake is a warning, at most one
/// a minute.
void prepare_library();

}  // namespace ipfsc::rpc
