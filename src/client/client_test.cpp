// The client against a server in a thread on the loopback, which answers each connection with a prepared text.
#include "client/client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "client/answer_parser.h"
#include "client/lines.h"
#include "client/multipart.h"

namespace ipfsc::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Takes one connection after the other: reads a request to its end, sends the next answer, closes.
class FakeServer {
 public:
  explicit FakeServer(std::vector<std::string> answers, std::string unix_path = "") : answers_(std::move(answers)) {
    if (unix_path.empty()) {
      listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
      socklen_t size = sizeof address;
      EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
      port_ = ntohs(address.sin_port);
    } else {
      listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un address{.sun_family = AF_UNIX};
      unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
      EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    EXPECT_EQ(::listen(listener_, 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeServer() {
    thread_.join();
    ::close(listener_);
  }

  std::string address() const { return "/ip4/127.0.0.1/tcp/" + std::to_string(port_); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// After join(): everything that came, one string a connection.
  const std::vector<std::string>& requests() {
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([] {});
    return requests_;
  }

 private:
  void serve() {
    for (const auto& answer : answers_) {
      int fd = ::accept(listener_, nullptr, nullptr);
      std::string request;
      char buffer[65536];
      while (!complete(request)) {
        ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n <= 0) break;
        request.append(buffer, static_cast<size_t>(n));
      }
      requests_.push_back(std::move(request));
      for (size_t sent = 0; sent < answer.size();) {
        ssize_t n = ::send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<size_t>(n);
      }
      ::close(fd);
    }
  }

  static bool complete(const std::string& request) {
    if (request.find("\r\n\r\n") == std::string::npos) return false;
    return request.find("Transfer-Encoding: chunked") == std::string::npos || request.ends_with("\r\n0\r\n\r\n");
  }

  std::vector<std::string> answers_, requests_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

std::string whole(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

std::string chunked(const std::vector<std::string>& pieces, const std::string& trailers) {
  std::string out =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Stream-Error\r\nConnection: close\r\n\r\n";
  for (const auto& piece : pieces) {
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    out += size + piece + "\r\n";
  }
  return out + "0\r\n" + trailers + "\r\n";
}

Client client_for(std::vector<std::string> hosts, ClientOptions options = {}) {
  for (const auto& host : hosts) options.hosts.push_back(*ipld::Multiaddr::parse(host));
  auto client = Client::create(std::move(options));
  EXPECT_TRUE(client) << client.error().message;
  return std::move(*client);
}

/// An address of the loopback on which nobody listens.
std::string dead_address() {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return "/ip4/127.0.0.1/tcp/" + std::to_string(ntohs(address.sin_port));
}

struct TemporaryFolder {
  std::string path = std::filesystem::temp_directory_path() /
                     ("client_test." + std::to_string(::getpid()) + "." + std::to_string(next++));
  TemporaryFolder() { std::filesystem::create_directories(path); }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path + "/" + name).parent_path());
    std::ofstream(path + "/" + name) << text;
  }
  static inline int next = 0;
};

TEST(Client, CallsAndReadsErrors) {
  FakeServer server({whole(200, "{\"version\":\"1\"}"), whole(204, ""),
                     whole(404, "{\"code\":404,\"message\":\"pin is not part of the pinset\"}\n"),
                     whole(502, "<html>bad gateway</html>\n"), whole(500, "")});
  auto client = client_for({server.address()}, {.user = "alice", .password = "secret"});
  EXPECT_EQ(client.call({.path = "/version"}).value(), "{\"version\":\"1\"}");
  EXPECT_EQ(client.call({.method = "DELETE", .path = "/peers/x"}).value(), "");
  auto missing = client.call({.path = "/allocations/x", .query = {{"a b", "c/d&"}}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, 404);
  EXPECT_EQ(missing.error().message, "pin is not part of the pinset");
  EXPECT_EQ(client.call({.method = "POST", .path = "/x"}).error().message, "<html>bad gateway</html>");
  EXPECT_THAT(client.call({.path = "/x"}).error().message, HasSubstr("500"));
  const auto& requests = server.requests();
  EXPECT_THAT(requests[0], HasSubstr("GET /version HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("Authorization: Basic YWxpY2U6c2VjcmV0\r\n"));
  EXPECT_THAT(requests[1], HasSubstr("DELETE /peers/x HTTP/1.1\r\n"));
  EXPECT_THAT(requests[2], HasSubstr("GET /allocations/x?a%20b=c%2Fd%26 HTTP/1.1\r\n"));
  EXPECT_THAT(requests[3], HasSubstr("POST /x HTTP/1.1\r\n"));
  EXPECT_THAT(requests[3], HasSubstr("Content-Length: 0\r\n"));
}

TEST(Client, ReadsStreamsWithTrailers) {
  FakeServer server({chunked({"{\"a\":1}\n{\"a\"", ":2}\n", "{\"a\":3}"}, "X-Stream-Error: \r\n"),
                     chunked({"{\"a\":1}\n"}, "X-Stream-Error: one\r\nX-Stream-Error: two\r\n"), whole(204, ""),
                     whole(400, "{\"code\":400,\"message\":\"invalid filter value\"}"),
                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"a\":1}\n\r\n"});
  auto client = client_for({server.address()});
  std::vector<std::string> objects;
  auto keep = [&](std::string_view object) -> Result<> {
    objects.emplace_back(object);
    return {};
  };
  EXPECT_TRUE(client.stream({.path = "/pins"}, keep));
  EXPECT_THAT(objects, ElementsAre("{\"a\":1}", "{\"a\":2}", "{\"a\":3}"));
  auto failed = client.stream({.path = "/pins"}, keep);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, 500);
  EXPECT_EQ(failed.error().message, "one; two");
  EXPECT_TRUE(client.stream({.path = "/pins"}, keep));
  EXPECT_EQ(client.stream({.path = "/pins"}, keep).error().code, 400);
  auto cut = client.stream({.path = "/pins"}, keep);  // the connection ends in the middle
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, 0);
}

TEST(Client, GoesOnToTheNextHostWhenOneCannotBeReached) {
  FakeServer server({whole(200, "1"), whole(200, "2")});
  auto client = client_for({dead_address(), server.address()});
  EXPECT_EQ(client.call({.path = "/a"}).value(), "1");
  EXPECT_EQ(client.call({.path = "/b"}).value(), "2");
  auto none = client_for({dead_address(), dead_address()}).call({.path = "/a"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, 0);
}

TEST(Client, ReadsGosProxyVariables) {
  FakeServer proxy({"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n"});
  ::unsetenv("http_proxy");
  ::setenv("HTTP_PROXY", proxy.url().c_str(), 1);
  auto answer = client_for({"/dns4/cluster.invalid/tcp/9094"}).call({.path = "/id"});
  ::unsetenv("HTTP_PROXY");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(proxy.requests()[0], StartsWith("GET http://cluster.invalid:9094/id HTTP/1.1\r\n"));
}

TEST(Client, TalksToUnixSockets) {
  TemporaryFolder folder;
  FakeServer server({whole(200, "yes")}, folder.path + "/socket");
  EXPECT_EQ(client_for({"/unix" + folder.path + "/socket"}).call({.path = "/id"}).value(), "yes");
}

TEST(Client, RefusesLibp2pAddresses) {
  auto id = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M";
  auto refused = Client::create({.hosts = {*ipld::Multiaddr::parse(std::string("/ip4/1.2.3.4/tcp/9096/p2p/") + id)}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("libp2p endpoints are not offered"));
}

TEST(Client, ObjectsOfAStreamAreBounded) {
  FakeServer server({chunked({std::string(5000, 'x')}, "")});
  auto client = client_for({server.address()}, {.max_object_bytes = 1000});
  auto long_one = client.stream({.path = "/pins"}, [](std::string_view) -> Result<> { return {}; });
  ASSERT_FALSE(long_one);
  EXPECT_THAT(long_one.error().message, HasSubstr("too long"));
}

std::string body_of(MultipartBody& body, size_t step) {
  std::string out, buffer(step, '\0');
  for (;;) {
    auto n = body.read(buffer.data(), step);
    EXPECT_TRUE(n) << n.error().message;
    if (!n || *n == 0) return out;
    out.append(buffer, 0, *n);
  }
}

TEST(Multipart, ListsATreeInOrder) {
  TemporaryFolder folder;
  folder.write("top/b.txt", "bbb");
  folder.write("top/a dir/x", "");
  folder.write("top/.hidden", "h");
  folder.write("top/a.txt", "aaa");
  std::filesystem::create_symlink("a.txt", folder.path + "/top/link");
  MultipartBody body({folder.path + "/top"}, {.recursive = true});
  std::string boundary = body.content_type().substr(body.content_type().find("boundary=") + 9);
  auto part = [&](std::string name, std::string type, std::string content) {
    return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
           "\"\r\nContent-Type: " + type + "\r\n\r\n" + content + "\r\n";
  };
  std::string expected =
      part("top", "application/x-directory", "") + part("top%2Fa%20dir", "application/x-directory", "") +
      part("top%2Fa%20dir%2Fx", "application/octet-stream", "") +
      part("top%2Fa.txt", "application/octet-stream", "aaa") + part("top%2Fb.txt", "application/octet-stream", "bbb") +
      part("top%2Flink", "application/symlink", "a.txt") + "--" + boundary + "--\r\n";
  EXPECT_EQ(body_of(body, 7), expected);
  EXPECT_EQ(body.content_bytes(), 6u);

  MultipartBody hidden({folder.path + "/top"}, {.recursive = true, .hidden = true});
  EXPECT_THAT(body_of(hidden, 1 << 20), HasSubstr("filename=\"top%2F.hidden\""));
  EXPECT_EQ(upload_size({folder.path + "/top"}, {.recursive = true}).value(), 6u);

  MultipartBody flat({folder.path + "/top"}, {});
  char buffer[100];
  EXPECT_THAT(flat.read(buffer, sizeof buffer).error().message, HasSubstr("use the '-r' flag"));
  MultipartBody missing({folder.path + "/none"}, {});
  EXPECT_THAT(missing.read(buffer, sizeof buffer).error().message, HasSubstr("No such file"));
}

TEST(Multipart, NamesThings) {
  TemporaryFolder folder;
  EXPECT_EQ(upload_name("/a/b/c").value(), "c");
  EXPECT_EQ(upload_name("a/b/").value(), "b");
  EXPECT_EQ(upload_name("http://example.org/x/y.bin?q=1").value(), "y.bin");
  EXPECT_EQ(upload_name("http://example.org").value(), "index");
  EXPECT_EQ(upload_name(folder.path + "/.").value(), std::filesystem::path(folder.path).filename().string());
}

TEST(Multipart, IsSentAsItIsReadAndTakesUrls) {
  std::string content(3 << 20, 'u');
  FakeServer web({whole(200, content), whole(404, "")});
  FakeServer api({chunked({"{}\n"}, ""), chunked({}, "")});
  auto client = client_for({api.address()});
  MultipartBody body({web.url() + "/dir/big.bin"}, {});
  auto nothing = [](std::string_view) -> Result<> { return {}; };
  auto sent =
      client.stream({.method = "POST", .path = "/add", .body = &body, .content_type = body.content_type()}, nothing);
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(body.content_bytes(), content.size());

  MultipartBody missing({web.url() + "/none"}, {});
  auto failed = client.stream(
      {.method = "POST", .path = "/add", .body = &missing, .content_type = missing.content_type()}, nothing);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, 0);
  EXPECT_THAT(failed.error().message, HasSubstr("404"));
  const auto& requests = api.requests();
  EXPECT_THAT(requests[0], HasSubstr("filename=\"big.bin\""));
  EXPECT_GT(requests[0].size(), content.size());
  EXPECT_EQ(requests[0].find("Expect:"), std::string::npos);
}

/// What a chunked request carried.
std::string unchunked(const std::string& request) {
  std::string out;
  for (size_t at = request.find("\r\n\r\n") + 4; at < request.size();) {
    size_t size = std::stoul(request.substr(at, 16), nullptr, 16);
    at = request.find("\r\n", at) + 2;
    out += request.substr(at, size);
    at += size + 2;
    if (size == 0) break;
  }
  return out;
}

TEST(Upload, LargeFilesGoFromTheFileToTheSocket) {
  TemporaryFolder folder;
  std::string big;
  for (int i = 0; big.size() < 9'000'001; ++i) big += std::to_string(i) + ",";
  folder.write("top/a-big", big);
  folder.write("top/b-exact", std::string(512 * 1024, 'e'));
  folder.write("top/c-small", "small");
  FakeServer server({chunked({"{}\n"}, "")});
  auto client = client_for({server.address()}, {.user = "alice", .password = "secret"});
  MultipartBody body({folder.path + "/top"}, {.recursive = true});
  uint64_t progress = 0;
  body.set_progress([&](uint64_t bytes) { progress = bytes; });
  auto sent = client.stream({.method = "POST", .path = "/add", .body = &body, .content_type = body.content_type()},
                            [](std::string_view) -> Result<> { return {}; });
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(progress, big.size() + 512 * 1024 + 5);
  MultipartBody again({folder.path + "/top"}, {.recursive = true});
  std::string expected = body_of(again, 1 << 20);
  auto old_boundary = again.content_type().substr(again.content_type().find('=') + 1);
  auto new_boundary = body.content_type().substr(body.content_type().find('=') + 1);
  for (size_t at = 0; (at = expected.find(old_boundary, at)) != std::string::npos;) {
    expected.replace(at, old_boundary.size(), new_boundary);
  }
  EXPECT_TRUE(unchunked(server.requests()[0]) == expected);
  EXPECT_THAT(server.requests()[0].substr(0, 500), HasSubstr("Authorization: Basic YWxpY2U6c2VjcmV0\r\n"));
}

TEST(Upload, ARefusalEndsIt) {
  // Answers at once and never reads the body.
  int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  TemporaryFolder folder;
  folder.write("big", std::string(20 << 20, 'x'));
  std::thread server([&] {
    int fd = ::accept(listener, nullptr, nullptr);
    std::string text = whole(400, "{\"code\":400,\"message\":\"no\"}");
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    ::shutdown(fd, SHUT_WR);
    char buffer[4096];
    while (::read(fd, buffer, sizeof buffer) > 0) {
    }
    ::close(fd);
  });
  auto client = client_for({"/ip4/127.0.0.1/tcp/" + std::to_string(ntohs(address.sin_port))});
  MultipartBody body({folder.path + "/big"}, {});
  auto refused = client.stream({.method = "POST", .path = "/add", .body = &body, .content_type = body.content_type()},
                               [](std::string_view) -> Result<> { return {}; });
  server.join();
  ::close(listener);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, 400);
  EXPECT_EQ(refused.error().message, "no");
}

TEST(Upload, AServerThatGoesAwayIsAnError) {
  int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  TemporaryFolder folder;
  folder.write("big", std::string(20 << 20, 'x'));
  std::thread server([&] {
    int fd = ::accept(listener, nullptr, nullptr);
    char buffer[4096];
    EXPECT_GT(::read(fd, buffer, sizeof buffer), 0);
    ::close(fd);  // with unread bytes: a reset
  });
  auto client = client_for({"/ip4/127.0.0.1/tcp/" + std::to_string(ntohs(address.sin_port))});
  MultipartBody body({folder.path + "/big"}, {});
  auto gone = client.stream({.method = "POST", .path = "/add", .body = &body, .content_type = body.content_type()},
                            [](std::string_view) -> Result<> { return {}; });
  server.join();
  ::close(listener);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, 0);
}

TEST(AnswerParser, TakesAnyPieces) {
  std::string text = "HTTP/1.1 100 Continue\r\n\r\n" + chunked({"hello ", "world"}, "X-Stream-Error: bad\r\n");
  for (size_t step = 1; step < text.size(); ++step) {
    AnswerParser parser;
    std::string got;
    HttpSession::OnData keep = [&](const HttpAnswer& so_far, std::string_view piece) -> Result<> {
      EXPECT_EQ(so_far.status, 200);
      got += piece;
      return {};
    };
    for (size_t at = 0; at < text.size(); at += step) ASSERT_TRUE(parser.feed(text.substr(at, step), keep));
    ASSERT_TRUE(parser.done());
    EXPECT_EQ(got, "hello world");
    EXPECT_EQ(parser.answer().header("x-stream-error"), "bad");
  }
}

TEST(AnswerParser, RefusesWhatIsNotHttp) {
  auto feed = [](std::string text) {
    AnswerParser parser;
    auto fed = parser.feed(text, [](const HttpAnswer&, std::string_view) -> Result<> { return {}; });
    return fed && parser.end_of_input();
  };
  EXPECT_TRUE(feed("HTTP/1.0 200 OK\r\n\r\nto the end"));
  EXPECT_TRUE(feed("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_TRUE(feed("HTTP/1.1 200 OK\nContent-Length: 2\n\nab"));
  for (std::string bad :
       {std::string(), std::string("SSH-2.0-x\r\n"), std::string("HTTP/1.1 2x0 OK\r\n"),
        std::string("HTTP/1.1 000 OK\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"), std::string(100'000, 'x')}) {
    EXPECT_FALSE(feed(bad)) << bad.substr(0, 60);
  }
}

TEST(Lines, AreCutAnywhere) {
  std::string text = "one\n\ntwo\nthree";
  for (size_t step = 1; step < text.size(); ++step) {
    LineSplitter lines(100);
    std::vector<std::string> got;
    auto keep = [&](std::string_view line) -> Result<> {
      got.emplace_back(line);
      return {};
    };
    for (size_t at = 0; at < text.size(); at += step) ASSERT_TRUE(lines.feed(text.substr(at, step), keep));
    ASSERT_TRUE(lines.finish(keep));
    EXPECT_THAT(got, ElementsAre("one", "two", "three"));
  }
}

}  // namespace
}  // namespace ipfsc::client
