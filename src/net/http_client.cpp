#include "net/http_client.h"

#include <list>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/http/error.hpp>

#include "base/check.h"
#include "base/deadline.h"
#include "base/notifier.h"
#include "net/parser.h"
#include "net/stream.h"

namespace ipfsc::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

constexpr Duration kMaxSweepInterval = std::chrono::milliseconds(500);
constexpr Duration kMinSweepInterval = std::chrono::milliseconds(5);
constexpr size_t kFirstReadBytes = 8 * 1024;

std::string pool_key(const Endpoint& endpoint) {
  return fmt::format("{}|{}|{}|{}", endpoint.tls ? "https" : "http", endpoint.host, endpoint.port, endpoint.unix_path);
}

std::string describe(const Endpoint& endpoint) {
  return endpoint.unix_path.empty() ? endpoint.authority() : "unix socket " + endpoint.unix_path;
}

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  Impl(Runtime& runtime, ClientOptions options)
      : runtime(runtime), options(std::move(options)), changed(runtime), timer(runtime.executor()) {}

  struct Idle {
    std::string key;
    std::unique_ptr<Stream> stream;
    SteadyTime since;
  };

  Task<std::unique_ptr<Stream>> connect(Endpoint endpoint);
  Task<> take_slot(const std::string& key, std::unique_ptr<Stream>& kept);
  Task<ClientExchange> open(ClientRequest request, bool fresh);
  void release(const std::string& key, std::unique_ptr<Stream> stream, bool keep);
  void arm();
  void sweep();

  Runtime& runtime;
  ClientOptions options;
  Notifier changed;
  asio::steady_timer timer;
  std::shared_ptr<asio::ssl::context> tls;
  std::list<Idle> idle;                        // oldest first
  std::list<ClientExchange::Impl*> exchanges;  // hold a connection
  size_t open_count = 0;                       // connections: in use, being made, and idle
  bool armed = false;
  bool closed = false;
};

struct ClientExchange::Impl : std::enable_shared_from_this<ClientExchange::Impl> {
  explicit Impl(std::shared_ptr<HttpClient::Impl> client) : client(std::move(client)) {}
  ~Impl() { drop(); }

  void attach(std::unique_ptr<Stream> stream);
  /// Gives the connection back (keep) or closes it.
  void drop(bool keep = false);
  Error lost(const boost::system::error_code& ec, std::string_view doing) const;
  asio::awaitable<boost::system::error_code> write(Gather gather);
  asio::awaitable<boost::system::error_code> read();
  Task<> read_head();
  Task<> send_head(std::string_view body);
  Task<> write_body(std::string_view bytes);
  void finish_message();

  std::shared_ptr<HttpClient::Impl> client;
  std::unique_ptr<Stream> stream;
  std::list<ClientExchange::Impl*>::iterator place;
  std::string key, where;
  ClientRequest request;
  Duration idle_timeout{};
  std::optional<SteadyTime> read_until, write_until;
  ReadBuffer in;
  size_t read_capacity = kFirstReadBytes;
  MessageHead head;
  std::optional<MessageParser<false>> parser;
  Headers headers;
  uint64_t body_sent = 0;
  std::string chunk_line;
  bool body_finished = false;
  bool chunked = false;
  bool reused = false;
  bool any_byte = false;
  bool head_done = false;
  bool timed_out = false;
  bool ended = false;
  bool writing = false;
  std::unique_ptr<Stream> given_up;  // closed under a write that still refers to it
};

// ---- the pool

HttpClient::HttpClient(Runtime& runtime, ClientOptions options)
    : impl_(std::make_shared<Impl>(runtime, std::move(options))) {}

HttpClient::~HttpClient() {
  impl_->closed = true;
  impl_->idle.clear();
  impl_->timer.cancel();
}

size_t HttpClient::idle_connections() const { return impl_->idle.size(); }
size_t HttpClient::open_connections() const { return impl_->open_count; }

