// Whole command lines against a server on the loopback that answers each request from a table.
#include "cmd/ctl/ctl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <boost/json.hpp>

#include "base/bytes.h"
#include "cmd/ctl/test_support.h"
#include "cmd/ctl/wait.h"
#include "ipld/cid.h"
#include "ipld/dag_pb.h"
#include "ipld/unixfs.h"

namespace ipfsc::cmd::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Ctl, HelpAndUsage) {
  for (std::vector<std::string> arguments : {std::vector<std::string>{"--help"}, {"-h"}, {"help"}, {"h"}, {}}) {
    auto run = ctl(arguments);
    EXPECT_EQ(run.code, 0);
    EXPECT_THAT(run.out, AllOf(HasSubstr("USAGE:"), HasSubstr("COMMANDS:"), HasSubstr("GLOBAL OPTIONS:")));
  }
  auto bad = ctl({"--nonsense"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.out, StartsWith("Incorrect Usage. flag provided but not defined: -nonsense\n"));
  bad = ctl({"pin", "add", "-nonsense"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.out, StartsWith("Incorrect Usage: flag provided but not defined: -nonsense\n"));
  bad = ctl({"pin", "add", "--rmin", "two", kCid});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.out, StartsWith("Incorrect Usage: invalid value \"two\" for flag -rmin: parse error\n"));
  bad = ctl({"peers", "invite"});
  EXPECT_EQ(bad.code, 3);
  EXPECT_EQ(bad.err, "No help topic for 'invite'\n");
  EXPECT_EQ(ctl({"nonsense"}).code, 3);
  EXPECT_THAT(ctl({"--version"}).out, StartsWith("ipfs-cluster-ctl version 1.1.6"));
  EXPECT_EQ(ctl({"--version"}).code, 0);
}

TEST(Ctl, EveryCommandHasHelpOfUpTo120Columns) {
  auto list = ctl({"commands"});
  EXPECT_EQ(list.code, 0);
  std::istringstream lines(list.out);
  int n = 0;
  for (std::string line; std::getline(lines, line); ++n) {
    std::vector<std::string> words;
    std::istringstream split(line);
    for (std::string word; split >> word;) words.push_back(word);
    ASSERT_EQ(words[0], "ipfs-cluster-ctl");
    words.erase(words.begin());
    words.push_back("--help");
    auto help = ctl(words);
    EXPECT_EQ(help.code, 0) << line;
    EXPECT_THAT(help.out, HasSubstr("USAGE:")) << line;
    std::istringstream text(help.out);
    for (std::string row; std::getline(text, row);) EXPECT_LE(row.size(), 120u) << row;
  }
  EXPECT_GT(n, 20);
  for (const char* command : {"id", "peers", "pin", "pin add", "status", "recover", "version", "commands"}) {
    EXPECT_THAT(list.out, HasSubstr("ipfs-cluster-ctl " + std::string(command) + "\n"));
  }
}

TEST(Ctl, ErrorsBeforeAnyRequest) {
  EXPECT_EQ(ctl({"--enc", "xml", "id"}).err, "error : unsupported encoding\n");
  EXPECT_THAT(ctl({"--host", "nonsense", "id"}).err, StartsWith("error parsing host multiaddress: "));
  EXPECT_THAT(ctl({"--secret", "xyz", "id"}).err, StartsWith("error parsing secret: "));
  EXPECT_THAT(ctl({"pin", "add", "nonsense"}).err, StartsWith("error parsing cid: "));
  EXPECT_THAT(ctl({"pin", "rm", "/nonsense/x"}).err, StartsWith("error parsing cid: "));
  EXPECT_THAT(ctl({"pin", "update", "x", kCid}).err, StartsWith("error parsing from Cid: "));
  EXPECT_THAT(ctl({"status", "nonsense"}).err, StartsWith("error parsing cid: "));
  EXPECT_EQ(ctl({"status", "--filter", "nonsense"}).err, "error parsing filter flag: invalid filter name\n");
  EXPECT_EQ(ctl({"pin", "add", "--metadata", "ab", kCid}).err,
            "error parsing metadata: metadata were not in the format key=value\n");
  EXPECT_THAT(ctl({"pin", "add", "--allocs", "x", kCid}).err, StartsWith("error decoding allocations: "));
  EXPECT_THAT(ctl({"pin", "add", "--expire-in", "soon", kCid}).err, StartsWith("error parsing expire-in: "));
  EXPECT_THAT(ctl({"peers", "rm", "x"}).err, StartsWith("error parsing peer ID: "));
  EXPECT_EQ(ctl({"add"}).err, "error : need at least one path\n");
  EXPECT_THAT(ctl({"add", "/does/not/exist"}).err, HasSubstr("no such file"));
  EXPECT_THAT(ctl({"add", "/tmp"}).err, HasSubstr("use the '-r' flag"));
  EXPECT_EQ(ctl({"add", "--format", "car", "-w", "/etc/hostname"}).code, 1);
  EXPECT_EQ(ctl({"add", "-w", "--format=zip", "/etc/hostname"}).code, 1);
}

TEST(Ctl, ErrorsOfTheApiAreOnStdout) {
  FakeApi api;
  api.on(std::string("GET /allocations/") + kCid, {404, R"({"code":404,"message":"pin is not part of the pinset"})"});
  auto run = ctl(api, {"pin", "ls", kCid});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, "An error occurred:\n  Code: 404\n  Message: pin is not part of the pinset\n");
  EXPECT_THAT(run.err, IsEmpty());
  run = ctl(api, {"--enc=json", "pin", "ls", kCid});
  EXPECT_THAT(run.out, StartsWith("{\n    \"code\": 404,\n"));
  run = ctl({"--host", "/ip4/127.0.0.1/tcp/1", "id"});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.out, StartsWith("An error occurred:\n  Code: 0\n  Message: "));
}

