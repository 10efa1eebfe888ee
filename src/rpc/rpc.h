// Calls between peers: messages of bytes over named methods. The rooms above give them meaning and register their
// handlers; grpc/ carries them over mutual TLS, testing/sim_network.h over a simulated network.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "ipld/multiaddr.h"
#include "ipld/peer_id.h"

namespace ipfsc::rpc {

/// Who may call a method. Everyone who gets that far has proven to know the cluster's secret and to hold the key of the
/// peer id that it calls itself.
enum class Access : uint8_t {
  kMember,   ///< a peer of the cluster
  kOutsider  ///< anyone: for joining, and for being told that one may not
};

/// From the handler's side: the call that it answers.
struct CallInfo {
  ipld::PeerId caller;
  std::string remote;  ///< address of the connection, for logs
};

/// Messages in both directions, each side in order. One read and one write may be under way at a time. I/O thread only.
class Stream {
 public:
  /// Ends the call when it has not ended yet; the other side sees kCancelled.
  virtual ~Stream() = default;
  /// The next message; nullopt when the other side has sent its last. Errors: what the other side ended with, or
  /// kUnavailable when the connection broke.
  virtual Task<std::optional<Bytes>> read() = 0;
  /// Returns when the transport has taken the message, which waits while the other side does not read.
  virtual Task<> write(Bytes message) = 0;
  /// The calling side has no more to send. (A handler says so by returning.)
  virtual Task<> end_writes() = 0;
};

using UnaryHandler = std::function<Task<Bytes>(CallInfo, Bytes request)>;
/// The stream lives as long as the handler's task. An error that it returns is what the caller's read() fails with.
using StreamHandler = std::function<Task<>(CallInfo, Stream&)>;

/// The method table: who may call what, and who answers. Filled before the server starts.
class Router {
 public:
  struct Method {
    Access access = Access::kMember;
    UnaryHandler unary;  ///< one of the two is set
    StreamHandler stream;
  };
  /// `name` is "Service/Method"; never twice.
  void add_unary(std::string name, Access access, UnaryHandler handler);
  void add_stream(std::string name, Access access, StreamHandler handler);
  /// Null when there is no such method.
  const Method* find(std::string_view name) const;

 private:
  std::map<std::string, Method, std::less<>> methods_;
};

/// Decides on a caller before its call reaches a handler: kPermissionDenied with the reason, or fine.
using Gatekeeper = std::function<Result<>(const ipld::PeerId& caller, Access access)>;

/// Begins the message of a kUnavailable when the call certainly was not made: no connection came about.
inline constexpr std::string_view kNotReached = "not reached: ";
inline bool was_not_made(const Error& error) {
  return error.kind == ErrorKind::kUnauthenticated ||
         (error.kind == ErrorKind::kUnavailable && std::string_view(error.message).starts_with(kNotReached));
}

/// The seam to other peers. Errors of the handler come back as they are; kUnavailable: not reached, or the connection
/// broke on the way, in which case the call may have been answered; kUnauthenticated: the other side does not belong to
/// this cluster, with the reason. Every call ends by its deadline. I/O thread only.
class PeerClient {
 public:
  virtual ~PeerClient() = default;
  /// Where a peer is to be found, best first (only /ip4, /ip6 and /dns… with /tcp count). Calls to a peer without an
  /// address fail at once. A connection that stands is kept while its address is among the new ones.
  virtual void set_addresses(const ipld::PeerId& peer, const std::vector<ipld::Multiaddr>& addresses) = 0;
  /// The peer is there again: the next try to reach it need not wait.
  virtual void retry_now(const ipld::PeerId& peer) = 0;
  virtual Task<Bytes> call(ipld::PeerId peer, std::string_view method, Bytes request, SteadyTime deadline) = 0;
  /// Begins a stream; whether the peer can be reached is seen at the first read or write.
  virtual std::unique_ptr<Stream> open(const ipld::PeerId& peer, std::string_view method) = 0;
};

}  // namespace ipfsc::rpc