Task<std::unique_ptr<Stream>> HttpClient::Impl::connect(Endpoint endpoint) {
  auto failed = [&](const boost::system::error_code& ec) {
    return fail(ErrorKind::kUnavailable, fmt::format("connecting to {}: {}", describe(endpoint), ec.message()));
  };
  constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
  std::vector<asio::generic::stream_protocol::endpoint> targets;
  if (!endpoint.unix_path.empty()) {
    if (endpoint.unix_path.size() >= 108)
      co_return fail(ErrorKind::kInvalidArgument, "the path of a unix socket has at most 107 bytes");
    targets.emplace_back(asio::local::stream_protocol::endpoint(endpoint.unix_path));
  } else {
    boost::system::error_code ec;
    if (auto address = asio::ip::make_address(endpoint.host, ec); !ec) {
      targets.emplace_back(tcp::endpoint(address, endpoint.port));
    } else {
      tcp::resolver resolver(runtime.executor());
      auto [error, found] = co_await resolver.async_resolve(endpoint.host, std::to_string(endpoint.port), kTuple);
      if (error) co_return failed(error);
      for (const auto& entry : found) targets.emplace_back(entry.endpoint());
    }
  }
  boost::system::error_code last = asio::error::host_not_found;
  for (const auto& target : targets) {
    Socket socket(runtime.executor());
    auto [ec] = co_await socket.async_connect(target, kTuple);
    last = ec;
    if (ec) continue;
    boost::system::error_code ignored;
    if (endpoint.unix_path.empty()) socket.set_option(tcp::no_delay(true), ignored);
    if (!endpoint.tls) co_return plain_stream(std::move(socket));
    if (!tls) {
      CO_TRY_ASSIGN(tls, client_tls_context(options.tls_ca_file));
    }
    auto stream = tls_client_stream(std::move(socket), *tls, endpoint.host);
    if (auto error = co_await stream->handshake()) co_return failed(error);
    co_return stream;
  }
  co_return failed(last);
}

/// Waits until one more connection may be open. `kept` is set when an idle one can be used.
Task<> HttpClient::Impl::take_slot(const std::string& key, std::unique_ptr<Stream>& kept) {
  for (;;) {
    for (auto it = idle.end(); it != idle.begin();) {  // the newest is least likely to have been closed
      --it;
      if (it->key != key) continue;
      kept = std::move(it->stream);
      it = idle.erase(it);
      // Bytes that nobody asked for, or the end: the server has given this connection up.
      if (!kept->peer_closed() && kept->socket().available() == 0) co_return Result<>{};
      kept.reset();
      --open_count;
    }
    if (open_count < options.max_connections) break;
    if (!idle.empty()) {
      idle.pop_front();
      --open_count;
      break;
    }
    CO_TRY(co_await changed.wait());
  }
  ++open_count;
  co_return Result<>{};
}

void HttpClient::Impl::release(const std::string& key, std::unique_ptr<Stream> stream, bool keep) {
  if (keep && !closed && options.max_idle_connections > 0) {
    if (idle.size() >= options.max_idle_connections) {
      idle.pop_front();
      --open_count;
    }
    idle.push_back({key, std::move(stream), runtime.now()});
    arm();
  } else {
    if (stream) stream->close();
    --open_count;
  }
  changed.notify_all();
}

void HttpClient::Impl::arm() {
  if (armed || closed || (exchanges.empty() && idle.empty())) return;
  armed = true;
  auto interval = kMaxSweepInterval;
  for (auto* exchange : exchanges) interval = std::min(interval, exchange->idle_timeout / 8);
  timer.expires_after(std::max(interval, kMinSweepInterval));
  timer.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    auto self = weak.lock();
    if (!self) return;
    self->armed = false;
    if (!ec) self->sweep();
  });
}

void HttpClient::Impl::sweep() {
  auto now = runtime.now();
  for (auto* exchange : exchanges) {
    if ((exchange->read_until && *exchange->read_until < now) ||
        (exchange->write_until && *exchange->write_until < now)) {
      exchange->timed_out = true;
      exchange->stream->close();
    }
  }
  while (!idle.empty() && idle.front().since + options.keep_idle < now) {
    idle.pop_front();
    --open_count;
  }
  arm();
}

