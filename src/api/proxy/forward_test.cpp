// What goes to Kubo and what comes from there. The Kubo is a handler.
#include <unistd.h>

#include "api/proxy/test_support.h"
#include "net/test_support.h"

namespace ipfsc::api::proxy::test {
namespace {

using testing::HasSubstr;

/// A handler for /api/v0/echo: every piece comes back at once.
Task<> echo(net::Request& request, net::Response& response) {
  CO_TRY(response.begin({.content_type = "text/plain", .trailers = {"X-Stream-Error"}}));
  for (;;) {
    CO_TRY_ASSIGN(auto piece, co_await request.read_some());
    if (piece.empty()) break;
    CO_TRY(co_await response.write(piece));
    CO_TRY(co_await response.flush());
  }
  co_return response.end({{"X-Stream-Error", "the end of it"}});
}

TEST_F(ProxyTest, BothBodiesStreamAtOnce) {
  start_kubo(echo);
  start_proxy();
  auto done = run([](net::HttpClient& client, net::Endpoint at) -> Task<> {
    for (std::optional<uint64_t> length : {std::optional<uint64_t>(), std::optional<uint64_t>(3 * 100'000)}) {
      CO_TRY_ASSIGN(auto exchange, co_await client.open({.method = "POST",
                                                         .endpoint = at,
                                                         .target = "/api/v0/echo?a=%20b",
                                                         .streamed = true,
                                                         .content_length = length}));
      for (int i = 0; i < 3; ++i) {  // each piece is answered before the next is sent
        std::string piece(100'000, static_cast<char>('a' + i)), got;
        CO_TRY(co_await exchange.write(piece));
        if (i == 0) CO_TRY(co_await exchange.response());
        while (got.size() < piece.size()) {
          CO_TRY_ASSIGN(auto some, co_await exchange.read_some());
          if (some.empty()) co_return fail(ErrorKind::kDataLoss, "the echo has ended");
          got += some;
        }
        EXPECT_TRUE(got == piece);
      }
      CO_TRY(co_await exchange.finish());
      CO_TRY_ASSIGN(auto rest, co_await exchange.read_all(100));
      EXPECT_EQ(rest, "");
      EXPECT_EQ(*exchange.header("Trailer"), "X-Stream-Error");
      if (!exchange.trailer("X-Stream-Error")) co_return fail(ErrorKind::kDataLoss, "no trailer");
      EXPECT_EQ(*exchange.trailer("X-Stream-Error"), "the end of it");
    }
    co_return Result<>{};
  }(client_, at_));
  EXPECT_TRUE(done) << done.error().message;
}

TEST_F(ProxyTest, RequestsReachKuboAsTheyAre) {
  std::vector<std::string> seen;
  start_kubo([&seen](net::Request& request, net::Response& response) -> Task<> {
    seen.push_back(fmt::format("{} {}", request.method(), request.target()));
    for (const auto& field : request.headers()) seen.push_back(fmt::format("{}: {}", field.name, field.value));
    response.add_header("X-Of-Kubo", "1");
    response.add_header("Server", "kubo");
    response.add_header("Keep-Alive", "5");
    co_return response.send(418, request.method() == "HEAD" ? "" : "body", "text/plain");
  });
  auto answer = ask({"DELETE",
                     "/any%2fthing?x=%20&y",
                     {{"Host", "my.host"},
                      {"X-Mine", "1"},
                      {"X-Forwarded-For", "10.0.0.1"},
                      {"Connection", "X-Hop"},
                      {"X-Hop", "1"},
                      {"Authorization", "Bearer t"}},
                     ""});
  EXPECT_EQ(answer.status, 418);
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(header(answer, "X-Of-Kubo"), "1");
  EXPECT_EQ(header(answer, "Server"), "kubo");
  EXPECT_EQ(header(answer, "Keep-Alive"), "(none)");
  EXPECT_EQ(seen, (std::vector<std::string>{"DELETE /any%2fthing?x=%20&y", "Host: my.host", "X-Mine: 1",
                                            "Authorization: Bearer t", "X-Forwarded-For: 10.0.0.1, 127.0.0.1"}));
  for (auto method : {"OPTIONS", "HEAD", "GET", "PATCH"}) {
    seen.clear();
    ask({method, "/api/v0/version", {{"Access-Control-Request-Method", "POST"}}, ""});
    ASSERT_FALSE(seen.empty()) << method;
    EXPECT_EQ(seen.front(), fmt::format("{} /api/v0/version", method));
  }
  for (auto path : {"/api/v0/pin/add/", "/api/v0/block/put?pin=false", "/api/v0/dag/put"}) {
    seen.clear();
    ask({"POST", path, {}, "x"});
    ASSERT_FALSE(seen.empty()) << path;
    EXPECT_EQ(seen.front(), fmt::format("POST {}", path));
  }
}

TEST_F(ProxyTest, CredentialsForUsDoNotReachKubo) {
  std::optional<std::string> seen;
  start_kubo([&seen](net::Request& request, net::Response& response) -> Task<> {
    seen = request.header("Authorization").value_or("(none)");
    co_return response.send(200, "");
  });
  ProxyOptions options;
  options.credentials = std::map<std::string, std::string>{{"alice", "secret"}};
  options.kubo = kubo_endpoint_;
  options.kubo->authorization = "Bearer ours";
  start_proxy(std::move(options));
  EXPECT_EQ(command("swarm/peers").status, 401);
  EXPECT_EQ(seen, std::nullopt);
  EXPECT_EQ(command("swarm/peers", {{"Authorization", net::basic_auth("alice", "secret")}}).status, 200);
  EXPECT_EQ(seen, "Bearer ours");
}

TEST_F(ProxyTest, AKuboThatIsDownIs502) {
  ProxyOptions options;
  options.kubo = net::Endpoint{.host = "127.0.0.1", .port = 1};
  start_proxy(std::move(options));
  auto answer = command("swarm/peers");
  EXPECT_EQ(answer.status, 502);
  EXPECT_THAT(answer.body, HasSubstr("{\"Message\":\"IPFS cannot be reached (is it running?): "));
  EXPECT_EQ(ask({"POST", "add-other", {}, std::string(100'000, 'x')}).status, 502);
  // Ours do not need it.
  EXPECT_EQ(command("pin/ls").body, "{\"Keys\":{}}");
  EXPECT_EQ(command("pin/add?arg=QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq").status, 200);
}

TEST_F(ProxyTest, AnAnswerThatComesEarlyEndsTheUpload) {
  start_kubo([](net::Request&, net::Response& response) -> Task<> {
    response.close_after();
    co_return response.send(400, "no");
  });
  start_proxy();
  auto done = run([](net::HttpClient& client, net::Endpoint at) -> Task<> {
    CO_TRY_ASSIGN(auto exchange,
                  co_await client.open({.method = "POST", .endpoint = at, .target = "/x", .streamed = true}));
    std::string piece(100'000, 'x');
    while (co_await exchange.write(piece)) {  // a body without end: only the answer ends it
    }
    CO_TRY(co_await exchange.response());
    EXPECT_EQ(exchange.status(), 400);
    co_return Result<>{};
  }(client_, at_));
  EXPECT_TRUE(done) << done.error().message;
}

TEST_F(ProxyTest, AClientThatGoesAwayEndsTheTransfer) {
  bool ended = false;
  start_kubo([&ended](net::Request&, net::Response& response) -> Task<> {
    struct Ended {
      bool& ended;
      ~Ended() { ended = true; }
    } at_end{ended};
    CO_TRY(response.begin({}));
    std::string piece(100'000, 'x');
    for (;;) CO_TRY(co_await response.write(piece));
  });
  start_proxy();
  (void)run([](net::HttpClient& client, net::Endpoint at) -> Task<> {
    CO_TRY_ASSIGN(auto exchange, co_await client.request({.method = "POST", .endpoint = at, .target = "/x"}));
    CO_TRY(co_await exchange.read_some());
    co_return Result<>{};
  }(client_, at_));
  wait_until([&] { return ended; });
}

TEST_F(ProxyTest, AKuboThatBreaksOffBreaksOffTheAnswer) {
  start_kubo([](net::Request&, net::Response& response) -> Task<> {
    CO_TRY(response.begin({}));
    CO_TRY(co_await response.write("some"));
    co_return fail(ErrorKind::kInternal, "dying");
  });
  start_proxy();
  auto answer = run(client_.fetch({.method = "POST", .endpoint = at_, .target = "/x"}, 100));
  EXPECT_FALSE(answer);
}

TEST_F(ProxyTest, OverUnixSocketsAndTls) {
  auto socket = testing::TempDir() + fmt::format("proxy_test_{}.sock", ::getpid());
  auto hello = [](net::Request& request, net::Response& response) -> Task<> {
    CO_TRY_ASSIGN(auto body, co_await request.read_all(100));
    co_return response.send(200, "hello " + body);
  };
  start_kubo(hello, {}, "/unix" + socket);
  EXPECT_EQ(ask({"POST", "x", {}, "unix"}).body, "hello unix");
  ::unlink(socket.c_str());
  stop_servers();
  auto tls = net::make_certificate("forward");
  start_kubo(hello, {.tls = tls});
  kubo_endpoint_->tls = true;
  ProxyOptions options;
  options.client.tls_ca_file = tls.certificate_chain_file;
  start_proxy(std::move(options));
  EXPECT_EQ(ask({"POST", "x", {}, "tls"}).body, "hello tls");
  ::unlink(tls.certificate_chain_file.c_str());
  ::unlink(tls.private_key_file.c_str());
}

/// Counts what is asked; answers preflights for http://page only.
struct HeaderKubo {
  size_t preflights = 0, versions = 0;
  bool silent = false;
  net::Handler handler(Runtime& runtime) {
    return [this, &runtime](net::Request& request, net::Response& response) -> Task<> {
      if (silent) CO_TRY(co_await runtime.sleep_for(std::chrono::hours(1)));
      if (request.method() == "OPTIONS") {
        ++preflights;
        response.add_header("Vary", "Origin");
        if (request.header("Origin") == "http://page") {
          response.add_header("Access-Control-Allow-Origin", "http://page");
          response.add_header("Access-Control-Allow-Credentials", "true");
        }
        co_return response.send_empty(204);
      }
      ++versions;
      response.add_header("Access-Control-Expose-Headers", "X-Stream-Output");
      response.add_header("X-Extra", "extra");
      response.add_header("X-Other", "other");
      co_return response.send(200, "{}");
    };
  }
};

TEST_F(ProxyTest, HeadersOfKuboAreCopiedAndKept) {
  HeaderKubo kubo;
  start_kubo(kubo.handler(runtime_));
  ProxyOptions options;
  options.extract_headers_extra = {"x-extra"};
  start_proxy(std::move(options));
  for (int i = 0; i < 3; ++i) {
    auto answer = command("pin/ls", {{"Origin", "http://page"}});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(header(answer, "Access-Control-Allow-Origin"), "http://page");
    EXPECT_EQ(header(answer, "Access-Control-Allow-Credentials"), "true");
    EXPECT_EQ(header(answer, "Vary"), "Origin");
    EXPECT_EQ(header(answer, "Access-Control-Expose-Headers"), "X-Stream-Output");
    EXPECT_EQ(header(answer, "X-Extra"), "extra");
    EXPECT_EQ(header(answer, "X-Other"), "(none)");
  }
  EXPECT_EQ(command("pin/ls").status, 200);
  EXPECT_EQ(kubo.preflights, 2u);  // one for each origin
  EXPECT_EQ(kubo.versions, 1u);
  // What Kubo itself would refuse.
  EXPECT_EQ(command("pin/ls", {{"Origin", "http://other"}}).status, 403);
}

TEST_F(ProxyTest, AKuboThatStandsStillCostsTheHeadersOnce) {
  HeaderKubo kubo;
  kubo.silent = true;
  start_kubo(kubo.handler(runtime_));
  ProxyOptions options;
  options.extract_headers_timeout = std::chrono::milliseconds(50);
  start_proxy(std::move(options));
  EXPECT_EQ(command("pin/ls").status, 200);
  EXPECT_EQ(command("pin/ls").status, 200);
  EXPECT_EQ(kubo_->requests(), 2u);
}

TEST_F(ProxyTest, PutWithPinIsPinnedByTheCluster) {
  constexpr std::string_view kCid = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
  std::vector<std::string> targets;
  int status = 200;
  start_kubo([&](net::Request& request, net::Response& response) -> Task<> {
    CO_TRY_ASSIGN(auto body, co_await request.read_all(1 << 21));
    if (request.path().ends_with("/version") || request.method() == "OPTIONS") co_return response.send(200, "{}");
    targets.emplace_back(request.target());
    if (status != 200) co_return response.send(status, "no such luck", "text/plain");
    bool dag = request.path().ends_with("dag/put");
    co_return response.send(200, dag ? fmt::format("{{\"Cid\":{{\"/\":\"{}\"}}}}\n", kCid)
                                     : fmt::format("{{\"Key\":\"{}\",\"Size\":11}}\n{{\"Key\":\"x\"}}\n", kCid));
  });
  start_proxy();
  auto answer = ask({"POST", "block/put?pin=true", {}, std::string(1 << 20, 'x')});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, fmt::format("{{\"Key\":\"{}\",\"Size\":11}}\n{{\"Key\":\"x\"}}\n", kCid));
  ASSERT_NE(trailer(answer, "X-Stream-Error"), nullptr);  // of the second
  EXPECT_EQ(pins(), 1u);
  answer = ask({"POST", "dag/put?a=b&pin=true", {}, "x"});
  EXPECT_EQ(answer.body, fmt::format("{{\"Cid\":{{\"/\":\"{}\"}}}}\n", kCid));
  EXPECT_EQ(trailer(answer, "X-Stream-Error"), nullptr);
  status = 500;
  answer = ask({"POST", "dag/put?pin=true", {}, "x"});
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, "no such luck");
  EXPECT_EQ(targets, (std::vector<std::string>{"/api/v0/block/put?pin=true", "/api/v0/dag/put?a=b&pin=false",
                                               "/api/v0/dag/put?pin=false"}));
}

}  // namespace
}  // namespace ipfsc::api::proxy::test
