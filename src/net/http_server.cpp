#include "net/http_server.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "base/check.h"
#include "base/log.h"
#include "base/task_group.h"
#include "net/server_connection.h"
#include "net/server_tls.h"

namespace ipfsc::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using unix_socket = asio::local::stream_protocol;

namespace {

const LogComponent kLog("net");
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr Duration kSilence = std::chrono::seconds(10);  // after saying that connections are turned away
constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    "Content-Length: 21\r\n\r\ntoo many connections\n";

/// The system gives the lowest number that is free: one from here on means that three quarters are open.
rlim_t first_spare_descriptor() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return RLIM_INFINITY;
  return limit.rlim_cur - limit.rlim_cur / 4;
}

std::string remote_text(const tcp::socket& socket) {
  boost::system::error_code ec;
  auto endpoint = socket.remote_endpoint(ec);
  if (ec) return "?";
  bool v6 = endpoint.address().is_v6();
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", endpoint.address().to_string(), v6 ? "]" : "", endpoint.port());
}
std::string remote_text(const unix_socket::socket&) { return "@"; }

void prepare(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
}
void prepare(unix_socket::socket&) {}

}  // namespace

struct HttpServer::Impl {
  Impl(Runtime& runtime, ServerOptions options, Handler handler, ServerHooks hooks)
      : shared(std::make_shared<ServerShared>(runtime, std::move(options), std::move(handler), std::move(hooks))),
        tasks(runtime) {
    renew_date();
  }

  void renew_date() {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(shared->runtime.wall_now().time_since_epoch());
    shared->date_line = "Date: " + http_date(seconds.count()) + "\r\n";
  }

  Result<> listen_tcp(const ipld::Multiaddr& address, const ipld::Multiaddr::HostPort& host_port);
  Result<> listen_unix(const ipld::Multiaddr& address, const std::string& path);
  template <class Protocol>
  Task<> accept_loop(std::shared_ptr<asio::basic_socket_acceptor<Protocol>> acceptor);
  template <class Protocol>
  void admit(asio::basic_stream_socket<Protocol> socket);
  Task<> sweep_loop();
  void look_at_certificates();
  void say_turned_away(bool few_descriptors);
  void close_listeners();

  std::shared_ptr<ServerShared> shared;
  TaskGroup tasks;
  std::unique_ptr<ServerTls> tls;
  std::vector<ipld::Multiaddr> addresses;
  std::vector<std::shared_ptr<tcp::acceptor>> tcp_acceptors;
  std::vector<std::shared_ptr<unix_socket::acceptor>> unix_acceptors;
  std::vector<std::string> unix_paths;
  bool sweeping = false;
  SteadyTime silent_until{};
};

HttpServer::HttpServer(Runtime& runtime, ServerOptions options, Handler handler, ServerHooks hooks)
    : impl_(std::make_shared<Impl>(runtime, std::move(options), std::move(handler), std::move(hooks))) {}

HttpServer::~HttpServer() { CHECK(impl_->shared->connections.empty()); }

const std::vector<ipld::Multiaddr>& HttpServer::addresses() const { return impl_->addresses; }
size_t HttpServer::connections() const { return impl_->shared->connections.size(); }
uint64_t HttpServer::requests() const { return impl_->shared->requests; }

Result<> HttpServer::listen(const ipld::Multiaddr& address) {
  auto& options = impl_->shared->options;
  if (options.tls.enabled() && !impl_->tls) {
    TRY_ASSIGN(impl_->tls, ServerTls::load(options.tls));
  }
  auto listened = [&]() -> Result<> {
    if (auto path = address.unix_path()) return impl_->listen_unix(address, *path);
    if (auto host_port = address.tcp()) return impl_->listen_tcp(address, *host_port);
    return fail(ErrorKind::kInvalidArgument, "only tcp and unix addresses can be listened on");
  }();
  if (!listened) return fail(listened.error().with_context("listening on " + address.to_string()));
  if (!impl_->sweeping) {
    impl_->sweeping = true;
    impl_->tasks.spawn("http sweep", impl_->sweep_loop());
  }
  return {};
}

