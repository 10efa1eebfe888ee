#include "net/stream.h"

#include <sys/socket.h>

#include <cerrno>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace ipfsc::net {
namespace asio = boost::asio;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

/// Two names, or one with a NUL in it, are as good as none.
std::string verified_common_name(SSL* ssl) {
  X509* certificate = SSL_get0_peer_certificate(ssl);
  if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) return {};
  auto* subject = X509_get_subject_name(certificate);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return name.find('\0') == std::string::npos ? name : std::string();
}

class PlainStream final : public Stream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}
  // The awaitables of the library are handed on as they are: one coroutine frame less for each operation.
  asio::awaitable<IoResult> read_some(asio::mutable_buffer into) override {
    return socket_.async_read_some(into, kTuple);
  }
  asio::awaitable<IoResult> write(Gather from) override { return asio::async_write(socket_, from, kTuple); }
  asio::awaitable<boost::system::error_code> handshake() override { co_return boost::system::error_code{}; }
  Socket& socket() override { return socket_; }

 private:
  Socket socket_;
};

class TlsStream final : public Stream {
 public:
  TlsStream(Socket socket, asio::ssl::context& context, asio::ssl::stream_base::handshake_type side)
      : stream_(std::move(socket), context), side_(side) {}
  asio::awaitable<IoResult> read_some(asio::mutable_buffer into) override {
    return stream_.async_read_some(into, kTuple);
  }
  asio::awaitable<IoResult> write(Gather from) override { return asio::async_write(stream_, from, kTuple); }
  asio::awaitable<boost::system::error_code> handshake() override {
    auto [ec] = co_await stream_.async_handshake(side_, kTuple);
    co_return ec;
  }
  std::string certificate_name() const override {
    return verified_common_name(const_cast<asio::ssl::stream<Socket>&>(stream_).native_handle());
  }
  Socket& socket() override { return stream_.next_layer(); }
  asio::ssl::stream<Socket>& tls() { return stream_; }

 private:
  asio::ssl::stream<Socket> stream_;
  asio::ssl::stream_base::handshake_type side_;
};

}  // namespace

void Stream::shutdown_send() {
  boost::system::error_code ignored;
  socket().shutdown(Socket::shutdown_send, ignored);
}

void Stream::close() {
  boost::system::error_code ignored;
  socket().close(ignored);
}

bool Stream::peer_closed() {
  if (!socket().is_open()) return true;
  char byte;
  auto n = ::recv(socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

std::unique_ptr<Stream> plain_stream(Socket socket) { return std::make_unique<PlainStream>(std::move(socket)); }

std::unique_ptr<Stream> tls_server_stream(Socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsStream>(std::move(socket), context, asio::ssl::stream_base::server);
}

std::unique_ptr<Stream> tls_client_stream(Socket socket, asio::ssl::context& context, const std::string& host) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), context, asio::ssl::stream_base::client);
  // Server name indication takes names only; a failure shows in the handshake.
  boost::system::error_code not_an_address;
  asio::ip::make_address(host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(stream->tls().native_handle(), host.c_str());
  stream->tls().set_verify_callback(asio::ssl::host_name_verification(host));
  return stream;
}

Result<std::shared_ptr<asio::ssl::context>> client_tls_context(const std::string& ca_file) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(asio::ssl::verify_peer);
  boost::system::error_code ec;
  context->set_default_verify_paths(ec);
  if (!ca_file.empty()) context->load_verify_file(ca_file, ec);
  if (ec) return fail(ErrorKind::kInvalidArgument, "TLS authorities " + ca_file + ": " + ec.message());
  return context;
}

}  // namespace ipfsc::net
