// Helpers of tests: a server on a free port, and a raw connection to it. Not part of the library.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "base/deadline.h"
#include "base/real_runtime.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/router.h"

namespace ipfsc::net {

constexpr Duration kTestLimit = std::chrono::minutes(2);

/// Options with a fast sweep, so that timeouts are short.
inline ServerOptions quick_options() {
  ServerOptions options;
  options.sweep_interval = std::chrono::milliseconds(10);
  options.header_timeout = std::chrono::milliseconds(100);
  return options;
}

class TestServer {
 public:
  explicit TestServer(Handler handler, ServerOptions options = quick_options(), ServerHooks hooks = {},
                      std::string_view address = "/ip4/127.0.0.1/tcp/0")
      : server(runtime, std::move(options), std::move(handler), std::move(hooks)) {
    auto listened = server.listen(*ipld::Multiaddr::parse(address));
    EXPECT_TRUE(listened) << listened.error().message;
    endpoint = *Endpoint::from_multiaddr(server.addresses().at(0));
  }

  /// Runs `test` on the loop, then stops the server; a failed Result fails the test.
  void run(Task<> test) {
    auto result = runtime.run_task(with_deadline(runtime, runtime.now() + kTestLimit, "the test", std::move(test)));
    EXPECT_TRUE(result) << result.error().message;
    (void)runtime.run_task(stop(std::chrono::seconds(0)));
  }
  Task<> stop(Duration grace) {
    co_await server.stop(runtime.now() + grace);
    co_return Result<>{};
  }

  RealRuntime runtime;
  HttpServer server;
  Endpoint endpoint;
};

/// A self-signed certificate for 127.0.0.1 and its key as PEM files in the tests' folder; the caller removes them.
inline TlsFiles make_certificate(std::string_view file) {
  auto* key = EVP_EC_gen("P-256");
  auto* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  auto* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(certificate, key, EVP_sha256());
  auto base = testing::TempDir() + fmt::format("net_tls_{}_{}", file, ::getpid());
  TlsFiles files{base + ".crt", base + ".key", ""};
  auto* out = std::fopen(files.certificate_chain_file.c_str(), "w");
  PEM_write_X509(out, certificate);
  std::fclose(out);
  out = std::fopen(files.private_key_file.c_str(), "w");
  PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(out);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

class RawConnection {
 public:
  explicit RawConnection(Runtime& runtime) : socket_(runtime.executor()) {}
  Task<> connect(const Endpoint& endpoint) {
    co_await socket_.async_connect({boost::asio::ip::make_address(endpoint.host), endpoint.port},
                                   boost::asio::use_awaitable);
    socket_.set_option(boost::asio::ip::tcp::no_delay(true));
    co_return Result<>{};
  }
  Task<> send(std::string text) {
    auto [ec, n] = co_await boost::asio::async_write(socket_, boost::asio::buffer(text),
                                                     boost::asio::as_tuple(boost::asio::use_awaitable));
    if (ec) co_return fail(ErrorKind::kUnavailable, ec.message());
    co_return Result<>{};
  }
  /// Up to and including `mark`; what came when the connection ends first.
  Task<std::string> read_until(std::string_view mark) {
    for (;;) {
      if (auto at = buffer_.find(mark); at != std::string::npos && !mark.empty()) {
        auto text = buffer_.substr(0, at + mark.size());
        buffer_.erase(0, at + mark.size());
        co_return text;
      }
      char piece[4096];
      auto [ec, n] = co_await socket_.async_read_some(boost::asio::buffer(piece),
                                                      boost::asio::as_tuple(boost::asio::use_awaitable));
      if (ec) co_return std::exchange(buffer_, {});
      buffer_.append(piece, n);
    }
  }
  Task<std::string> read_to_end() { return read_until(""); }
  void close() { socket_.close(); }
  void shutdown_send() {
    boost::system::error_code ignored;
    socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }
  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  boost::asio::ip::tcp::socket socket_;
  std::string buffer_;
};

}  // namespace ipfsc::net
