#include "rpc/grpc/bytes.h"

#include <memory>
#include <vector>

#include "rpc/error_code.h"
#include "rpc/rpc.h"

namespace ipfsc::rpc {
namespace {

constexpr size_t kCopyBelow = 4096;
/// "failed to connect to all addresses; last error: UNKNOWN: ipv4:1.2.3.4:9096: Failed to …: reason" → from "1.2.3.4"
/// on.
std::string reason_of(const std::string& text) {
  constexpr std::string_view kLast = "last error: UNKNOWN: ";
  auto at = text.find(kLast);
  if (at == std::string::npos) return text;
  std::string_view rest = std::string_view(text).substr(at + kLast.size());
  for (std::string_view scheme : {"ipv4:", "ipv6:"}) {
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  }
  constexpr std::string_view kFailed = "Failed to connect to remote host: ";
  std::string out(rest);
  if (auto failed = out.find(kFailed); failed != std::string::npos) out.erase(failed, kFailed.size());
  return out;
}

constexpr size_t kMaxErrorBytes = 4096;  // of a message in a header

}  // namespace

grpc::ByteBuffer to_buffer(Bytes bytes) {
  if (bytes.size() < kCopyBelow) {
    grpc::Slice slice(bytes.data(), bytes.size());
    return {&slice, 1};
  }
  auto owned = std::make_unique<Bytes>(std::move(bytes));
  void* data = owned->data();
  size_t size = owned->size();
  grpc::Slice slice(data, size, [](void* bytes) { delete static_cast<Bytes*>(bytes); }, owned.release());
  return {&slice, 1};
}

std::optional<Bytes> from_buffer(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return std::nullopt;
  Bytes out;
  out.reserve(buffer.Length());
  for (const auto& slice : slices) out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return out;
}

grpc::Status to_status(const Result<>& result) {
  if (result) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(result.error().kind), result.error().message.substr(0, kMaxErrorBytes)};
}

Result<> from_status(const grpc::Status& status, bool given_up_here) {
  if (status.ok()) return {};
  const std::string& text = status.error_message();
  auto says = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  // Of a connection that came to nothing; the channel gives it either code.
  bool no_connection = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                       (status.error_code() == grpc::StatusCode::UNKNOWN && says("Custom verification check failed"));
  if (no_connection) {
    bool not_reached = text.starts_with("failed to connect") || text.starts_with("DNS resolution failed");
    if (says("certificate verify failed") || says("unknown ca") || says("UNKNOWN_CA") || says("bad certificate")) {
      return fail(ErrorKind::kUnauthenticated,
                  "the peer at that address belongs to another cluster: its secret and cluster.secret here differ");
    }
    if (says("Custom verification check failed")) {
      constexpr std::string_view kBefore = "error: UNAUTHENTICATED: ";
      auto reason = text.rfind(kBefore);
      return fail(ErrorKind::kUnauthenticated, reason == text.npos ? text : text.substr(reason + kBefore.size()));
    }
    if (not_reached) return fail(ErrorKind::kUnavailable, std::string(kNotReached) + reason_of(text));
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED && text == "Deadline Exceeded") {
    return fail(ErrorKind::kDeadlineExceeded, "no answer in time");
  }
  if (status.error_code() == grpc::StatusCode::CANCELLED && !given_up_here) {
    return fail(ErrorKind::kUnavailable, "the other peer has ended the call");
  }
  return fail(error_kind_of(status.error_code()), text);
}

}  // namespace ipfsc::rpc