TEST(Ctl, SimpleCommands) {
  FakeApi api;
  api.on("GET /id",
         R"({"id":"12D3A","peername":"node-a","cluster_peers":["12D3A"],"error":"","ipfs":{"error":"down"}})");
  api.on("GET /version", R"({"version":"1.1.6"})");
  api.on("GET /peers", "{\"id\":\"12D3A\",\"error\":\"gone\"}\n{\"id\":\"12D3B\",\"error\":\"gone\"}\n");
  api.on("GET /monitor/metrics", R"(["ping","freespace"])");
  api.on("POST /ipfs/gc", R"({"peer_map":{}})");
  api.on("GET /health/alerts", "[]");
  EXPECT_EQ(ctl(api, {"id"}).out, "12D3A | node-a | Sees 0 other peers\n  > Addresses:\n  > IPFS ERROR: down\n");
  EXPECT_EQ(ctl(api, {"version"}).out, "1.1.6\n");
  EXPECT_EQ(ctl(api, {"-enc", "json", "version"}).out, "{\n    \"version\": \"1.1.6\"\n}\n");
  EXPECT_EQ(ctl(api, {"peers", "ls"}).out, "12D3A | ERROR: gone\n12D3B | ERROR: gone\n");
  EXPECT_EQ(ctl(api, {"health", "metrics"}).out, "ping\nfreespace\n");
  EXPECT_EQ(ctl(api, {"--enc", "json", "health", "metrics"}).out, "[\n    \"ping\",\n    \"freespace\"\n]\n");
  EXPECT_EQ(ctl(api, {"ipfs", "gc", "--local"}).out, "");
  EXPECT_EQ(ctl(api, {"health", "alerts"}).out, "");
  EXPECT_EQ(api.lines()[6], "POST /ipfs/gc?local=true");
}

TEST(Ctl, PinAddSendsItsOptionsAndShowsTheSettledStatus) {
  FakeApi api;
  api.on(std::string("POST /pins/ipfs/") + kCid + "/a%20b", pin_json());
  api.on(std::string("GET /pins/") + kCid, status_json("pinning"));
  api.on(std::string("GET /pins/") + kCid, status_json("pinned"));
  auto peer = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M";
  auto run = ctl(api, {"pin", "add", std::string(kCid) + "/a b", "-rmin", "1", "--rmax=2", "-n", "a name", "--metadata",
                       "k=v", "-metadata", "x=y=z", "--allocs", peer, "--expire-in", "24h", "--mode", "direct"});
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_EQ(run.out,
            std::string(kCid) +
                ":\n    > node-a               : PINNED | 2026-01-02T03:04:05Z | Attempts: 0 | Priority: false\n");
  EXPECT_EQ(api.lines()[0], std::string("POST /pins/ipfs/") + kCid +
                                "/a%20b?replication-min=1&replication-max=2&name=a%20name&mode=direct&shard-size=0&"
                                "user-allocations=" +
                                peer + "&expire-in=24h&meta-k=v&meta-x=y%3Dz");
  EXPECT_EQ(api.lines().size(), 3u);
}

