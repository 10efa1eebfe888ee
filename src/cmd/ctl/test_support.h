// For tests of whole command lines: a server on the loopback that answers each request from a table.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cmd/ctl/ctl.h"

namespace ipfsc::cmd::ctl {

inline constexpr const char* kCid = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq";

/// Answers "METHOD /path?query" with the body of the table; several bodies for one line are given one after the other,
/// the last for ever.
class FakeApi {
 public:
  struct Answer {
    int status = 200;
    std::string body;
    std::string headers;
  };

  FakeApi() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    EXPECT_EQ(::listen(listener_, 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeApi() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  void on(const std::string& line, Answer answer) { answers_[line].push_back(std::move(answer)); }
  void on(const std::string& line, const std::string& body) { on(line, Answer{200, body}); }
  std::string host() const { return "/ip4/127.0.0.1/tcp/" + std::to_string(port_); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<std::string> lines() {
    std::lock_guard guard(mutex_);
    return lines_;
  }
  std::string last_body() {
    std::lock_guard guard(mutex_);
    return last_body_;
  }

 private:
  void serve() {
    for (int fd; (fd = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(fd)) {
      std::string request;
      char buffer[65536];
      while (!complete(request)) {
        ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n <= 0) break;
        request.append(buffer, static_cast<size_t>(n));
      }
      std::string text =
          answer(request.substr(0, request.find(" HTTP/")), request.substr(request.find("\r\n\r\n") + 4));
      for (size_t sent = 0; sent < text.size();) {
        ssize_t n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<size_t>(n);
      }
    }
  }

  std::string answer(const std::string& line, std::string body) {
    std::lock_guard guard(mutex_);
    lines_.push_back(line);
    last_body_ = std::move(body);
    auto found = answers_.find(line);
    if (found == answers_.end()) found = answers_.find(line.substr(0, line.find('?')));
    Answer out{404, R"({"code":404,"message":"not found"})"};
    if (found != answers_.end()) {
      size_t& n = given_[found->first];
      out = found->second[std::min(n++, found->second.size() - 1)];
    }
    return "HTTP/1.1 " + std::to_string(out.status) + " X\r\n" + out.headers +
           "Content-Length: " + std::to_string(out.body.size()) + "\r\nConnection: close\r\n\r\n" + out.body;
  }

  static bool complete(const std::string& request) {
    if (request.find("\r\n\r\n") == std::string::npos) return false;
    return request.find("Transfer-Encoding: chunked") == std::string::npos || request.ends_with("\r\n0\r\n\r\n");
  }

  int listener_;
  uint16_t port_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::vector<Answer>> answers_;
  std::map<std::string, size_t> given_;
  std::vector<std::string> lines_;
  std::string last_body_;
  std::thread thread_;
};

struct Run {
  int code;
  std::string out, err;
};

inline Run ctl(std::vector<std::string> arguments, const std::atomic<bool>* cancelled = nullptr) {
  char *out = nullptr, *err = nullptr;
  size_t out_size = 0, err_size = 0;
  FILE* out_file = ::open_memstream(&out, &out_size);
  FILE* err_file = ::open_memstream(&err, &err_size);
  int code = run_ctl(arguments, out_file, err_file, cancelled);
  std::fclose(out_file);
  std::fclose(err_file);
  Run run{code, {out, out_size}, {err, err_size}};
  std::free(out);
  std::free(err);
  return run;
}

inline Run ctl(const FakeApi& api, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--host", api.host()});
  return ctl(std::move(arguments));
}

inline std::string status_json(std::string_view status) {
  return R"({"cid":")" + std::string(kCid) + R"(","name":"","peer_map":{"12D3A":{"peername":"node-a","status":")" +
         std::string(status) +
         R"(","timestamp":"2026-01-02T03:04:05Z","error":"","attempt_count":0,"priority_pin":false}}})";
}
inline std::string pin_json() {
  return R"({"replication_factor_min":-1,"replication_factor_max":-1,"name":"","mode":"recursive","cid":")" +
         std::string(kCid) + R"(","type":"pin","allocations":null,"max_depth":-1})";
}

struct TemporaryFolder {
  std::string path = std::filesystem::temp_directory_path() /
                     ("ctl_test." + std::to_string(::getpid()) + "." + std::to_string(next++));
  TemporaryFolder() { std::filesystem::create_directories(path); }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  static inline int next = 0;
};

}  // namespace ipfsc::cmd::ctl
