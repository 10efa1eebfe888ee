// Between our bytes and gRPC's.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include "base/bytes.h"
#include "base/result.h"

namespace ipfsc::rpc {

/// Takes the bytes over without copying large ones.
grpc::ByteBuffer to_buffer(Bytes bytes);
/// Empty when the buffer is damaged (compressed wrongly).
std::optional<Bytes> from_buffer(const grpc::ByteBuffer& buffer);

grpc::Status to_status(const Result<>& result);
/// What a call ended with, from the caller's side. Errors of the handshake are told as what they mean. Only a call that
/// was given up here ends with kCancelled: a peer that stops during a call is kUnavailable.
Result<> from_status(const grpc::Status& status, bool given_up_here);

}  // namespace ipfsc::rpc