TEST(Ctl, PinVariants) {
  FakeApi api;
  for (const char* line : {"POST /pins/ipfs/", "DELETE /pins/ipfs/"}) api.on(line + std::string(kCid), pin_json());
  api.on("GET /allocations", pin_json() + "\n" + pin_json() + "\n");
  EXPECT_THAT(ctl(api, {"pin", "add", "--no-status", kCid}).out, HasSubstr("| PIN | Repl. Factor: -1 |"));
  EXPECT_THAT(ctl(api, {"pin", "rm", "-ns", kCid}).out, HasSubstr("| PIN |"));
  EXPECT_THAT(ctl(api, {"pin", "update", "--ns", kCid, kCid}).out, HasSubstr("| PIN |"));
  auto ls = ctl(api, {"pin", "ls"});
  EXPECT_EQ(std::count(ls.out.begin(), ls.out.end(), '\n'), 2);
  auto lines = api.lines();
  EXPECT_THAT(lines[0], HasSubstr("replication-min=0&replication-max=0&name=&mode=recursive"));
  EXPECT_THAT(lines[2], HasSubstr(std::string("&pin-update=") + kCid));
  EXPECT_EQ(lines[3], "GET /allocations?filter=all");
}

TEST(Ctl, Waiting) {
  FakeApi api;
  api.on(std::string("POST /pins/ipfs/") + kCid, pin_json());
  api.on(std::string("DELETE /pins/ipfs/") + kCid, pin_json());
  api.on(std::string("GET /pins/") + kCid, status_json("pin_queued"));
  api.on(std::string("GET /pins/") + kCid, status_json("pinned"));
  api.on(std::string("GET /pins/") + kCid, status_json("pin_error"));
  auto reached = ctl(api, {"pin", "add", "--wait", kCid});
  EXPECT_EQ(reached.code, 0);
  EXPECT_THAT(reached.out, HasSubstr(": PINNED |"));
  auto failed = ctl(api, {"pin", "add", "--wl", "1", kCid});
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(failed.err, "error waiting for pin status: error has occurred while attempting to reach status: pinned\n");
  std::atomic<bool> cancelled{true};
  EXPECT_EQ(ctl({"--host", api.host(), "pin", "add", "--wait", kCid}, &cancelled).code, 125);
}

TEST(Ctl, WaitRules) {
  auto state = [](std::vector<std::string> statuses, std::string_view target, int64_t limit) {
    boost::json::object peers;
    for (const auto& status : statuses) {
      peers[std::to_string(peers.size())] = boost::json::object{{"status", status}};
    }
    return wait_state(boost::json::object{{"peer_map", peers}}, target, limit);
  };
  EXPECT_EQ(state({"pinned", "pinning"}, "pinned", 0), WaitState::kGoOn);
  EXPECT_EQ(state({"pinned", "pinning"}, "pinned", 1), WaitState::kReached);
  EXPECT_EQ(state({"pinned", "remote"}, "pinned", 0), WaitState::kReached);
  EXPECT_EQ(state({"pinned", "remote"}, "pinned", -1), WaitState::kReached);
  EXPECT_EQ(state({"pinned", "remote"}, "pinned", 2), WaitState::kGoOn);
  EXPECT_EQ(state({"pinned"}, "pinned", 5), WaitState::kReached);  // not more than there are peers
  EXPECT_EQ(state({"remote", "unpinned"}, "unpinned", 0), WaitState::kGoOn);
  EXPECT_EQ(state({"pinned", "cluster_error"}, "pinned", 1), WaitState::kFailed);
}

