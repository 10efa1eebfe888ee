#include "net/http_client.h"

#include "base/task_group.h"
#include "net/test_support.h"

namespace ipfsc::net {
namespace {

TEST(Endpoint, FromUrl) {
  auto endpoint = Endpoint::from_url("https://us%65r:p%40ss@[::1]:8443/base/");
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  EXPECT_TRUE(endpoint->tls);
  EXPECT_EQ(endpoint->host, "::1");
  EXPECT_EQ(endpoint->port, 8443);
  EXPECT_EQ(endpoint->base_path, "/base");
  EXPECT_EQ(endpoint->authorization, basic_auth("user", "p@ss"));
  EXPECT_EQ(endpoint->authority(), "[::1]:8443");
  EXPECT_EQ(Endpoint::from_url("http://example.com")->port, 80);
  EXPECT_EQ(Endpoint::from_url("http://example.com")->authority(), "example.com");
  for (auto url : {"", "example.com", "ftp://x", "http://", "http://:80", "http://x:0", "http://x:70000", "http://x:a",
                   "http://[::1", "http://x/?q", "http://x y", "http://x/a b"}) {
    EXPECT_FALSE(Endpoint::from_url(url)) << url;
  }
}

TEST(Endpoint, FromMultiaddr) {
  auto of = [](std::string_view text) { return Endpoint::from_multiaddr(*ipld::Multiaddr::parse(text)); };
  EXPECT_EQ(of("/ip4/127.0.0.1/tcp/5001")->authority(), "127.0.0.1:5001");
  EXPECT_TRUE(of("/dns4/example.com/tcp/443/https")->tls);
  EXPECT_EQ(of("/unix/run/x.sock")->unix_path, "/run/x.sock");
  EXPECT_FALSE(of("/ip4/127.0.0.1/udp/1"));
}

/// A server that sends the given bytes to each connection after its request's head, then closes.
class CannedServer {
 public:
  CannedServer(RealRuntime& runtime, std::vector<std::string> answers)
      : acceptor_(runtime.context(), {boost::asio::ip::make_address("127.0.0.1"), 0}),
        answers_(std::move(answers)),
        tasks_(runtime) {
    endpoint.host = "127.0.0.1";
    endpoint.port = acceptor_.local_endpoint().port();
    tasks_.spawn("canned server", serve());
  }
  Task<> stop() {
    co_await tasks_.stop();
    co_return Result<>{};
  }
  Endpoint endpoint;
  size_t accepted = 0;

