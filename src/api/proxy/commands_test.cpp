// Our own commands, over the embedded node.
#include "api/proxy/test_support.h"

namespace ipfsc::api::proxy::test {
namespace {

// What `ipfs add` of Kubo says of these bytes.
constexpr std::string_view kHello = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD";  // "hello world"
constexpr std::string_view kHelloRaw = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
constexpr std::string_view kOther = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq";

std::string with(std::string_view command, std::string_view cid) { return fmt::format("{}?arg={}", command, cid); }

TEST_F(ProxyTest, AddsCatsAndListsAsKubo) {
  auto added = send("add", {{"hello.txt", "hello world"}});
  EXPECT_EQ(added.status, 200);
  EXPECT_EQ(added.body, fmt::format("{{\"Name\":\"hello.txt\",\"Hash\":\"{}\",\"Size\":\"19\"}}\n", kHello));
  EXPECT_EQ(header(added, "Content-Type"), "application/json");
  EXPECT_EQ(header(added, "X-Chunked-Output"), "1");
  EXPECT_EQ(header(added, "Server"), "ipfs-cluster/ipfsproxy/1.1.6+test");
  EXPECT_EQ(pins(), 1u);
  EXPECT_EQ(send("add", {{"", "hello world"}}).body,
            fmt::format("{{\"Name\":\"{0}\",\"Hash\":\"{0}\",\"Size\":\"19\"}}\n", kHello));

  auto content = command(with("cat", kHello));
  EXPECT_EQ(content.body, "hello world");
  EXPECT_EQ(header(content, "X-Stream-Output"), "1");
  EXPECT_EQ(header(content, "X-Content-Length"), "11");
  EXPECT_EQ(command(with("cat", kHello) + "&arg=/ipfs/" + std::string(kHello) + "&offset=6&length=10").body,
            "worldhello");
  EXPECT_EQ(command(with("cat", kHello) + "&offset=-1").body, error("cannot specify negative offset"));
  auto missing = command(with("cat", kOther));
  EXPECT_EQ(missing.status, 500);
  EXPECT_THAT(missing.body, testing::HasSubstr(kOther));

  EXPECT_EQ(command("pin/ls").body, fmt::format("{{\"Keys\":{{\"{}\":{{\"Type\":\"recursive\"}}}}}}", kHello));
  EXPECT_EQ(command("pin/ls?stream=true").body, fmt::format("{{\"Cid\":\"{}\",\"Type\":\"recursive\"}}\n", kHello));
  EXPECT_EQ(command(with("pin/ls", kHello) + "&stream=true").body,
            fmt::format("{{\"Cid\":\"{}\",\"Type\":\"recursive\"}}", kHello));
  EXPECT_THAT(command("repo/stat").body, testing::HasSubstr("\"NumObjects\":"));
}

TEST_F(ProxyTest, ReportsProgressOfAnAdd) {
  auto answer = send("add?progress=true&pin=false", {{"a", "hello world"}});
  EXPECT_EQ(lines(answer.body),
            (std::vector<std::string>{R"({"Name":"a","Bytes":11})",
                                      fmt::format(R"({{"Name":"a","Hash":"{}","Size":"19"}})", kHello)}));
  EXPECT_EQ(pins(), 0u);  // pin=false
  answer = send("add?stream-channels=false", {{"a", "hello world"}});
  EXPECT_EQ(answer.body, fmt::format("[{{\"Name\":\"a\",\"Hash\":\"{}\",\"Size\":\"19\"}}]\n", kHello));
}

TEST_F(ProxyTest, AnAddThatCannotBeDoneAsAskedDoesNothing) {
  for (std::string option :
       {"only-hash=true", "inline=true", "to-files=/a", "preserve-mode=true", "max-file-links=8"}) {
    auto answer = send("add?" + option, {{"a", "hello world"}});
    EXPECT_EQ(answer.status, 500) << option;
    EXPECT_EQ(answer.body, error(option.substr(0, option.find('=')) + " is not supported when adding to cluster"));
  }
  EXPECT_THAT(send("add?trickle=true", {{"a", "x"}}).body, testing::HasSubstr("trickle"));
  EXPECT_THAT(send("add?replication-min=x", {{"a", "x"}}).body,
              testing::HasSubstr("error parsing options: parameter replication-min invalid"));
  EXPECT_THAT(command("add").body, testing::HasSubstr("error reading request: "));
  auto broken = ask({"POST", "add", {{"Content-Type", "multipart/form-data; boundary=b"}}, "--b\r\nx"});
  EXPECT_EQ(broken.status, 500);
  EXPECT_THAT(broken.body, testing::HasSubstr("\"Type\":\"error\""));
  auto array = send("add?stream-channels=false&cid-version=7", {{"a", "x"}});
  EXPECT_EQ(array.status, 500);
  EXPECT_THAT(array.body, testing::HasSubstr("{\"code\":500,\"message\":"));  // of the REST API, as in Go
  EXPECT_EQ(pins(), 0u);
  EXPECT_EQ(*run(node_->has(*ipld::Cid::parse(kHello))), false);
}

TEST_F(ProxyTest, PinsSeveralWithNameAndMode) {
  for (auto text : {"hello world", "other"}) ASSERT_EQ(send("add?pin=false", {{"a", text}}).status, 200);
  auto one = std::string(kHello);
  auto answer =
      command(with("pin/add", one) + "&arg=/ipfs/" + std::string(kOther) + "&recursive=false&name=some%20name");
  EXPECT_EQ(answer.body, fmt::format("{{\"Pins\":[\"{}\",\"{}\"]}}", kHello, kOther));
  auto pin = state_->get(*ipld::Cid::parse(kHello));
  ASSERT_TRUE(pin && *pin);
  EXPECT_TRUE((*pin)->pin.direct());
  EXPECT_EQ((*pin)->pin.options.name, "some name");
  EXPECT_THAT(command("pin/ls?type=direct&names=true").body,
              testing::HasSubstr(fmt::format("\"{}\":{{\"Type\":\"direct\",\"Name\":\"some name\"}}", kHello)));
  EXPECT_EQ(command("pin/ls?type=recursive").body, "{\"Keys\":{}}");
  EXPECT_EQ(command("pin/ls?type=recursive&stream=true").body, "");
  EXPECT_EQ(command("pin/ls?name=nobody").body, "{\"Keys\":{}}");
  EXPECT_EQ(lines(command("pin/ls?name=me%20na&s=true").body).size(), 2u);
  EXPECT_THAT(command("pin/ls?type=x").body, testing::HasSubstr("must be one of"));
  EXPECT_EQ(command(with("pin/ls", kHello) + "&type=recursive").body,
            error(fmt::format("Error: path '{}' is not pinned", kHello)));

  // Of several, none is removed when one is not there.
  answer = command(with("pin/rm", kHello) + "&arg=" + std::string(kHelloRaw));
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, error("pin is not part of the pinset"));
  EXPECT_EQ(pins(), 2u);
  EXPECT_EQ(command("pin/rm/" + one).body, fmt::format("{{\"Pins\":[\"{}\"]}}", kHello));
  EXPECT_EQ(pins(), 1u);
}

TEST_F(ProxyTest, PinAddFollowsProgressUntilItIsPinned) {
  ASSERT_EQ(send("add?pin=false", {{"a", "hello world"}}).status, 200);
  auto answer = command(with("pin/add", kHello) + "&progress=true");
  auto got = lines(answer.body);
  ASSERT_GE(got.size(), 2u);
  EXPECT_THAT(got[got.size() - 2], testing::HasSubstr("{\"Progress\":1,\"Bytes\":"));
  EXPECT_EQ(got.back(), fmt::format("{{\"Pins\":[\"{}\"]}}", kHello));
  // Nobody has it: the pin is stored, the error says so.
  answer = command(with("pin/add", kHelloRaw) + "&progress=true");
  ASSERT_NE(trailer(answer, "X-Stream-Error"), nullptr);
  EXPECT_THAT(*trailer(answer, "X-Stream-Error"), testing::HasSubstr("is stored as a pin, and has 0 of 1 copies"));
  EXPECT_EQ(pins(), 2u);
}

TEST_F(ProxyTest, PinUpdateMovesThePin) {
  ASSERT_EQ(send("add", {{"a", "hello world"}}).status, 200);
  ASSERT_EQ(send("add?pin=false&cid-version=1", {{"a", "hello world"}}).status, 200);
  auto update = [&](std::string_view from, std::string_view to) {
    return command(fmt::format("pin/update?arg={}&arg={}", from, to));
  };
  EXPECT_EQ(command("pin/update").status, 400);
  EXPECT_EQ(command("pin/update").body, error("argument \\\"from-path\\\" is required"));
  EXPECT_EQ(command(with("pin/update", kHello)).body, error("argument \\\"to-path\\\" is required"));
  EXPECT_THAT(update("x", kHello).body, testing::HasSubstr("error parsing \\\"from-path\\\" argument: "));
  EXPECT_THAT(update(kHello, "x").body, testing::HasSubstr("error parsing \\\"to-path\\\" argument: "));
  EXPECT_EQ(update(kOther, kHelloRaw).body, error("pin is not part of the pinset"));
  EXPECT_EQ(update(kHello, kHello).status, 200);  // changes nothing
  EXPECT_EQ(pins(), 1u);
  EXPECT_EQ(update(kHello, kHelloRaw).body, fmt::format("{{\"Pins\":[\"{}\",\"{}\"]}}", kHello, kHelloRaw));
  EXPECT_EQ(command("pin/ls").body, fmt::format("{{\"Keys\":{{\"{}\":{{\"Type\":\"recursive\"}}}}}}", kHelloRaw));
}

TEST_F(ProxyTest, TakesAndGivesBlocks) {
  auto put = send("block/put", {{"a", "hello world"}, {"b", "another"}});
  EXPECT_EQ(lines(put.body).at(0), fmt::format("{{\"Key\":\"{}\",\"Size\":11}}", kHelloRaw));
  EXPECT_EQ(lines(put.body).size(), 2u);
  EXPECT_EQ(pins(), 0u);
  EXPECT_EQ(command(with("block/get", kHelloRaw)).body, "hello world");
  EXPECT_EQ(command(with("block/stat", kHelloRaw)).body, fmt::format("{{\"Key\":\"{}\",\"Size\":11}}", kHelloRaw));
  put = send("block/put?pin=true&format=v0", {{"a", "\x0a\x02\x08\x01"}});  // an empty directory
  EXPECT_EQ(put.body, "{\"Key\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\",\"Size\":4}\n");
  EXPECT_EQ(pins(), 1u);
  EXPECT_EQ(command(with("cat", "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")).body,
            error("this dag node is a directory"));
  EXPECT_THAT(send("block/put?mhtype=nope", {{"a", "x"}}).body, testing::HasSubstr("nope"));
  EXPECT_THAT(send("block/put?cid-codec=dag-json", {{"a", "x"}}).body, testing::HasSubstr("dag-json"));
  EXPECT_THAT(send("block/put", {{"a", std::string(3 << 20, 'x')}}).body, testing::HasSubstr("allow-big-block"));
  EXPECT_EQ(send("block/put?allow-big-block=true", {{"a", std::string(3 << 20, 'x')}}).status, 200);
  EXPECT_EQ(command("block/put").status, 400);
}

TEST_F(ProxyTest, WithoutKuboOtherCommandsAreNamedInTheError) {
  for (std::string name : {"dht/findprovs", "swarm/peers", "pin/verify", "pin/add/", "dag/put", "ls"}) {
    auto answer = command(name);
    EXPECT_EQ(answer.status, 501) << name;
    EXPECT_THAT(answer.body, testing::StartsWith("{\"Message\":\"the command \\\"" + name + "\\\" is not offered: "));
  }
  EXPECT_EQ(command("/webui").status, 501);
  EXPECT_EQ(command("/api/v0//version").status, 301);
  EXPECT_EQ(command("version").body,
            R"({"Version":"1.1.6+test","Commit":"","Repo":"","System":"amd64/linux","Golang":""})");
  EXPECT_THAT(command("id").body, testing::HasSubstr("\"ID\":\"12D3KooW"));
  EXPECT_EQ(ask({.target = "version"}).status, 405);           // as in Kubo
  EXPECT_EQ(ask({.target = "pin/ls"}).body, "{\"Keys\":{}}");  // as in Go
  EXPECT_EQ(ask({.method = "DELETE", .target = "pin/ls"}).status, 501);
}

TEST_F(ProxyTest, OnlyPagesOfThisMachineMayUseIt) {
  auto from = [&](std::string name, std::string value) { return command("pin/ls", {{name, value}}); };
  EXPECT_EQ(from("Origin", "http://evil.example").status, 403);
  EXPECT_EQ(from("Origin", "http://localhost.evil.example").status, 403);
  EXPECT_EQ(from("Sec-Fetch-Site", "cross-site").status, 403);
  EXPECT_EQ(from("Sec-Fetch-Site", "none").status, 200);
  auto local = from("Origin", "http://localhost:3000");
  EXPECT_EQ(local.status, 200);
  EXPECT_EQ(header(local, "Access-Control-Allow-Origin"), "http://localhost:3000");
}

TEST_F(ProxyTest, WhileThePeerStartsCommandsWait) {
  start_proxy({}, false);
  auto answer = command("pin/ls");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, error("the state is being loaded"));
  EXPECT_EQ(header(answer, "Retry-After"), "1");
}

TEST_F(ProxyTest, CredentialsWhenConfigured) {
  ProxyOptions options;
  options.credentials = std::map<std::string, std::string>{{"alice", "secret"}};
  start_proxy(std::move(options));
  EXPECT_EQ(command("version").status, 401);
  EXPECT_EQ(command("version", {{"Authorization", net::basic_auth("alice", "secret")}}).status, 200);
}

TEST_F(ProxyTest, CollectsGarbage) {
  ASSERT_EQ(send("add?pin=false&cid-version=1", {{"a", "hello world"}}).status, 200);
  auto answer = command("repo/gc");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, testing::HasSubstr(fmt::format("{{\"Key\":{{\"/\":\"{}\"}}}}\n", kHelloRaw)));
  EXPECT_EQ(command(with("block/get", kHelloRaw)).status, 500);
  EXPECT_EQ(command("repo/gc?silent=true").body, "");
}

}  // namespace
}  // namespace ipfsc::api::proxy::test