TEST(Ctl, PinLsNarrowsTheList) {
  FakeApi api;
  std::string pin = R"({"cid":"QmA","name":"docs","type":"pin","mode":"recursive","replication_factor_min":-1,)"
                    R"("replication_factor_max":-1,"max_depth":-1})";
  api.on("GET /allocations?filter=all&name=a%20b&name-prefix=a&meta-k=v%3Dw&sort=newest&peer=12D3A&limit=7",
         pin + "\n");
  EXPECT_THAT(ctl(api, {"pin", "ls", "--name", "a b", "--name-prefix=a", "--meta", "k=v=w", "--sort", "newest",
                        "--peer", "12D3A", "--limit", "7"})
                  .out,
              StartsWith("QmA | docs | PIN | "));
  api.on("GET /allocations?filter=pin&name=&count=true", "{\"count\":12}\n");
  EXPECT_EQ(ctl(api, {"pin", "ls", "--filter", "pin", "--name", "", "--count"}).out, "12\n");
  EXPECT_EQ(ctl(api, {"--enc=json", "pin", "ls", "--filter=pin", "--name=", "--count"}).out,
            "{\n    \"count\": 12\n}\n");
  api.on(std::string("GET /allocations/") + kCid + "?at=-24h",
         pin.substr(0, pin.size() - 1) + R"(,"at":"2026-01-02T03:04:05Z","peers":[{"peer":"12D3A","peername":"node-a",)"
                                         R"("allocated":true,"confirmed":null,"error":"no answer"}]})");
  EXPECT_THAT(ctl(api, {"pin", "ls", "--at=-24h", kCid}).out,
              HasSubstr("\n    > node-a               : ALLOCATED | UNKNOWN: no answer\n"));
  EXPECT_EQ(ctl(api, {"pin", "ls", "--limit", "3", kCid}).code, 1);
  EXPECT_EQ(ctl(api, {"pin", "ls", "--meta", "x"}).err,
            "error parsing metadata: metadata were not in the format key=value\n");
}

TEST(Ctl, PinHistory) {
  FakeApi api;
  api.on(
      std::string("GET /allocations/") + kCid + "/history?limit=2",
      R"({"position":"1.7.0","type":"unpin","time":"2026-01-02T03:04:05Z","actor":"rest","cid":"QmA","before":{},"after":null})"
      "\n"
      R"({"position":"1.5.0","type":"pin","time":"2026-01-01T03:04:05Z","actor":"rest:ann","cid":"QmA","before":null,"after":)"
      R"({"cid":"QmA","name":"docs","type":"pin","mode":"recursive","replication_factor_min":1,"replication_factor_max":2,)"
      R"("allocations":["12D3B","12D3A"],"max_depth":-1}})"
      "\n");
  EXPECT_EQ(
      ctl(api, {"pin", "history", "--limit", "2", kCid}).out,
      "2026-01-02 03:04:05 | 1.7.0 | UNPIN | rest | QmA\n"
      "2026-01-01 03:04:05 | 1.5.0 | PIN | rest:ann | QmA | docs | PIN | Repl. Factor: 1--2 | Allocations: [12D3A "
      "12D3B] | Recursive | Metadata: no | Exp: ∞ | Added: unknown\n");
  EXPECT_THAT(ctl(api, {"pin", "history", "x"}).err, StartsWith("error parsing cid: "));
}

TEST(Ctl, EventsUntilNow) {
  FakeApi api;
  std::string event =
      R"({"position":"1.7.0","type":"peer","time":"2026-01-02T03:04:05Z","actor":"membership","peer":"12D3A"})";
  std::string end = R"(data: {"position":"1.7.0","type":"end","reason":")";
  std::string events =
      ": listening\nid: 1.2.0\n\nid: 1.7.0\nevent: peer\ndata: " + event + "\n\nid: 1.7.0\nevent: end\n";
  api.on("GET /events?from=oldest&follow=false", events + end + "end\",\"message\":\"m\"}\n\n");
  EXPECT_EQ(ctl(api, {"events"}).out, "2026-01-02 03:04:05 | 1.7.0 | PEER | membership | 12D3A\n");
  EXPECT_EQ(ctl(api, {"events"}).code, 0);
  EXPECT_THAT(ctl(api, {"--enc=json", "events"}).out, StartsWith("{\n    \"position\": \"1.7.0\",\n"));
  api.on("GET /events?from=1.1.0&follow=false&type=peer&cid=QmA",
         events + end + "lost\",\"message\":\"it is gone\"}\n\n");
  auto run = ctl(api, {"events", "--from", "1.1.0", "--type", "peer", "--cid=QmA"});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.err, "error : it is gone\n");
  // A follower goes on behind the last event until it is told that this cannot be.
  api.on("GET /events?from=now&follow=true", events + end + "slow\",\"message\":\"m\"}\n\n");
  api.on("GET /events?from=1.7.0&follow=true", {400, R"({"code":400,"message":"the history is gone"})"});
  run = ctl(api, {"events", "--follow"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.out, AllOf(StartsWith("2026-01-02 03:04:05 | 1.7.0 | PEER"), HasSubstr("the history is gone")));
}