Task<ClientExchange> HttpClient::Impl::open(ClientRequest request, bool fresh) {
  auto self = shared_from_this();
  auto exchange = std::make_shared<ClientExchange::Impl>(self);
  exchange->key = pool_key(request.endpoint);
  exchange->where = describe(request.endpoint);
  exchange->idle_timeout = request.idle_timeout > Duration::zero() ? request.idle_timeout : options.idle_timeout;
  exchange->request = std::move(request);
  if (fresh) {
    for (auto it = idle.begin(); it != idle.end();) {
      if (it->key == exchange->key) {
        it = idle.erase(it);
        --open_count;
      } else {
        ++it;
      }
    }
  }
  std::unique_ptr<Stream> stream;
  CO_TRY(co_await take_slot(exchange->key, stream));
  exchange->reused = stream != nullptr;
  if (!stream) {
    // The slot is given back on every way out, a thrown cancellation included.
    struct Slot {
      HttpClient::Impl& impl;
      bool kept = false;
      ~Slot() {
        if (!kept) impl.release({}, nullptr, false);
      }
    } slot{*this};
    CO_TRY_ASSIGN(stream,
                  co_await with_deadline(runtime, runtime.now() + options.connect_timeout,
                                         "connecting to " + exchange->where, connect(exchange->request.endpoint)));
    slot.kept = true;
  }
  exchange->attach(std::move(stream));
  auto sent = co_await exchange->send_head(exchange->request.streamed ? std::string_view{} : exchange->request.body);
  // When the server has closed meanwhile its last answer may still be there: response() tells.
  if (!sent && sent.error().kind != ErrorKind::kUnavailable) co_return fail(sent.error());
  co_return ClientExchange(exchange);
}

Task<ClientExchange> HttpClient::open(ClientRequest request) { return impl_->open(std::move(request), false); }

Task<ClientExchange> HttpClient::request(ClientRequest request) {
  auto impl = impl_;
  {
    CO_TRY_ASSIGN(auto exchange, co_await impl->open(request, false));
    auto answered = co_await exchange.response();
    if (answered) co_return exchange;
    bool stale =
        exchange.impl_->reused && !exchange.impl_->any_byte && answered.error().kind == ErrorKind::kUnavailable;
    if (!stale || request.streamed) co_return fail(answered.error());
  }
  CO_TRY_ASSIGN(auto exchange, co_await impl->open(std::move(request), true));
  CO_TRY(co_await exchange.response());
  co_return exchange;
}

Task<WholeResponse> HttpClient::fetch(ClientRequest request, size_t limit_bytes) {
  CO_TRY_ASSIGN(auto exchange, co_await this->request(std::move(request)));
  CO_TRY_ASSIGN(auto body, co_await exchange.read_all(limit_bytes));
  co_return WholeResponse{exchange.status(), exchange.headers(), std::move(body), exchange.trailers()};
}

// ---- one exchange

void ClientExchange::Impl::attach(std::unique_ptr<Stream> connection) {
  stream = std::move(connection);
  place = client->exchanges.insert(client->exchanges.end(), this);
  client->arm();
}

void ClientExchange::Impl::drop(bool keep) {
  if (!stream) return;
  client->exchanges.erase(place);
  if (writing) {  // the answer came before the request was sent
    stream->close();
    given_up = std::move(stream);
    client->release(key, nullptr, false);
    return;
  }
  client->release(key, std::move(stream), keep);
}

Error ClientExchange::Impl::lost(const boost::system::error_code& ec, std::string_view doing) const {
  if (timed_out) return {ErrorKind::kDeadlineExceeded, fmt::format("{} {}: nothing moved for too long", doing, where)};
  if (ec == asio::error::operation_aborted) return {ErrorKind::kCancelled, "cancelled"};
  return {ErrorKind::kUnavailable, fmt::format("{} {}: {}", doing, where, ec.message())};
}

asio::awaitable<boost::system::error_code> ClientExchange::Impl::write(Gather gather) {
  struct Writing {
    explicit Writing(Impl& exchange) : exchange(exchange) { exchange.writing = true; }
    ~Writing() {
      exchange.writing = false;
      exchange.write_until.reset();
      exchange.given_up.reset();
    }
    Impl& exchange;
  } writing_now(*this);
  write_until = client->runtime.now() + idle_timeout;
  auto [ec, n] = co_await stream->write(gather);
  co_return ec;
}

