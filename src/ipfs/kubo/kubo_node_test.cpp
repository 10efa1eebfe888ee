// The connector against a scripted RPC server: what Kubo can answer, told apart. tests/e2e/test_kubo.py has the real
// Kubo.
#include "ipfs/kubo/kubo_node.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/real_runtime.h"
#include "ipld/multihash.h"
#include "net/http_server.h"

namespace ipfsc::ipfs {
namespace {

using namespace std::chrono_literals;

const ipld::Cid kCid = ipld::Cid::parse("QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq").value();
const ipld::Cid kOther = ipld::Cid::parse("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy").value();

struct Answer {
  int status = 200;
  std::string body;
  std::string stream_error;
};

/// Answers each command with what was scripted for it, in order; remembers the targets.
class Script {
 public:
  Script() : server_(runtime_, {}, [this](net::Request& q, net::Response& a) { return handle(q, a); }) {
    EXPECT_TRUE(server_.listen(ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()));
    options_.endpoint = net::Endpoint::from_multiaddr(server_.addresses().front()).value();
    node_.emplace(runtime_, options_);
  }
  ~Script() {
    node_.reset();
    auto stop = [](Script& self) -> Task<> {
      co_await self.server_.stop(self.runtime_.now());
      co_return Result<>{};
    };
    EXPECT_TRUE(runtime_.run_task<void>(stop(*this)));
  }

  void on(std::string command, Answer answer) { answers_[std::move(command)].push_back(std::move(answer)); }
  KuboNode& node() { return *node_; }
  template <class T>
  Result<T> run(Task<T> task) {
    return runtime_.run_task<T>(std::move(task));
  }
  const std::vector<std::string>& targets() const { return targets_; }
  std::string body;  // of the last upload

 private:
  Task<> handle(net::Request& request, net::Response& response) {
    targets_.emplace_back(request.target());
    CO_TRY_ASSIGN(body, co_await request.read_all(1 << 20));
    auto& queue = answers_[request.path().substr(std::string("/api/v0/").size())];
    if (queue.empty()) co_return response.send(404, "404 page not found");
    auto answer = queue.front();
    if (queue.size() > 1) queue.pop_front();
    if (answer.stream_error.empty()) co_return response.send(answer.status, answer.body, "application/json");
    CO_TRY(response.begin({.status = answer.status, .trailers = {"X-Stream-Error"}}));
    CO_TRY(co_await response.write(answer.body));
    co_return response.end({{"X-Stream-Error", answer.stream_error}});
  }