TEST(Ctl, StatusRecoverSync) {
  FakeApi api;
  std::string one = status_json("pinned");
  std::string cid = kCid;
  api.on("GET /pins", one + "\n" + one + "\n");
  for (auto* line : {"GET /pins/", "POST /pins/"}) api.on(line + cid, one);
  for (auto* what : {"recover", "sync"}) {
    api.on("POST /pins/" + std::string(what), one + "\n");
    api.on("POST /pins/" + cid + "/" + what, one);
  }
  EXPECT_EQ(ctl(api, {"status"}).code, 0);
  EXPECT_EQ(ctl(api, {"status", "--local", "--filter", "error, pinned"}).code, 0);
  EXPECT_EQ(ctl(api, {"status", cid}).code, 0);
  EXPECT_EQ(ctl(api, {"status", cid, cid}).code, 0);
  EXPECT_EQ(ctl(api, {"recover", "--local"}).code, 0);
  EXPECT_EQ(ctl(api, {"recover", cid}).code, 0);
  EXPECT_EQ(ctl(api, {"sync"}).code, 0);
  EXPECT_EQ(ctl(api, {"sync", cid}).code, 0);
  EXPECT_THAT(api.lines(),
              ElementsAre("GET /pins?local=false&filter=", "GET /pins?local=true&filter=error%2C%20pinned",
                          "GET /pins/" + cid + "?local=false", "GET /pins?local=false&cids=" + cid + "%2C" + cid,
                          "POST /pins/recover?local=true", "POST /pins/" + cid + "/recover?local=false",
                          "POST /pins/sync?local=false", "POST /pins/" + cid + "/sync?local=false"));
}

TEST(Ctl, Add) {
  TemporaryFolder folder;
  std::ofstream(folder.path + "/a.txt") << "hello";
  FakeApi api;
  api.on("POST /add",
         "{\"name\":\"a.txt\",\"cid\":\"QmA\",\"size\":5}\n{\"name\":\"\",\"cid\":\"QmRoot\",\"size\":60}\n");
  auto run = ctl(api, {"add", "-r", folder.path, "--name", "n", "--cid-version=1"});
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_EQ(run.out, "added QmA a.txt\nadded QmRoot \n");
  EXPECT_THAT(api.last_body(), AllOf(HasSubstr("application/x-directory"), HasSubstr("\r\n\r\nhello\r\n")));
  EXPECT_THAT(api.lines()[0],
              AllOf(HasSubstr("POST /add?replication-min=0"), HasSubstr("&name=n&"), HasSubstr("cid-version=1"),
                    HasSubstr("raw-leaves=true"), HasSubstr("shard=false"), HasSubstr("stream-channels=true"),
                    HasSubstr("chunker=size-262144"), HasSubstr("wrap-with-directory=false")));
  std::string file = folder.path + "/a.txt";
  EXPECT_EQ(ctl(api, {"add", "-q", file}).out, "QmA\nQmRoot\n");
  EXPECT_EQ(ctl(api, {"add", "-Q", file}).out, "QmRoot\n");
  EXPECT_THAT(ctl(api, {"--enc=json", "add", "--no-stream", "-Q", file}).out,
              StartsWith("[\n    {\n        \"name\": \"\""));
  EXPECT_THAT(ctl(api, {"--enc=json", "add", file}).out, StartsWith("{\n    \"name\": \"a.txt\""));
  ctl(api, {"add", file, file, "--hash", "sha3-256"});
  EXPECT_THAT(api.lines().back(),
              AllOf(HasSubstr("wrap-with-directory=true"), HasSubstr("cid-version=1"), HasSubstr("hash=sha3-256")));
}

// A gateway of one directory: {"big": two chunks, "link": → big, "small": raw block, "sub": {"": refused in another
// test}}.
struct Dag {
  std::map<std::string, std::string> blocks;  // by CID text

