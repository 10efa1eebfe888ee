#include "net/http_server.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <random>

#include "base/notifier.h"
#include "net/parser.h"
#include "net/test_support.h"

namespace ipfsc::net {
namespace {

Handler ok(std::string body = "hello") {
  return [body](Request&, Response& response) -> Task<> { co_return response.send(200, body, "text/plain"); };
}

/// Echoes the body, one write for each piece that came.
Task<> echo(Request& request, Response& response) {
  CO_TRY(response.begin({.content_type = "application/octet-stream", .trailers = {"X-Stream-Error"}}));
  for (;;) {
    CO_TRY_ASSIGN(auto piece, co_await request.read_some());
    if (piece.empty()) break;
    CO_TRY(co_await response.write(std::string(piece)));
  }
  co_return response.end({{"X-Stream-Error", ""}});
}

/// The answer to `text` on a fresh connection that we close for sending afterwards.
Task<std::string> exchange(TestServer& server, std::string text) {
  RawConnection raw(server.runtime);
  CO_TRY(co_await raw.connect(server.endpoint));
  (void)co_await raw.send(std::move(text));
  raw.shutdown_send();
  co_return co_await raw.read_to_end();
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  TestServer server(ok());
  server.run([](TestServer& s) -> Task<> {
    RawConnection raw(s.runtime);
    CO_TRY(co_await raw.connect(s.endpoint));
    for (int i = 0; i < 3; ++i) {
      CO_TRY(co_await raw.send("GET /x?a=b HTTP/1.1\r\nHost: h\r\n\r\n"));
      CO_TRY_ASSIGN(auto answer, co_await raw.read_until("hello"));
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
      EXPECT_NE(answer.find("\r\nContent-Length: 5\r\n"), std::string::npos);
    }
    EXPECT_EQ(s.server.connections(), 1u);
    EXPECT_EQ(s.server.requests(), 3u);
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, AChunkedBodyMayComeByteByByte) {
  for (std::string body : {"", "a", "0", "00000", "hello 0\r\n\r\n"}) {
    std::string text = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (char c : body) text += fmt::format("1\r\n{}\r\n", c);
    text += "0\r\nT: 1\r\n\r\n";
    for (size_t step : {1, 2, 3, 7}) {
      MessageHead head;
      MessageParser<true> parser(head, 4096);
      std::string waiting, got;
      boost::system::error_code ec;
      for (size_t at = 0; at < text.size(); at += step) {
        waiting += text.substr(at, step);
        do {
          parser.body = {};
          auto used = parser.put(boost::asio::buffer(waiting), ec);
          got += parser.body;
          waiting.erase(0, used);
        } while (!ec && !waiting.empty() && !parser.is_done());
      }
      EXPECT_TRUE(parser.is_done() && waiting.empty()) << body << " " << step << " " << ec.message();
      EXPECT_EQ(got, body);
      ASSERT_EQ(head.trailers.size(), 1u);
    }
  }
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  TestServer server([](Request& request, Response& response) -> Task<> {
    CO_TRY_ASSIGN(auto body, co_await request.read_all(100));
    co_return response.send(200, request.path() + "=" + body + ";", "text/plain");
  });
  server.run([](TestServer& s) -> Task<> {
    RawConnection raw(s.runtime);
    CO_TRY(co_await raw.connect(s.endpoint));
    std::string all;
    for (int i = 0; i < 50; ++i) {
      all += fmt::format("POST /{} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", i);
      all += fmt::format(
          "POST /c{} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n2;e=v\r\nyz\r\n0\r\nT: "
          "1\r\n\r\n",
          i);
    }
    CO_TRY(co_await raw.send(all));
    for (int i = 0; i < 50; ++i) {
      CO_TRY_ASSIGN(auto first, co_await raw.read_until(";"));
      EXPECT_TRUE(first.ends_with(fmt::format("\r\n/{}=ab;", i))) << first;
      CO_TRY_ASSIGN(auto second, co_await raw.read_until(";"));
      EXPECT_TRUE(second.ends_with(fmt::format("\r\n/c{}=xyz;", i))) << second;
    }
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, MalformedRequestsGetAnErrorAndOthersAreServed) {
  TestServer server([](Request& request, Response& response) -> Task<> {
    CO_TRY_ASSIGN(auto body, co_await request.read_all(1 << 20));
    co_return response.send(200, "ok", "text/plain");
  });
  server.run([](TestServer& s) -> Task<> {
    const std::pair<std::string, std::string> cases[] = {
        {"nonsense\r\n\r\n", "400"},
        {"GET / HTTP/9.9\r\n\r\n", "505"},
        {"GET / HTTP/1.1\r\n\r\n", "400"},  // no Host
        {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET nowhere HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /?a=%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "501"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc", "400"},  // truncated
        {"POST / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n", "400"},
        {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", "431"},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(9000, 'a') + "\r\n\r\n", "431"},
        {std::string(9000, 'A'), "4"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(300000, 'a') + "\r\n",
         "400"},
    };
    for (const auto& [text, status] : cases) {
      CO_TRY_ASSIGN(auto answer, co_await exchange(s, text));
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + status)) << text.substr(0, 80) << "\n-> " << answer.substr(0, 200);
      EXPECT_NE(answer.find("Connection: close"), std::string::npos) << text.substr(0, 80);
      CO_TRY_ASSIGN(auto good, co_await exchange(s, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
      EXPECT_TRUE(good.starts_with("HTTP/1.1 200")) << good;
    }
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, RandomBytesNeverStopIt) {
  TestServer server(&echo);
  server.run([](TestServer& s) -> Task<> {
    std::mt19937 random(3);
    const std::string valid =
        "POST /a?b=c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for (int i = 0; i < 300; ++i) {
      auto text = valid;
      for (size_t n = 1 + random() % 4; n > 0; --n) text[random() % text.size()] = static_cast<char>(random());
      (void)co_await exchange(s, text);
    }
    CO_TRY_ASSIGN(auto good, co_await exchange(s, valid));
    EXPECT_NE(good.find("hello"), std::string::npos);
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, HeaderLimitCountsLineAndFields) {
  TestServer server(ok());
  server.run([](TestServer& s) -> Task<> {
    auto request = [](size_t size) {
      std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
      return head + std::string(size - head.size() - 4, 'a') + "\r\n\r\n";
    };
    CO_TRY_ASSIGN(auto fits, co_await exchange(s, request(8192)));
    EXPECT_TRUE(fits.starts_with("HTTP/1.1 200")) << fits;
    CO_TRY_ASSIGN(auto beyond, co_await exchange(s, request(8193)));
    EXPECT_TRUE(beyond.starts_with("HTTP/1.1 431")) << beyond;
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, SlowHeadersAndIdleConnectionsAreClosed) {
  auto options = quick_options();
  options.idle_timeout = std::chrono::milliseconds(150);
  TestServer server(ok(), options);
  server.run([](TestServer& s) -> Task<> {
    RawConnection silent(s.runtime), loris(s.runtime), idle(s.runtime);
    CO_TRY(co_await silent.connect(s.endpoint));
    CO_TRY(co_await loris.connect(s.endpoint));
    CO_TRY(co_await idle.connect(s.endpoint));
    CO_TRY(co_await idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    CO_TRY(co_await idle.read_until("hello"));
    auto start = s.runtime.now();
    const std::string slow = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(1000, 'a');
    size_t at = 0;
    while (at < slow.size() && co_await loris.send(slow.substr(at, 1))) {
      ++at;
      CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(5)));
    }
    EXPECT_LT(at, slow.size());
    CO_TRY_ASSIGN(auto nothing, co_await silent.read_to_end());
    EXPECT_EQ(nothing, "");
    CO_TRY_ASSIGN(auto ended, co_await idle.read_to_end());
    EXPECT_EQ(ended, "");
    EXPECT_LT(s.runtime.now() - start, std::chrono::seconds(5));
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, AWholeRequestHasItsTime) {
  auto options = quick_options();
  options.read_timeout = std::chrono::milliseconds(150);
  TestServer server(&echo, options);
  server.run([](TestServer& s) -> Task<> {
    RawConnection trickle(s.runtime);
    CO_TRY(co_await trickle.connect(s.endpoint));
    CO_TRY(co_await trickle.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n"));
    size_t sent = 0;
    while (sent < 5000 && co_await trickle.send("a")) {
      ++sent;
      CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(5)));
    }
    EXPECT_LT(sent, 5000u);
    // The time counts for each request, not for the connection.
    RawConnection kept(s.runtime);
    CO_TRY(co_await kept.connect(s.endpoint));
    auto start = s.runtime.now();
    while (s.runtime.now() - start < std::chrono::milliseconds(450)) {
      CO_TRY(co_await kept.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"));
      CO_TRY_ASSIGN(auto answer, co_await kept.read_until("hello"));
      EXPECT_NE(answer.find("HTTP/1.1 200"), std::string::npos)
          << answer;  // the last chunk of the one before is in front
    }
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, AWholeAnswerHasItsTime) {
  auto options = quick_options();
  options.write_timeout = std::chrono::milliseconds(150);
  bool cancelled = false;
  Runtime* runtime = nullptr;
  TestServer server(
      [&](Request& request, Response& response) -> Task<> {
        if (request.path() == "/quick") co_return response.send(200, "quick", "text/plain");
        struct AtEnd {
          bool& cancelled;
          ~AtEnd() { cancelled = true; }
        } at_end{cancelled};
        CO_TRY(response.begin({.content_type = "text/plain"}));
        for (;;) {
          CO_TRY(co_await response.write("more\n"));
          CO_TRY(co_await runtime->sleep_for(std::chrono::milliseconds(5)));
        }
      },
      options);
  runtime = &server.runtime;
  server.run([](TestServer& s) -> Task<> {
    RawConnection endless(s.runtime);
    CO_TRY(co_await endless.connect(s.endpoint));
    CO_TRY(co_await endless.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n"));
    CO_TRY_ASSIGN(auto part, co_await endless.read_to_end());
    EXPECT_NE(part.find("more"), std::string::npos);
    EXPECT_FALSE(part.ends_with("0\r\n\r\n"));
    CO_TRY_ASSIGN(auto good, co_await exchange(s, "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE(good.starts_with("HTTP/1.1 200")) << good;
    co_return Result<>{};
  }(server));
  EXPECT_TRUE(cancelled);
}

TEST(HttpServer, StalledBodiesAndReadersAreClosed) {
  auto options = quick_options();
  options.transfer_timeout = std::chrono::milliseconds(100);
  bool cancelled = false;
  TestServer server(
      [&cancelled](Request& request, Response& response) -> Task<> {
        struct AtEnd {
          bool& flag;
          ~AtEnd() { flag = true; }
        } at_end{cancelled};
        if (request.path() == "/sink") {
          CO_TRY(co_await request.read_all(1 << 20));
          co_return response.send(200, "all", "");
        }
        CO_TRY(response.begin({}));
        for (;;) CO_TRY(co_await response.write(std::string(100'000, 'x')));
      },
      options);
  server.run([](TestServer& s, bool& ended) -> Task<> {
    RawConnection body(s.runtime);
    CO_TRY(co_await body.connect(s.endpoint));
    CO_TRY(co_await body.send("POST /sink HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc"));
    CO_TRY_ASSIGN(auto answer, co_await body.read_to_end());
    EXPECT_EQ(answer.find("200 OK"), std::string::npos) << answer;
    EXPECT_TRUE(std::exchange(ended, false));
    RawConnection reader(s.runtime);
    CO_TRY(co_await reader.connect(s.endpoint));
    CO_TRY(co_await reader.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
    while (!ended) CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(5)));
    co_return Result<>{};
  }(server, cancelled));
}

TEST(HttpServer, ReadingAndWritingAtOnceLeavesNoTimeoutBehind) {
  constexpr size_t kLarge = 16 << 20;  // more than the sockets take
  auto options = quick_options();
  options.transfer_timeout = std::chrono::seconds(2);
  TestServer* running = nullptr;
  TestServer server(
      [&running](Request& request, Response& response) -> Task<> {
        using boost::asio::experimental::awaitable_operators::operator&&;
        CO_TRY(response.begin({}));
        std::string large(kLarge, 'x');
        auto [body, written] = co_await (request.read_all(100) && response.write(large));
        EXPECT_EQ(body, "half and half");
        CO_TRY(written);
        CO_TRY(co_await running->runtime.sleep_for(std::chrono::milliseconds(2500)));
        co_return response.end();
      },
      options);
  running = &server;
  server.run([](TestServer& s) -> Task<> {
    HttpClient client(s.runtime);
    CO_TRY_ASSIGN(auto exchange, co_await client.open({.method = "POST", .endpoint = s.endpoint, .streamed = true}));
    CO_TRY(co_await exchange.write("half "));
    CO_TRY(co_await exchange.response());
    CO_TRY(co_await exchange.read_some());  // the server writes, and waits for the other half
    CO_TRY(co_await exchange.write("and half"));
    CO_TRY(co_await exchange.finish());
    while (true) {
      CO_TRY_ASSIGN(auto piece, co_await exchange.read_some());
      if (piece.empty()) break;
    }
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, AVanishedClientCancelsTheHandler) {
  bool ended = false;
  RealRuntime* clock = nullptr;
  TestServer server([&](Request&, Response& response) -> Task<> {
    struct AtEnd {
      bool& flag;
      ~AtEnd() { flag = true; }
    } at_end{ended};
    CO_TRY(co_await clock->sleep_for(std::chrono::hours(1)));
    co_return response.send(200, "", "");
  });
  clock = &server.runtime;
  server.run([](TestServer& s, bool& ended) -> Task<> {
    RawConnection raw(s.runtime);
    CO_TRY(co_await raw.connect(s.endpoint));
    CO_TRY(co_await raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(50)));
    EXPECT_FALSE(ended);
    raw.close();
    while (!ended) CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(5)));
    co_return Result<>{};
  }(server, ended));
}

TEST(HttpServer, TooManyConnectionsAreTurnedAway) {
  auto options = quick_options();
  options.max_connections = 2;
  options.header_timeout = std::chrono::seconds(10);
  TestServer server(ok(), options);
  server.run([](TestServer& s) -> Task<> {
    RawConnection first(s.runtime), second(s.runtime);
    CO_TRY(co_await first.connect(s.endpoint));
    CO_TRY(co_await second.connect(s.endpoint));
    while (s.server.connections() < 2) CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(1)));
    RawConnection third(s.runtime);
    CO_TRY(co_await third.connect(s.endpoint));
    CO_TRY_ASSIGN(auto answer, co_await third.read_to_end());
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
    CO_TRY(co_await first.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    CO_TRY(co_await first.read_to_end());
    first.close();
    while (s.server.connections() > 1) CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(1)));
    CO_TRY_ASSIGN(auto good, co_await exchange(s, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE(good.starts_with("HTTP/1.1 200")) << good;
    co_return Result<>{};
  }(server));
}

/// Few descriptors for a while: connections see the end of them long before files do.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t count) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto limit = before_;
    limit.rlim_cur = count;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(HttpServer, AQuarterOfTheDescriptorsIsLeftToOthers) {
  constexpr rlim_t kLimit = 200;
  auto options = quick_options();
  options.header_timeout = std::chrono::seconds(60);
  TestServer server(ok(), options);
  FewDescriptors few(kLimit);
  server.run([](TestServer& s) -> Task<> {
    std::vector<std::unique_ptr<RawConnection>> clients;
    // Both ends are of this process. A connection that is served gets nothing, as it asks for nothing.
    for (size_t served = 0; s.server.connections() == served; ++served) {
      clients.push_back(std::make_unique<RawConnection>(s.runtime));
      CO_TRY(co_await clients.back()->connect(s.endpoint));
      while (s.server.connections() == served && clients.back()->socket().available() == 0) {
        CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(1)));
      }
      if (s.server.connections() == served) break;
    }
    CO_TRY_ASSIGN(auto answer, co_await clients.back()->read_to_end());
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
    int free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT_GE(free, 0);
    EXPECT_LT(free, static_cast<int>(kLimit - kLimit / 4) + 3);
    if (free >= 0) ::close(free);
    clients.clear();
    while (s.server.connections() > 0) CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(1)));
    CO_TRY_ASSIGN(auto good, co_await exchange(s, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE(good.starts_with("HTTP/1.1 200")) << good;
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, AcceptsAgainWhenThereAreDescriptors) {
  TestServer server(ok());
  server.run([](TestServer& s) -> Task<> {
    RawConnection client(s.runtime);
    client.socket().open(boost::asio::ip::tcp::v4());
    auto few = std::make_unique<FewDescriptors>(3);
    CO_TRY(co_await client.connect(s.endpoint));  // by the system, not yet by the server
    CO_TRY(co_await client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    for (int turns = 0; turns < 20; ++turns) CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(1)));
    EXPECT_EQ(s.server.connections(), 0);
    few.reset();
    CO_TRY_ASSIGN(auto answer, co_await client.read_to_end());
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, ExpectContinueIsAnsweredAtOnce) {
  TestServer server(&echo);
  server.run([](TestServer& s) -> Task<> {
    RawConnection raw(s.runtime);
    CO_TRY(co_await raw.connect(s.endpoint));
    auto start = s.runtime.now();
    CO_TRY(co_await raw.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    CO_TRY_ASSIGN(auto interim, co_await raw.read_until("\r\n\r\n"));
    // The answer's head may stand first: the echo begins before it reads.
    if (interim.starts_with("HTTP/1.1 200")) {
      CO_TRY_ASSIGN(interim, co_await raw.read_until("\r\n\r\n"));
    }
    EXPECT_LT(s.runtime.now() - start, std::chrono::milliseconds(900));
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, ABodyNobodyWantsIsDroppedOrTheConnectionClosed) {
  auto options = quick_options();
  options.drain_bytes = 1000;
  TestServer server(ok(), options);
  server.run([](TestServer& s) -> Task<> {
    RawConnection raw(s.runtime);
    CO_TRY(co_await raw.connect(s.endpoint));
    CO_TRY(co_await raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n" + std::string(900, 'x')));
    CO_TRY_ASSIGN(auto first, co_await raw.read_until("hello"));
    EXPECT_EQ(first.find("Connection: close"), std::string::npos);
    CO_TRY(
        co_await raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + std::string(200000, 'x')));
    CO_TRY_ASSIGN(auto second, co_await raw.read_to_end());
    EXPECT_NE(second.find("Connection: close"), std::string::npos);
    EXPECT_TRUE(second.ends_with("hello")) << second;
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, HandlerErrorsBecomeAnswers) {
  TestServer server([](Request& request, Response& response) -> Task<> {
    if (request.path() == "/throw") throw std::runtime_error("oops");
    if (request.path() == "/silent") co_return Result<>{};
    if (request.path() == "/late") {
      CO_TRY(response.begin({}));
      CO_TRY(co_await response.write("part"));
    }
    co_return fail(ErrorKind::kInternal, "broken");
  });
  server.run([](TestServer& s) -> Task<> {
    for (auto path : {"/throw", "/silent", "/error"}) {
      CO_TRY_ASSIGN(auto answer, co_await exchange(s, fmt::format("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", path)));
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 500")) << answer;
    }
    CO_TRY_ASSIGN(auto late, co_await exchange(s, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_NE(late.find("part"), std::string::npos);
    EXPECT_EQ(late.find("\r\n0\r\n"), std::string::npos) << "a broken stream must not look whole";
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, StreamsAreFlushedSoonAndCarryTrailers) {
  Notifier* go_on = nullptr;
  TestServer server([&](Request&, Response& response) -> Task<> {
    CO_TRY(response.begin({.content_type = "application/json", .trailers = {"X-Stream-Error", "X-Next-Cursor"}}));
    CO_TRY(co_await response.write("first\n"));
    CO_TRY(co_await go_on->wait());  // only the flush timer can send it
    CO_TRY(co_await response.write("second\n"));
    co_return response.end({{"X-Stream-Error", "went\r\nwrong"}, {"X-Next-Cursor", "abc"}});
  });
  Notifier notifier(server.runtime);
  go_on = &notifier;
  server.run([](TestServer& s, Notifier& go) -> Task<> {
    RawConnection raw(s.runtime);
    CO_TRY(co_await raw.connect(s.endpoint));
    CO_TRY(co_await raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    CO_TRY_ASSIGN(auto head, co_await raw.read_until("first\n\r\n"));
    EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("Trailer: X-Stream-Error, X-Next-Cursor\r\n"), std::string::npos) << head;
    go.notify_all();
    CO_TRY_ASSIGN(auto rest, co_await raw.read_until("abc\r\n\r\n"));
    EXPECT_EQ(rest, "7\r\nsecond\n\r\n0\r\nX-Stream-Error: went  wrong\r\nX-Next-Cursor: abc\r\n\r\n");
    co_return Result<>{};
  }(server, notifier));
}

TEST(HttpServer, SmallWritesAreGathered) {
  TestServer server([](Request&, Response& response) -> Task<> {
    CO_TRY(response.begin({}));
    for (int i = 0; i < 100'000; ++i) CO_TRY(co_await response.write("0123456789"));
    co_return response.end();
  });
  server.run([](TestServer& s) -> Task<> {
    CO_TRY_ASSIGN(auto answer, co_await exchange(s, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    size_t chunks = 0;
    for (size_t at = answer.find("\r\n"); at != std::string::npos; at = answer.find("\r\n", at + 2)) ++chunks;
    EXPECT_LT(chunks, 300u);
    EXPECT_GT(answer.size(), 1'000'000u);
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, Http10ClientsGetPlainBodies) {
  TestServer server(&echo);
  server.run([](TestServer& s) -> Task<> {
    CO_TRY_ASSIGN(auto answer, co_await exchange(s, "POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody"));
    EXPECT_EQ(answer.find("chunked"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nbody")) << answer;
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, HeadHasNoBody) {
  TestServer server([](Request& request, Response& response) -> Task<> {
    if (request.path() == "/whole") co_return response.send(200, "12345", "text/plain");
    CO_TRY(response.begin({.content_length = 1000}));
    CO_TRY(co_await response.write("12345"));
    co_return response.end();
  });
  server.run([](TestServer& s) -> Task<> {
    CO_TRY_ASSIGN(auto whole, co_await exchange(s, "HEAD /whole HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_NE(whole.find("Content-Length: 5\r\n"), std::string::npos);
    EXPECT_TRUE(whole.ends_with("\r\n\r\n"));
    CO_TRY_ASSIGN(auto stream, co_await exchange(s, "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_NE(stream.find("Content-Length: 1000\r\n"), std::string::npos);
    EXPECT_TRUE(stream.ends_with("\r\n\r\n"));
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, BodiesOfAnySizePassUnchanged) {
  TestServer server(&echo);
  server.run([](TestServer& s) -> Task<> {
    HttpClient client(s.runtime);
    std::mt19937 random(5);
    for (size_t size : {0u, 1u, 4095u, 8192u, 8193u, 131072u, 131073u, 1'000'003u}) {
      std::string body(size, '\0');
      for (auto& c : body) c = static_cast<char>(random());
      CO_TRY_ASSIGN(auto plain,
                    co_await client.fetch({.method = "POST", .endpoint = s.endpoint, .body = body}, 1 << 21));
      EXPECT_TRUE(plain.body == body) << size;
      CO_TRY_ASSIGN(auto streamed, co_await client.open({.method = "POST", .endpoint = s.endpoint, .streamed = true}));
      auto upload = [](ClientExchange& out, const std::string& bytes) -> Task<> {
        for (size_t at = 0; at < bytes.size(); at += 7001)
          CO_TRY(co_await out.write(std::string_view(bytes).substr(at, 7001)));
        co_return co_await out.finish();
      };
      auto download = [](ClientExchange& in) -> Task<std::string> {
        CO_TRY(co_await in.response());
        co_return co_await in.read_all(1 << 21);
      };
      using boost::asio::experimental::awaitable_operators::operator&&;
      auto [sent, received] = co_await (upload(streamed, body) && download(streamed));
      CO_TRY(std::move(sent));
      CO_TRY_ASSIGN(auto echoed, std::move(received));
      EXPECT_TRUE(echoed == body) << size;
      EXPECT_NE(streamed.trailer("x-stream-error"), nullptr);
    }
    EXPECT_EQ(client.open_connections(), 1u);  // one connection served all
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, StopWaitsForHandlersThenCancelsThem) {
  RealRuntime* clock = nullptr;
  TestServer server([&](Request& request, Response& response) -> Task<> {
    CO_TRY(co_await clock->sleep_for(request.path() == "/short" ? Duration(std::chrono::milliseconds(50))
                                                                : std::chrono::hours(1)));
    co_return response.send(200, "done", "");
  });
  clock = &server.runtime;
  server.run([](TestServer& s) -> Task<> {
    RawConnection idle(s.runtime), brief(s.runtime), endless(s.runtime);
    CO_TRY(co_await idle.connect(s.endpoint));
    CO_TRY(co_await brief.connect(s.endpoint));
    CO_TRY(co_await endless.connect(s.endpoint));
    CO_TRY(co_await brief.send("GET /short HTTP/1.1\r\nHost: h\r\n\r\n"));
    CO_TRY(co_await endless.send("GET /long HTTP/1.1\r\nHost: h\r\n\r\n"));
    while (s.server.requests() < 2) CO_TRY(co_await s.runtime.sleep_for(std::chrono::milliseconds(1)));
    auto start = s.runtime.now();
    CO_TRY(co_await s.stop(std::chrono::milliseconds(500)));
    EXPECT_LT(s.runtime.now() - start, std::chrono::seconds(3));
    EXPECT_EQ(s.server.connections(), 0u);
    CO_TRY_ASSIGN(auto answer, co_await brief.read_to_end());
    EXPECT_TRUE(answer.ends_with("done")) << answer;
    CO_TRY_ASSIGN(auto none, co_await endless.read_to_end());
    EXPECT_EQ(none, "");
    co_return Result<>{};
  }(server));
}

TEST(HttpServer, ListensOnSeveralAddressesAndUnixSockets) {
  auto path = testing::TempDir() + fmt::format("net_{}.sock", ::getpid());
  TestServer server(ok());
  auto unix_address = *ipld::Multiaddr::parse("/unix" + path);
  ASSERT_TRUE(server.server.listen(unix_address));
  ASSERT_TRUE(server.server.listen(*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/0")));
  EXPECT_FALSE(server.server.listen(server.server.addresses()[0]));
  EXPECT_EQ(server.server.listen(server.server.addresses()[0]).error().kind, ErrorKind::kAlreadyExists);
  EXPECT_FALSE(server.server.listen(*ipld::Multiaddr::parse("/ip4/127.0.0.1/udp/1")));
  server.run([](TestServer& s) -> Task<> {
    HttpClient client(s.runtime);
    EXPECT_EQ(s.server.addresses().size(), 3u);
    for (const auto& address : s.server.addresses()) {
      CO_TRY_ASSIGN(auto endpoint, Endpoint::from_multiaddr(address));
      CO_TRY_ASSIGN(auto answer, co_await client.fetch({.endpoint = endpoint}, 100));
      EXPECT_EQ(answer.body, "hello");
    }
    co_return Result<>{};
  }(server));
  EXPECT_NE(::access(path.c_str(), F_OK), 0) << "the socket file is removed";
}

TEST(HttpServer, AccessLogSeesEveryAnswer) {
  std::vector<std::string> lines;
  ServerHooks hooks;
  hooks.access_log = [&](const AccessRecord& r) {
    lines.push_back(fmt::format("{} {} {} {} {}", r.user, r.method, r.target, r.status, r.body_bytes));
  };
  TestServer server(ok(), quick_options(), std::move(hooks));
  server.run([](TestServer& s) -> Task<> {
    HttpClient client(s.runtime);
    auto endpoint = s.endpoint;
    endpoint.authorization = basic_auth("me", "secret");
    CO_TRY(co_await client.fetch({.endpoint = endpoint, .target = "/a?b=c"}, 100));
    co_return Result<>{};
  }(server));
  EXPECT_EQ(lines, std::vector<std::string>{"me GET /a?b=c 200 5"});
}

}  // namespace
}  // namespace ipfsc::net