asio::awaitable<boost::system::error_code> ClientExchange::Impl::read() {
  auto space = in.prepare(std::max(read_capacity, in.capacity()));
  if (space.empty()) co_return asio::error::message_size;
  read_until = client->runtime.now() + idle_timeout;
  auto [ec, n] = co_await stream->read_some(asio::buffer(space.data(), space.size()));
  read_until.reset();
  if (n > 0) any_byte = true;
  in.commit(n);
  if (n == space.size()) read_capacity = std::min(read_capacity * 4, client->options.read_buffer_bytes);
  co_return ec;
}

Task<> ClientExchange::Impl::send_head(std::string_view body) {
  auto self = shared_from_this();
  auto has = [&](std::string_view name) { return find_header(request.headers, name) != nullptr; };
  std::string text = request.method + " " + request.endpoint.base_path + request.target + " HTTP/1.1\r\n";
  auto add = [&](std::string_view name, std::string_view value) {
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  };
  if (!has("Host")) add("Host", request.endpoint.authority());
  if (!client->options.user_agent.empty() && !has("User-Agent")) add("User-Agent", client->options.user_agent);
  if (!request.endpoint.authorization.empty() && !has("Authorization"))
    add("Authorization", request.endpoint.authorization);
  for (const auto& header : request.headers) add(header.name, header.value);
  for (const auto& header : request.headers) {
    if (header.name.find_first_of("\r\n: ") != std::string::npos ||
        header.value.find_first_of("\r\n") != std::string::npos) {
      co_return fail(ErrorKind::kInvalidArgument, "a request header has a character that is not allowed");
    }
  }
  if (text.substr(0, text.find("\r\n")).find_first_of("\n\t") != std::string::npos ||
      request.target.find(' ') != std::string::npos) {
    co_return fail(ErrorKind::kInvalidArgument, "the request target has a character that is not allowed");
  }
  if (request.streamed && !request.content_length) {
    chunked = true;
    add("Transfer-Encoding", "chunked");
  } else if (request.streamed) {
    add("Content-Length", std::to_string(*request.content_length));
  } else if (!body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
    add("Content-Length", std::to_string(body.size()));
  }
  text += "\r\n";
  body_finished = !request.streamed;
  if (auto ec = co_await write({asio::buffer(text), asio::buffer(body.data(), body.size())})) {
    co_return fail(lost(ec, "sending to"));
  }
  co_return Result<>{};
}

Task<> ClientExchange::Impl::write_body(std::string_view bytes) {
  auto self = shared_from_this();
  if (bytes.empty()) co_return Result<>{};
  if (!stream || ended)
    co_return fail(ErrorKind::kAborted, fmt::format("{} answered before the request was sent", where));
  CHECK(request.streamed && !body_finished);
  body_sent += bytes.size();
  Gather gather{};
  if (chunked) {
    chunk_line = fmt::format("{:x}\r\n", bytes.size());
    gather = {asio::buffer(chunk_line), asio::buffer(bytes.data(), bytes.size()), asio::buffer("\r\n", 2)};
  } else {
    gather = {asio::buffer(bytes.data(), bytes.size())};
  }
  if (auto ec = co_await write(gather)) co_return fail(lost(ec, "sending to"));
  co_return Result<>{};
}

