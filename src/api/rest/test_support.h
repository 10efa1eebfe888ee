// A whole peer behind a REST API, for tests: everything is real but the log, which is applied in place, and the disk,
// which is memory. Not part of the library.
#pragma once

#include <gtest/gtest.h>

#include "api/rest/rest_api.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/real_runtime.h"
#include "cluster/cluster.h"
#include "cluster/records.h"
#include "ipfs/embedded/embedded_node.h"
#include "net/http_client.h"
#include "net/multipart.h"
#include "rpc/testing/sim_network.h"
#include "storage/fault_env.h"

namespace ipfsc::api::rest::test {

inline ipld::PeerId self_id() { return *ipld::PeerId::parse("12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"); }

/// One voter without a log.
class AppliedAtOnce final : public consensus::Consensus {
 public:
  AppliedAtOnce(Runtime& runtime, state::State& state) : runtime_(runtime), state_(state), changed_(runtime) {}

  Task<std::vector<state::Outcome>> submit(std::vector<proto::Operation> operations, SteadyTime) override {
    if (broken) co_return fail(ErrorKind::kUnavailable, "no leader: the voters a and b are missing");
    proto::Entry entry;
    entry.set_format(1);
    entry.set_time_ms(static_cast<uint64_t>(runtime_.wall_now().time_since_epoch() / std::chrono::milliseconds(1)));
    for (auto& operation : operations) *entry.add_operations() = std::move(operation);
    CO_TRY_ASSIGN(auto outcomes, state_.apply(LogIndex(state_.applied_index().value + 1), entry));
    ++submitted;
    changed_.notify_all();
    co_return outcomes;
  }
  std::optional<ipld::PeerId> leader() const override { return self_id(); }
  bool is_leader() const override { return true; }
  std::vector<consensus::Member> members() const override { return {{.peer = self_id(), .raft_id = 1, .self = true}}; }
  Task<LogIndex> barrier(SteadyTime) override { co_return state_.applied_index(); }
  bool names(const ipld::PeerId& peer) const override { return peer == self_id(); }
  uint64_t former_id(const ipld::PeerId&) const override { return 0; }
  Task<Bytes> add_member(ipld::PeerId, SteadyTime) override { co_return fail(ErrorKind::kUnimplemented, "alone"); }
  std::string trouble() const override { return {}; }
  Task<> resign(SteadyTime) override { co_return Result<>{}; }
  Task<> remove_member(ipld::PeerId, SteadyTime) override { co_return fail(ErrorKind::kUnimplemented, "alone"); }
  std::unique_ptr<state::ChangeStream> feed(state::FeedPosition from) override {
    return std::make_unique<Feed>(*this, from);
  }
  Task<> wait_ready(SteadyTime) override { co_return Result<>{}; }
  Task<> stop() override {
    stopped_ = true;
    changed_.notify_all();
    co_return Result<>{};
  }

  bool broken = false;
  size_t submitted = 0;