 private:
  Task<> serve() {
    for (auto& answer : answers_) {
      auto socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
      ++accepted;
      std::string text;
      char piece[1000];
      while (text.find("\r\n\r\n") == std::string::npos) {
        auto [ec, n] = co_await socket.async_read_some(boost::asio::buffer(piece),
                                                       boost::asio::as_tuple(boost::asio::use_awaitable));
        if (ec) break;
        text.append(piece, n);
      }
      co_await boost::asio::async_write(socket, boost::asio::buffer(answer),
                                        boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    co_return Result<>{};
  }
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<std::string> answers_;
  TaskGroup tasks_;
};

void with_canned(std::vector<std::string> answers, std::function<Task<>(HttpClient&, CannedServer&)> test,
                 ClientOptions options = {}) {
  RealRuntime runtime;
  CannedServer server(runtime, std::move(answers));
  HttpClient client(runtime, options);
  auto result = runtime.run_task(with_deadline(runtime, runtime.now() + kTestLimit, "the test", test(client, server)));
  EXPECT_TRUE(result) << result.error().message;
  (void)runtime.run_task(server.stop());
}

TEST(HttpClient, BadAnswersAreErrors) {
  const std::pair<std::string, ErrorKind> cases[] = {
      {"", ErrorKind::kUnavailable},
      {"garbage\r\n\r\n", ErrorKind::kUnavailable},
      {"HTTP/1.1 200 OK\r\nContent-Le", ErrorKind::kUnavailable},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", ErrorKind::kUnavailable},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ErrorKind::kUnavailable},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n", ErrorKind::kUnavailable},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n", ErrorKind::kResourceExhausted},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'a'), ErrorKind::kResourceExhausted},
  };
  for (const auto& [answer, kind] : cases) {
    with_canned({answer}, [&](HttpClient& client, CannedServer& server) -> Task<> {
      auto got = co_await client.fetch({.endpoint = server.endpoint}, 1000);
      EXPECT_FALSE(got) << answer.substr(0, 60);
      if (!got) EXPECT_EQ(got.error().kind, kind) << got.error().message << "\n" << answer.substr(0, 60);
      EXPECT_EQ(client.open_connections(), client.idle_connections());
      co_return Result<>{};
    });
  }
}

TEST(HttpClient, ReadsBodiesToTheEndTrailersAndInterimAnswers) {
  with_canned({"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
               "chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Stream-Error: bad\r\n\r\n",
               "HTTP/1.0 200 OK\r\n\r\nto the end"},
              [](HttpClient& client, CannedServer& server) -> Task<> {
                CO_TRY_ASSIGN(auto first, co_await client.fetch({.endpoint = server.endpoint}, 1000));
                EXPECT_EQ(first.body, "abc");
                EXPECT_EQ(*find_header(first.trailers, "x-stream-error"), "bad");
                CO_TRY_ASSIGN(auto second, co_await client.fetch({.endpoint = server.endpoint}, 1000));
                EXPECT_EQ(second.body, "to the end");
                co_return Result<>{};
              });
}

TEST(HttpClient, ASilentServerTimesOut) {
  RealRuntime runtime;
  boost::asio::ip::tcp::acceptor acceptor(runtime.context(), {boost::asio::ip::make_address("127.0.0.1"), 0});
  HttpClient client(runtime, {.idle_timeout = std::chrono::milliseconds(80)});
  Endpoint endpoint{.host = "127.0.0.1", .port = acceptor.local_endpoint().port()};
  auto got = runtime.run_task(client.fetch({.endpoint = endpoint}, 1000));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kDeadlineExceeded) << got.error().message;
}

TEST(HttpClient, RefusedConnectionsSaySo) {
  RealRuntime runtime;
  uint16_t port;
  {
    boost::asio::ip::tcp::acceptor acceptor(runtime.context(), {boost::asio::ip::make_address("127.0.0.1"), 0});
    port = acceptor.local_endpoint().port();
  }
  HttpClient client(runtime);
  auto got = runtime.run_task(client.fetch({.endpoint = {.host = "127.0.0.1", .port = port}}, 1000));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kUnavailable);
  EXPECT_NE(got.error().message.find("refused"), std::string::npos) << got.error().message;
  EXPECT_EQ(client.open_connections(), client.idle_connections());
  got = runtime.run_task(client.fetch({.endpoint = {.unix_path = "/nonexistent/sock"}}, 1000));
  EXPECT_FALSE(got);
  got = runtime.run_task(client.fetch({.endpoint = {.host = "127.0.0.1", .port = port}, .target = "/a b"}, 1000));
  EXPECT_FALSE(got);
}

TEST(HttpClient, AClosedKeptConnectionIsReplaced) {
  // The server keeps connections for a moment only.
  auto options = quick_options();
  options.idle_timeout = std::chrono::milliseconds(30);
  TestServer server([](Request&, Response& r) -> Task<> { co_return r.send(200, "ok", ""); }, options);
  server.run([](TestServer& s) -> Task<> {
    HttpClient client(s.runtime);
    for (int i = 0; i < 5; ++i) {
      CO_TRY_ASSIGN(auto answer, co_await client.fetch({.method = "POST", .endpoint = s.endpoint, .body = "x"}, 100));
      EXPECT_EQ(answer.body, "ok");
      CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(i * 25)));
    }
    co_return Result<>{};
  }(server));
}