namespace {

Error listen_error(const boost::system::error_code& ec) {
  return {ec == asio::error::address_in_use ? ErrorKind::kAlreadyExists : ErrorKind::kInvalidArgument, ec.message()};
}

Result<tcp::endpoint> resolve_here(Runtime& runtime, const ipld::Multiaddr::HostPort& host_port) {
  boost::system::error_code ec;
  if (!host_port.is_dns) {
    auto address = asio::ip::make_address(host_port.host, ec);
    if (ec) return fail(listen_error(ec));
    return tcp::endpoint(address, host_port.port);
  }
  tcp::resolver resolver(runtime.executor());
  auto found = resolver.resolve(host_port.host, std::to_string(host_port.port), ec);
  if (ec || found.empty()) return fail(ErrorKind::kInvalidArgument, "the name cannot be resolved");
  return found.begin()->endpoint();
}

}  // namespace

Result<> HttpServer::Impl::listen_tcp(const ipld::Multiaddr& address, const ipld::Multiaddr::HostPort& host_port) {
  TRY_ASSIGN(auto endpoint, resolve_here(shared->runtime, host_port));
  auto acceptor = std::make_shared<tcp::acceptor>(shared->runtime.executor());
  boost::system::error_code ec;
  acceptor->open(endpoint.protocol(), ec);
  if (!ec) acceptor->set_option(tcp::acceptor::reuse_address(true), ec);
  // "::" and "0.0.0.0" may be listened on side by side.
  if (!ec && endpoint.address().is_v6()) acceptor->set_option(asio::ip::v6_only(true), ec);
  if (!ec) acceptor->bind(endpoint, ec);
  if (!ec) acceptor->listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return fail(listen_error(ec));
  auto bound = acceptor->local_endpoint();
  TRY_ASSIGN(auto real, ipld::Multiaddr::parse(fmt::format("/{}/{}/tcp/{}", bound.address().is_v6() ? "ip6" : "ip4",
                                                           bound.address().to_string(), bound.port())));
  addresses.push_back(std::move(real));
  tcp_acceptors.push_back(acceptor);
  tasks.spawn("http listener " + address.to_string(), accept_loop<tcp>(acceptor));
  return {};
}

Result<> HttpServer::Impl::listen_unix(const ipld::Multiaddr& address, const std::string& path) {
  if (path.size() >= 108) return fail(ErrorKind::kInvalidArgument, "the path of a unix socket has at most 107 bytes");
  boost::system::error_code ec;
  unix_socket::endpoint endpoint(path);
  {  // A socket file that nobody answers on was left by a crash.
    unix_socket::socket probe(shared->runtime.executor());
    probe.connect(endpoint, ec);
    if (!ec) return fail(ErrorKind::kAlreadyExists, "another process listens there");
    if (ec == asio::error::connection_refused) ::unlink(path.c_str());
  }
  auto acceptor = std::make_shared<unix_socket::acceptor>(shared->runtime.executor());
  acceptor->open(endpoint.protocol(), ec);
  if (!ec) acceptor->bind(endpoint, ec);
  if (!ec) acceptor->listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return fail(listen_error(ec));
  addresses.push_back(address);
  unix_acceptors.push_back(acceptor);
  unix_paths.push_back(path);
  tasks.spawn("http listener " + address.to_string(), accept_loop<unix_socket>(acceptor));
  return {};
}