  RealRuntime runtime_{{.worker_threads = 2}};
  net::HttpServer server_;
  KuboOptions options_;
  std::optional<KuboNode> node_;
  std::map<std::string, std::deque<Answer>> answers_;
  std::vector<std::string> targets_;
};

constexpr char kNotPinned[] = R"({"Message":"path 'QmP63' is not pinned","Code":0,"Type":"error"})";

TEST(KuboErrors, AreTheGoProgramsTexts) {
  EXPECT_EQ(kubo_error("pin/add", 500, R"({"Message":"context deadline exceeded","Code":0})").message,
            "IPFS error (pin/add). Code: 500. Message: context deadline exceeded");
  EXPECT_EQ(kubo_error("pin/add", 502, "Bad Gateway").message,
            "IPFS request failed (is it running?) (pin/add). Code 502: Bad Gateway");
  EXPECT_EQ(kubo_error("pin/ls", 500, kNotPinned).kind, ErrorKind::kNotFound);
  EXPECT_EQ(kubo_error("block/put", 500, R"({"Message":"write /x: no space left on device"})").kind,
            ErrorKind::kResourceExhausted);
}

TEST(KuboNode, PinsWhatIsNotPinnedYet) {
  Script script;
  script.on("pin/ls", {500, kNotPinned});
  script.on("pin/add", {200, "{\"Progress\":1}\n{\"Progress\":7}\n{\"Pins\":[\"QmP63\"]}\n"});
  uint64_t blocks = 0;
  auto done = script.run(
      script.node().pin({.cid = kCid, .name = "a b", .on_progress = [&](const PinProgress& p) { blocks = p.blocks; }}));
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(blocks, 7u);
  EXPECT_NE(script.targets().back().find("recursive=true"), std::string::npos);
  EXPECT_NE(script.targets().back().find("name=a%20b"), std::string::npos);
}

TEST(KuboNode, AnErrorInTheTrailerIsAnError) {
  Script script;
  script.on("pin/ls", {500, kNotPinned});
  script.on("pin/add", {200, "{\"Progress\":1}\n", "merkledag: not found"});
  auto done = script.run(script.node().pin({.cid = kCid}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kNotFound);
}

TEST(KuboNode, AnAnswerThatEndsEarlyIsNoPin) {
  Script script;
  script.on("pin/ls", {500, kNotPinned});
  script.on("pin/add", {200, "{\"Progress\":1}\n"});
  EXPECT_EQ(script.run(script.node().pin({.cid = kCid})).error().kind, ErrorKind::kUnavailable);
}

TEST(KuboNode, WhatIsPinnedIsNotPinnedAgain) {
  Script script;
  script.on("pin/ls", {200, R"({"Cid":"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq","Type":"recursive"})"});
  EXPECT_TRUE(script.run(script.node().pin({.cid = kCid})));
  EXPECT_EQ(script.targets().size(), 1u);
}

TEST(KuboNode, AnUpdateUsesTheOldPin) {
  Script script;
  script.on("pin/ls", {500, kNotPinned});
  script.on("pin/ls", {500, kNotPinned});
  script.on("pin/ls", {200, R"({"Cid":"x","Type":"recursive"})"});
  script.on("pin/update", {200, R"({"Pins":[]})"});
  EXPECT_TRUE(script.run(script.node().pin({.cid = kCid, .update_from = kOther})));
  EXPECT_NE(script.targets().back().find("pin/update?arg=" + kOther.to_string() + "&arg=" + kCid.to_string() +
                                         "&unpin=false"),
            std::string::npos);
}

TEST(KuboNode, IndirectPinsCountAsUnpinned) {
  Script script;
  script.on("pin/ls", {200, R"({"Cid":"x","Type":"indirect through y"})"});
  EXPECT_EQ(script.run(script.node().pinned(kCid, true)).value(), PinKind::kNone);
}

TEST(KuboNode, UnpinningWhatIsNotPinnedSucceeds) {
  Script script;
  script.on("pin/rm", {500, R"({"Message":"not pinned or pinned indirectly"})"});
  EXPECT_TRUE(script.run(script.node().unpin(kCid)));
}

TEST(KuboNode, ListsBothKinds) {
  Script script;
  script.on("pin/ls", {200, "{\"Cid\":\"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq\",\"Type\":\"recursive\"}\n"});
  script.on("pin/ls",
            {200, "{\"Cid\":\"bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy\",\"Type\":\"direct\"}\n"});
  auto list = script.node().list_pins();
  std::vector<PinnedItem> items;
  EXPECT_EQ(script.run(list->next(items, 10)).value(), 2u);
  EXPECT_EQ(items, (std::vector<PinnedItem>{{kCid, PinKind::kRecursive}, {kOther, PinKind::kDirect}}));
  EXPECT_EQ(script.run(list->next(items, 10)).value(), 0u);
}

TEST(KuboNode, BlocksArePutOnceForEachFormatAndConfirmed) {
  Script script;
  auto raw = ipld::Cid::of(1, ipld::kRaw, 0x12, "raw bytes").value();
  auto wrong = ipld::Cid::of(1, ipld::kRaw, 0x12, "other bytes").value();
  script.on("block/put", {200, "{\"Key\":\"" + raw.to_string() + "\",\"Size\":9}\n"});
  auto writer = script.run(script.node().put_blocks({})).value();
  EXPECT_TRUE(script.run(writer->put({{raw, "raw bytes"}})));
  EXPECT_NE(script.body.find("raw bytes"), std::string::npos);
  EXPECT_NE(script.targets().back().find("cid-codec=raw&mhtype=sha2-256&mhlen=32"), std::string::npos);
  EXPECT_EQ(script.run(writer->put({{wrong, "raw bytes"}})).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(script.run(writer->put({{wrong, "other bytes"}})).error().kind, ErrorKind::kUnavailable);
}

TEST(KuboNode, ADaemonThatIsNotThereIsUnavailable) {
  RealRuntime runtime({.worker_threads = 1});
  KuboNode node(runtime, {.endpoint = {.host = "127.0.0.1", .port = 1}});
  auto id = runtime.run_task<NodeId>(node.id());
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().kind, ErrorKind::kUnavailable);
  EXPECT_NE(id.error().message.find("is it running?"), std::string::npos);
}

}  // namespace
}  // namespace ipfsc::ipfs