 private:
  struct Feed final : state::ChangeStream {
    Feed(AppliedAtOnce& owner, state::FeedPosition from) : owner(owner), position(from) {}
    Task<std::vector<state::Change>> next(size_t max) override {
      for (;;) {
        if (owner.stopped_) co_return fail(ErrorKind::kUnavailable, "stopping");
        CO_TRY_ASSIGN(auto changes, owner.state_.changes_after(position, max));
        if (!changes.empty()) {
          position = changes.back().position;
          co_return changes;
        }
        CO_TRY(co_await owner.changed_.wait());
      }
    }
    AppliedAtOnce& owner;
    state::FeedPosition position;
  };
  Runtime& runtime_;
  state::State& state_;
  Notifier changed_;
  bool stopped_ = false;
};

class RestTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(set_log_levels("error"));
    state_ = *state::State::open({.path = "/state", .env = &env_, .cache_bytes = 8 << 20});
    consensus_ = std::make_unique<AppliedAtOnce>(runtime_, *state_);
    run([](RestTest& t) -> Task<> {
      proto::Operation init;
      init.mutable_cluster_init()->set_cluster_id("0123456789abcdef");
      init.mutable_cluster_init()->set_incarnation(1);
      std::vector<proto::Operation> operations{init};
      CO_TRY(co_await t.consensus_->submit(std::move(operations), {}));
      CO_TRY_ASSIGN(
          t.node_,
          co_await ipfs::EmbeddedNode::open(
              t.runtime_, {.path = "/store", .env = &t.env_, .reserve_bytes = 0, .write_buffer_bytes = 1 << 20}, {}));
      co_return Result<>{};
    }(*this));
    tracker::TrackerOptions tracker{.path = "/local", .env = &env_, .self = self_id(), .peername = "here"};
    tracker_ = *tracker::PinTracker::open(
        runtime_, *state_, *node_, [this](state::FeedPosition from) { return consensus_->feed(from); }, tracker);
    cluster_ = std::make_unique<cluster::Cluster>(
        runtime_, cluster::ClusterOptions{.self = self_id(), .peername = "here", .version = "1.1.6+test"}, *state_,
        *consensus_, *tracker_, *node_, *peers_, traffic_);
    records_ = std::make_unique<cluster::Records>(runtime_, cluster_->options(), *state_, *consensus_);
  }

  /// Listens with `options` (and a free port) and serves; tests that want other options call it themselves.
  void start(RestOptions options = {}, bool ready = true) {
    if (options.listen.empty()) options.listen = {*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/0")};
    api_ = std::make_unique<RestApi>(runtime_, std::move(options));
    auto listened = api_->listen();
    ASSERT_TRUE(listened) << listened.error().message;
    endpoint_ = *net::Endpoint::from_multiaddr(api_->addresses().at(0));
    api_->serve(*cluster_, *records_);
    cluster_->set_ready(ready ? Result<>{} : fail(ErrorKind::kUnavailable, "the state is being loaded"));
  }

  void TearDown() override {
    run([](RestTest& t) -> Task<> {
      if (t.api_) co_await t.api_->stop(t.runtime_.now());
      CO_TRY(co_await t.cluster_->stop());
      CO_TRY(co_await t.tracker_->stop());
      CO_TRY(co_await t.consensus_->stop());
      co_return co_await t.node_->stop();
    }(*this));
  }

  template <class T>
  Result<T> run(Task<T> task) {
    return runtime_.run_task(
        with_deadline(runtime_, runtime_.now() + std::chrono::seconds(30), "the test", std::move(task)));
  }

  struct Call {
    std::string method = "GET";
    std::string target;
    net::Headers headers = {};
    std::string body = {};
  };
  net::WholeResponse call(Call c) {
    if (!api_) start();
    auto answer = run(client_.fetch({.method = std::move(c.method),
                                     .endpoint = endpoint_,
                                     .target = std::move(c.target),
                                     .headers = std::move(c.headers),
                                     .body = std::move(c.body)},
                                    1 << 24));
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(net::WholeResponse{});
  }
  net::WholeResponse get(std::string target) { return call({.target = std::move(target)}); }
  net::WholeResponse post(std::string target, net::Headers headers = {}, std::string body = {}) {
    return call({"POST", std::move(target), std::move(headers), std::move(body)});
  }
  net::WholeResponse remove(std::string target) { return call({.method = "DELETE", .target = std::move(target)}); }

  struct Part {
    std::string path, content;
    net::FilePart::Kind kind = net::FilePart::Kind::kFile;
  };
  net::WholeResponse add(std::vector<Part> parts, std::string query = "") {
    net::MultipartWriter writer(1, 2);
    std::string body;
    for (auto& part : parts) body += writer.part_head("file", part.path, part.kind) + part.content;
    body += writer.closing();
    return post("/add" + query, {{"Content-Type", writer.content_type()}}, std::move(body));
  }

  static std::vector<std::string> lines(const std::string& body) {
    std::vector<std::string> out;
    for (size_t at = 0; at < body.size();) {
      auto end = body.find('\n', at);
      out.push_back(body.substr(at, end - at));
      at = end == std::string::npos ? body.size() : end + 1;
    }
    return out;
  }
  static const std::string* trailer(const net::WholeResponse& answer, std::string_view name) {
    return net::find_header(answer.trailers, name);
  }
  /// Waits until the status of `cid` here is `status`.
  void wait_for_status(const std::string& cid, std::string_view status) {
    auto wanted = fmt::format("\"status\":\"{}\"", status);
    auto until = runtime_.now() + std::chrono::seconds(20);
    std::string body;
    while (runtime_.now() < until) {
      body = get("/pins/" + cid).body;
      if (body.find(wanted) != std::string::npos) return;
      (void)run(runtime_.sleep_for(std::chrono::milliseconds(10)));
    }
    FAIL() << body;
  }

  RealRuntime runtime_{{.worker_threads = 2}};
  storage::FaultEnv env_;
  std::unique_ptr<state::State> state_;
  rpc::testing::SimNetwork network_{runtime_};
  std::unique_ptr<rpc::PeerClient> peers_ = network_.client(self_id());
  std::unique_ptr<AppliedAtOnce> consensus_;
  cluster::Traffic traffic_;
  std::unique_ptr<ipfs::EmbeddedNode> node_;
  std::unique_ptr<tracker::PinTracker> tracker_;
  std::unique_ptr<cluster::Cluster> cluster_;
  std::unique_ptr<cluster::Records> records_;
  std::unique_ptr<RestApi> api_;
  net::Endpoint endpoint_;
  net::HttpClient client_{runtime_};
};

}  // namespace ipfsc::api::rest::test