template <class Protocol>
Task<> HttpServer::Impl::accept_loop(std::shared_ptr<asio::basic_socket_acceptor<Protocol>> acceptor) {
  while (acceptor->is_open()) {
    auto [ec, socket] = co_await acceptor->async_accept(asio::as_tuple(asio::use_awaitable));
    if (!acceptor->is_open() || ec == asio::error::operation_aborted) break;
    if (ec) {
      // Too many open files, most likely: connections that end make room.
      kLog.warn("accepting a connection: {}", ec.message());
      CO_TRY(co_await shared->runtime.sleep_for(kAcceptPause));
      continue;
    }
    admit(std::move(socket));
  }
  co_return Result<>{};
}

void HttpServer::Impl::say_turned_away(bool few_descriptors) {
  auto now = shared->runtime.now();
  if (now < silent_until) return;
  silent_until = now + kSilence;
  kLog.warn("connections are turned away: {} are open here{}", shared->connections.size(),
            few_descriptors ? ", and few file descriptors are left (ulimit -n)" : ", the most that may be");
}

template <class Protocol>
void HttpServer::Impl::admit(asio::basic_stream_socket<Protocol> socket) {
  bool few_descriptors = static_cast<rlim_t>(socket.native_handle()) >= first_spare_descriptor();
  if (few_descriptors || shared->connections.size() >= shared->options.max_connections) {
    say_turned_away(few_descriptors);
    (void)::send(socket.native_handle(), kTooMany.data(), kTooMany.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  prepare(socket);
  auto remote = remote_text(socket);
  auto stream = tls ? tls_server_stream(std::move(socket), tls->context()) : plain_stream(std::move(socket));
  std::make_shared<ServerConnection>(shared, std::move(stream), std::move(remote))->start();
}

Task<> HttpServer::Impl::sweep_loop() {
  for (;;) {
    CO_TRY(co_await shared->runtime.sleep_for(shared->options.sweep_interval));
    ++shared->tick;
    renew_date();
    if (tls && shared->tick % shared->ticks(shared->options.tls_check_interval) == 0) look_at_certificates();
    // A connection that is aborted may leave the list at once.
    for (auto it = shared->connections.begin(); it != shared->connections.end();) (*it++)->sweep();
  }
}

void HttpServer::Impl::look_at_certificates() {
  auto changed = tls->refresh();
  if (!changed) {
    kLog.error("the new TLS certificates cannot be used, the old ones stay: {}", changed.error().message);
  } else if (*changed) {
    kLog.info("new TLS certificates are in use");
  }
}

Result<> HttpServer::set_tls(TlsFiles files) {
  if (files.enabled() != (impl_->tls != nullptr)) {
    return fail(ErrorKind::kFailedPrecondition, "a server begins or ends to speak TLS only at its start");
  }
  return impl_->tls ? impl_->tls->use(std::move(files)) : Result<>();
}

void HttpServer::set_max_connections(size_t most) { impl_->shared->options.max_connections = most; }

void HttpServer::Impl::close_listeners() {
  boost::system::error_code ignored;
  for (auto& acceptor : tcp_acceptors) acceptor->close(ignored);
  for (auto& acceptor : unix_acceptors) acceptor->close(ignored);
  for (auto& path : unix_paths) ::unlink(path.c_str());
  tcp_acceptors.clear();
  unix_acceptors.clear();
  unix_paths.clear();
}

asio::awaitable<void> HttpServer::stop(SteadyTime deadline) {
  auto impl = impl_;
  auto& shared = *impl->shared;
  shared.stopping = true;
  impl->close_listeners();
  auto all = [&](auto what) {
    for (auto it = shared.connections.begin(); it != shared.connections.end();) what(*it++);
  };
  all([](ServerConnection* connection) { connection->stop_when_idle(); });
  while (!shared.connections.empty()) {
    if (!co_await shared.changed.wait_until(deadline)) break;
    all([](ServerConnection* connection) { connection->stop_when_idle(); });
  }
  all([](ServerConnection* connection) { connection->abort(); });
  while (!shared.connections.empty()) (void)co_await shared.changed.wait();
  co_await impl->tasks.stop();
}

}  // namespace ipfsc::net
