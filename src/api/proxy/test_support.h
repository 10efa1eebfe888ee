// A whole peer behind an IPFS proxy, and a Kubo that is only a handler, for tests. Not part of the library.
#pragma once

#include <gmock/gmock.h>

#include "api/proxy/ipfs_proxy.h"
#include "api/rest/test_support.h"
#include "cluster/repo_stats.h"
#include "net/http_server.h"

namespace ipfsc::api::proxy::test {

class ProxyTest : public rest::test::RestTest {
 protected:
  void TearDown() override {
    stop_servers();
    RestTest::TearDown();
  }

  void stop_servers() {
    run([](ProxyTest& t) -> Task<> {
      if (t.proxy_) co_await t.proxy_->stop(t.runtime_.now());
      if (t.kubo_) co_await t.kubo_->stop(t.runtime_.now());
      co_return Result<>{};
    }(*this));
    proxy_.reset();
    kubo_.reset();
  }

  /// A Kubo whose whole behaviour is `handler`; the proxy that is started next talks to it.
  void start_kubo(net::Handler handler, net::ServerOptions options = {}, std::string address = "/ip4/127.0.0.1/tcp/0") {
    kubo_ = std::make_unique<net::HttpServer>(runtime_, std::move(options), std::move(handler));
    auto listened = kubo_->listen(*ipld::Multiaddr::parse(address));
    ASSERT_TRUE(listened) << listened.error().message;
    kubo_endpoint_ = *net::Endpoint::from_multiaddr(kubo_->addresses().at(0));
  }

  void start_proxy(ProxyOptions options = {}, bool ready = true) {
    options.listen = {*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/0")};
    options.version = "1.1.6+test";
    options.progress_interval = std::chrono::milliseconds(10);
    if (!options.kubo) options.kubo = kubo_endpoint_;
    proxy_ = std::make_unique<IpfsProxy>(runtime_, std::move(options));
    auto listened = proxy_->listen();
    ASSERT_TRUE(listened) << listened.error().message;
    at_ = *net::Endpoint::from_multiaddr(proxy_->addresses().at(0));
    repo_stats_ = std::make_unique<cluster::RepoStats>(runtime_, cluster_->options(), *state_, *node_, *peers_);
    proxy_->serve(*cluster_, *repo_stats_, *node_);
    cluster_->set_ready(ready ? Result<>{} : fail(ErrorKind::kUnavailable, "the state is being loaded"));
  }

  net::WholeResponse ask(Call c) {
    if (!proxy_) start_proxy();
    if (c.target.front() != '/') c.target = "/api/v0/" + c.target;
    auto answer = run(client_.fetch({.method = std::move(c.method),
                                     .endpoint = at_,
                                     .target = std::move(c.target),
                                     .headers = std::move(c.headers),
                                     .body = std::move(c.body)},
                                    1 << 24));
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(net::WholeResponse{});
  }
  /// POST of a command of Kubo's RPC.
  net::WholeResponse command(std::string target, net::Headers headers = {}) {
    return ask({"POST", std::move(target), std::move(headers), ""});
  }
  net::WholeResponse send(std::string target, std::vector<Part> parts) {
    net::MultipartWriter writer(1, 2);
    std::string body;
    for (auto& part : parts) body += writer.part_head("file", part.path, part.kind) + part.content;
    body += writer.closing();
    return ask({"POST", std::move(target), {{"Content-Type", writer.content_type()}}, std::move(body)});
  }
  static std::string header(const net::WholeResponse& answer, std::string_view name) {
    const auto* value = net::find_header(answer.headers, name);
    return value ? *value : "(none)";
  }
  static std::string error(std::string_view message) {
    return fmt::format("{{\"Message\":\"{}\",\"Code\":0,\"Type\":\"error\"}}", message);
  }
  size_t pins() const { return state_->counters().pins; }
  /// Waits until `done` is true.
  void wait_until(std::function<bool()> done) {
    auto until = runtime_.now() + std::chrono::seconds(20);
    while (!done() && runtime_.now() < until) (void)run(runtime_.sleep_for(std::chrono::milliseconds(5)));
    EXPECT_TRUE(done());
  }

  std::unique_ptr<net::HttpServer> kubo_;
  std::optional<net::Endpoint> kubo_endpoint_;
  std::unique_ptr<cluster::RepoStats> repo_stats_;
  std::unique_ptr<IpfsProxy> proxy_;
  net::Endpoint at_;
};

}  // namespace ipfsc::api::proxy::test
