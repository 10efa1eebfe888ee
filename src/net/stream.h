// Byte streams under HTTP: TCP and unix sockets, with or without TLS. Internal to net/.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <tuple>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>

#include "base/runtime.h"
#include "net/options.h"

namespace ipfsc::net {

using Socket = boost::asio::generic::stream_protocol::socket;
using IoResult = std::tuple<boost::system::error_code, size_t>;
/// What one write sends, in order; unused places are empty.
using Gather = std::array<boost::asio::const_buffer, 5>;

/// At most one read and one write at a time. An error is returned, never thrown, except operation_aborted for a
/// cancelled coroutine.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual boost::asio::awaitable<IoResult> read_some(boost::asio::mutable_buffer into) = 0;
  /// Everything, or an error.
  virtual boost::asio::awaitable<IoResult> write(Gather from) = 0;
  virtual boost::asio::awaitable<boost::system::error_code> handshake() = 0;
  /// After the handshake: the common name of the other side's verified certificate; "" when there is none, or not one.
  virtual std::string certificate_name() const { return {}; }
  virtual Socket& socket() = 0;

  /// Says the end of what we send.
  void shutdown_send();
  /// Pending operations end with an error.
  void close();
  /// True when the other side has closed or reset (bytes that wait are left there).
  bool peer_closed();
};

std::unique_ptr<Stream> plain_stream(Socket socket);
std::unique_ptr<Stream> tls_server_stream(Socket socket, boost::asio::ssl::context& context);
/// Verifies the certificate against `host` (a name or an IP address).
std::unique_ptr<Stream> tls_client_stream(Socket socket, boost::asio::ssl::context& context, const std::string& host);

Result<std::shared_ptr<boost::asio::ssl::context>> client_tls_context(const std::string& ca_file);

}  // namespace ipfsc::net