Task<> ClientExchange::Impl::read_head() {
  auto self = shared_from_this();
  if (!stream) co_return fail(ErrorKind::kUnavailable, where + ": the connection is closed");
  for (;;) {  // over 1xx answers
    parser.emplace(head, static_cast<uint32_t>(client->options.max_header_bytes));
    if (request.method == "HEAD") parser->skip(true);
    while (!parser->is_header_done()) {
      boost::system::error_code ec = http::error::need_more;
      if (in.size() > 0) {
        auto used = parser->put(asio::buffer(in.data().data(), in.size()), ec);
        in.consume(used);
      }
      if (ec == http::error::header_limit)
        co_return fail(ErrorKind::kResourceExhausted, where + ": the answer's header is too large");
      if (ec && ec != http::error::need_more) {
        co_return fail(ErrorKind::kUnavailable, fmt::format("{}: the answer is not HTTP: {}", where, ec.message()));
      }
      if (parser->is_header_done()) break;
      read_capacity = std::max(read_capacity, std::min(in.size() * 2, client->options.max_header_bytes));
      if (auto error = co_await read()) {
        if (error == asio::error::message_size)
          co_return fail(ErrorKind::kResourceExhausted, where + ": the answer's header is too large");
        co_return fail(lost(error, "reading from"));
      }
    }
    if (head.status / 100 != 1 || head.status == 101) break;
  }
  if (head.transfer_encoding_refused)
    co_return fail(ErrorKind::kUnavailable, where + ": unsupported transfer encoding");
  head_done = true;
  for (const auto& span : head.fields) headers.push_back({std::string(head.name(span)), std::string(head.value(span))});
  if (parser->is_done()) finish_message();
  co_return Result<>{};
}

void ClientExchange::Impl::finish_message() {
  if (ended) return;
  ended = true;
  drop(body_finished && parser->keep_alive() && in.size() == 0);
}

ClientExchange::ClientExchange(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
ClientExchange::~ClientExchange() {
  if (impl_) impl_->drop();
}
ClientExchange::ClientExchange(ClientExchange&&) noexcept = default;
ClientExchange& ClientExchange::operator=(ClientExchange&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->drop();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Task<> ClientExchange::write(std::string_view bytes) { return impl_->write_body(bytes); }

Task<> ClientExchange::finish() {
  auto self = impl_;
  CHECK(self->request.streamed && !self->body_finished);
  if (!self->stream || self->ended) {
    co_return fail(ErrorKind::kAborted, fmt::format("{} answered before the request was sent", self->where));
  }
  if (!self->chunked && self->body_sent != self->request.content_length) {
    co_return fail(ErrorKind::kInternal, "the request's body does not have the announced length");
  }
  if (self->chunked) {
    if (auto ec = co_await self->write({asio::buffer("0\r\n\r\n", 5)})) co_return fail(self->lost(ec, "sending to"));
  }
  self->body_finished = true;
  co_return Result<>{};
}

Task<> ClientExchange::response() {
  if (impl_->head_done) co_return Result<>{};
  co_return co_await impl_->read_head();
}

int ClientExchange::status() const { return impl_->head.status; }
const Headers& ClientExchange::headers() const { return impl_->headers; }
const Headers& ClientExchange::trailers() const { return impl_->head.trailers; }

Task<std::string_view> ClientExchange::read_some() {
  auto self = impl_;
  CHECK(self->head_done);
  for (;;) {
    if (self->ended) co_return std::string_view{};
    if (!self->stream) co_return fail(ErrorKind::kUnavailable, self->where + ": the connection is closed");
    auto& parser = *self->parser;
    if (self->in.size() > 0) {
      parser.body = {};
      boost::system::error_code ec;
      auto used = parser.put(asio::buffer(self->in.data().data(), self->in.size()), ec);
      self->in.consume(used);
      if (ec && ec != http::error::need_more) {
        co_return fail(ErrorKind::kUnavailable, fmt::format("{}: malformed answer: {}", self->where, ec.message()));
      }
      // The view points into the buffer, which stays as it is until the next call.
      if (parser.is_done()) self->finish_message();
      if (!parser.body.empty()) co_return parser.body;
      if (!ec) continue;
    }
    auto ec = co_await self->read();
    if (ec == asio::error::eof || ec == asio::ssl::error::stream_truncated) {
      boost::system::error_code eof;
      parser.put_eof(eof);
      if (eof || ec != asio::error::eof)
        co_return fail(ErrorKind::kUnavailable, self->where + ": the answer ended too early");
      self->finish_message();
      co_return std::string_view{};
    }
    if (ec) co_return fail(self->lost(ec, "reading from"));
  }
}

Task<std::string> ClientExchange::read_all(size_t limit_bytes) {
  return net::read_all([this] { return read_some(); }, limit_bytes);
}

}  // namespace ipfsc::net