TEST(HttpClient, ConnectionsAreBounded) {
  TestServer server([](Request&, Response& r) -> Task<> { co_return r.send(200, "ok", ""); });
  server.run([](TestServer& s) -> Task<> {
    HttpClient client(s.runtime, {.max_connections = 2});
    CO_TRY_ASSIGN(auto first, co_await client.request({.endpoint = s.endpoint}));
    CO_TRY_ASSIGN(auto second, co_await client.request({.endpoint = s.endpoint}));
    EXPECT_EQ(client.open_connections(), 2u);
    auto third = co_await with_deadline(s.runtime, s.runtime.now() + std::chrono::milliseconds(50), "third",
                                        client.fetch({.endpoint = s.endpoint}, 100));
    EXPECT_FALSE(third);
    CO_TRY(co_await first.read_all(100));  // its connection is free again
    third = co_await client.fetch({.endpoint = s.endpoint}, 100);
    EXPECT_TRUE(third);
    CO_TRY(co_await second.read_all(100));
    co_return Result<>{};
  }(server));
}

TEST(HttpClient, AnEarlyRefusalOfAnUploadIsSeen) {
  auto options = quick_options();
  options.drain_bytes = 1000;
  TestServer server([](Request&, Response& r) -> Task<> { co_return r.send(413, "too much", ""); }, options);
  server.run([](TestServer& s) -> Task<> {
    HttpClient client(s.runtime);
    CO_TRY_ASSIGN(auto exchange, co_await client.open({.method = "POST", .endpoint = s.endpoint, .streamed = true}));
    std::string piece(1 << 16, 'x');
    Result<> written;
    for (int i = 0; i < 100 && written; ++i) written = co_await exchange.write(piece);
    CO_TRY(co_await exchange.response());
    EXPECT_EQ(exchange.status(), 413);
    CO_TRY_ASSIGN(auto body, co_await exchange.read_all(100));
    EXPECT_EQ(body, "too much");
    co_return Result<>{};
  }(server));
}

TEST(HttpClient, TlsIsVerified) {
  auto options = quick_options();
  options.header_timeout = std::chrono::seconds(5);
  options.tls = make_certificate("client");
  struct Removed {
    ~Removed() {
      std::remove(files.certificate_chain_file.c_str());
      std::remove(files.private_key_file.c_str());
    }
    TlsFiles files;
  } removed{options.tls};
  TestServer server(
      [](Request& request, Response& response) -> Task<> {
        CO_TRY_ASSIGN(auto body, co_await request.read_all(1 << 21));
        CO_TRY(response.begin({}));
        CO_TRY(co_await response.write(body));
        co_return response.end();
      },
      options);
  server.endpoint.tls = true;
  server.run([](TestServer& s, std::string ca) -> Task<> {
    HttpClient trusting(s.runtime, {.tls_ca_file = ca});
    std::string body(1 << 20, 'x');
    for (int i = 0; i < 2; ++i) {
      CO_TRY_ASSIGN(auto answer,
                    co_await trusting.fetch({.method = "POST", .endpoint = s.endpoint, .body = body}, 1 << 21));
      EXPECT_TRUE(answer.body == body);
    }
    HttpClient doubting(s.runtime);
    auto refused = co_await doubting.fetch({.endpoint = s.endpoint}, 100);
    EXPECT_FALSE(refused);
    auto by_name = s.endpoint;
    by_name.host = "localhost";
    refused = co_await trusting.fetch({.endpoint = by_name}, 100);
    EXPECT_FALSE(refused) << "the certificate is for another name";
    co_return Result<>{};
  }(server, options.tls.certificate_chain_file));
}

TEST(HttpServer, UnusableCertificatesAreNamed) {
  RealRuntime runtime;
  HttpServer server(runtime, {.tls = {"/nonexistent.crt", "/nonexistent.key"}},
                    [](Request&, Response&) -> Task<> { co_return Result<>{}; });
  auto listened = server.listen(*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/0"));
  ASSERT_FALSE(listened);
  EXPECT_NE(listened.error().message.find("/nonexistent.crt"), std::string::npos);
}

}  // namespace
}  // namespace ipfsc::net