  ipld::Cid put(uint64_t codec, const std::string& bytes) {
    auto cid = ipld::Cid::of(1, codec, static_cast<uint64_t>(ipld::HashCode::kSha2_256), bytes);
    EXPECT_TRUE(cid);
    blocks[cid->to_string()] = bytes;
    return *cid;
  }
  ipld::Cid directory(std::vector<std::pair<std::string, ipld::Cid>> members) {
    ipld::PbNode node;
    for (auto& [name, cid] : members) node.links.push_back({.cid = cid, .name = name, .tsize = 10});
    node.data = ipld::encode_unixfs({.type = ipld::UnixFsType::kDirectory});
    return put(ipld::kDagPb, ipld::encode_pb(node));
  }
  ipld::Cid symlink(const std::string& target) {
    ipld::PbNode node;
    node.data = ipld::encode_unixfs({.type = ipld::UnixFsType::kSymlink, .data = target});
    return put(ipld::kDagPb, ipld::encode_pb(node));
  }
  ipld::Cid file(const std::string& first, const std::string& second) {
    ipld::PbNode node;
    node.links.push_back({.cid = put(ipld::kRaw, first), .name = "", .tsize = first.size()});
    node.links.push_back({.cid = put(ipld::kRaw, second), .name = "", .tsize = second.size()});
    node.data = ipld::encode_unixfs({.type = ipld::UnixFsType::kFile,
                                     .file_size = first.size() + second.size(),
                                     .block_sizes = {first.size(), second.size()}});
    return put(ipld::kDagPb, ipld::encode_pb(node));
  }
  void serve(FakeApi& api) const {
    for (const auto& [cid, bytes] : blocks) api.on("GET /ipfs/" + cid + "?format=raw", bytes);
  }
};

TEST(Ctl, GetsADirectory) {
  Dag dag;
  auto big = dag.file(std::string(1000, 'a'), "end");
  auto sub = dag.directory({{"inner.txt", dag.put(ipld::kRaw, "inner")}});
  auto root = dag.directory(
      {{"big", big}, {"link", dag.symlink("big")}, {"small", dag.put(ipld::kRaw, "small")}, {"sub", sub}});
  FakeApi api;
  dag.serve(api);
  api.on("GET /ipfs/" + big.to_string(), std::string(1000, 'a') + "end");
  TemporaryFolder folder;
  std::string target = folder.path + "/out";
  auto run = ctl({"get", "--gateway", api.url() + "/", root.to_string(), "-o", target});
  ASSERT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_EQ(run.out, "saved " + target + "\n");
  EXPECT_EQ(contents(target + "/big"), std::string(1000, 'a') + "end");
  EXPECT_EQ(contents(target + "/small"), "small");
  EXPECT_EQ(contents(target + "/sub/inner.txt"), "inner");
  EXPECT_EQ(std::filesystem::read_symlink(target + "/link"), "big");
  run = ctl({"get", "--gateway", api.host(), root.to_string(), "-o", target});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("exists already"));
}

TEST(Ctl, GetRefusesWhatIsNotTrue) {
  Dag dag;
  auto outside = dag.directory({{"../evil", dag.put(ipld::kRaw, "evil")}});
  auto through = dag.directory({{"a", dag.symlink("/tmp")}, {"a", dag.put(ipld::kRaw, "evil")}});
  auto cut = dag.file("first", "second");
  auto forged = dag.put(ipld::kRaw, "true");
  dag.blocks[forged.to_string()] = "false";
  FakeApi api;
  dag.serve(api);
  api.on("GET /ipfs/" + cut.to_string(), "first");
  TemporaryFolder folder;
  auto get = [&](const ipld::Cid& cid, std::string name) {
    return ctl({"get", "--gateway", api.url(), cid.to_string(), "-o", folder.path + "/" + name});
  };
  EXPECT_THAT(get(outside, "o").out, HasSubstr("cannot be a file"));
  EXPECT_FALSE(std::filesystem::exists(folder.path + "/evil"));
  EXPECT_NE(get(through, "t").code, 0);
  EXPECT_THAT(get(cut, "c").out, HasSubstr("got 5 bytes of 11"));
  EXPECT_FALSE(std::filesystem::exists(folder.path + "/c"));
  EXPECT_NE(get(forged, "f").code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder.path + "/f"));
  auto missing = ctl({"get", "--gateway", api.url(), kCid, "-o", folder.path + "/m"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.out, HasSubstr("Code: 404"));
}

}  // namespace
}  // namespace ipfsc::cmd::ctl
