// What ipfs-cluster-ctl does beyond the Go program: tables, config, events that go on, standard input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include <boost/json.hpp>

#include "cmd/ctl/test_support.h"
#include "cmd/ctl/wait.h"

namespace ipfsc::cmd::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Ctl, WaitText) {
  auto info = boost::json::parse(R"({"peer_map":{"a":{"status":"pinned"},"b":{"status":"pinning","bytes":1500},
    "c":{"status":"pin_queued"},"d":{"status":"remote"}}})");
  EXPECT_EQ(wait_text(info, "pinned"), "1 of 3 peers: pinned; 1 pin_queued, 1 pinning, 1.5 kB");
  EXPECT_EQ(wait_text(boost::json::parse(R"({"peer_map":{"a":{"status":"pinned"}}})"), "pinned"),
            "1 of 1 peers: pinned");
  EXPECT_EQ(wait_text(boost::json::value(), "pinned"), "0 of 0 peers: pinned");
}

TEST(Ctl, AllClaims) {
  FakeApi api;
  api.on(std::string("DELETE /pins/ipfs/") + kCid, pin_json());
  EXPECT_EQ(ctl(api, {"pin", "rm", "--ns", "--all-claims", kCid}).code, 0);
  EXPECT_EQ(api.lines()[0], std::string("DELETE /pins/ipfs/") + kCid + "?all-claims=true");
}

TEST(Ctl, StatusWhy) {
  FakeApi api;
  std::string cid = kCid;
  api.on(
      "GET /pins/" + cid + "?local=false",
      R"({"cid":")" + cid +
          R"(","name":"docs","peer_map":{"12D3A":{"peername":"a","status":"pinned","timestamp":"2026-01-02T03:04:05Z"},)"
          R"("12D3B":{"peername":"b","status":"pin_error","timestamp":"2026-01-02T03:04:06Z","error":"no route",)"
          R"("reason":"nobody has it","attempt_count":3,"next_try":"2026-01-02T04:00:00Z"},)"
          R"("12D3C":{"peername":"","status":"pinning","bytes":1500,"error":"","attempt_count":0}}})");
  api.on("GET /allocations/" + cid,
         R"({"cid":")" + cid +
             R"(","name":"docs","type":"pin","mode":"recursive","max_depth":-1,)"
             R"("replication_factor_min":2,"replication_factor_max":2,"allocations":["12D3A","12D3B"]})");
  api.on("GET /allocations/" + cid + "/history?limit=1",
         R"({"position":"1.7.0","type":"pin","time":"2026-01-02T03:04:05Z","actor":"alice","cid":")" + cid + R"("})");
  api.on("GET /movements",
         R"({"paused":false,"under_way":2,"moves":[{"cid":"other","from":"x","to":"y","reason":"r"},{"cid":")" + cid +
             R"(","from":"12D3B","to":"12D3C","reason":"it is down"}]})");
  auto why = ctl(api, {"status", "--why", cid});
  EXPECT_EQ(why.code, 0);
  EXPECT_THAT(why.out,
              StartsWith(cid + " | docs\n  asked for: | docs | PIN | Repl. Factor: 2--2 | Allocations: [12D3A 12D3B]"));
  EXPECT_THAT(why.out, AllOf(HasSubstr("last change: 2026-01-02 03:04:05 | 1.7.0"), HasSubstr("alice")));
  EXPECT_THAT(why.out, HasSubstr("  a has all of it, since 2026-01-02 03:04:05\n"
                                 "  b could not get it, since 2026-01-02 03:04:06\n"
                                 "    why: nobody has it\n    error: no route\n"
                                 "    tries: 3, the next at 2026-01-02 04:00:00\n"
                                 "  12D3C fetches it, 1.5 kB by now\n"
                                 "  on the move: 12D3B -> 12D3C: it is down\n"));
  EXPECT_THAT(why.out, Not(HasSubstr("other")));
  auto as_json = boost::json::parse(ctl(api, {"--enc=json", "status", "--why", cid}).out);
  EXPECT_EQ(as_json.at("movements").as_array().size(), 1u);
  EXPECT_EQ(as_json.at("allocation").at("name"), "docs");
  // A Go peer has neither history nor movements; what is not pinned has no allocation.
  FakeApi go;
  go.on("GET /pins/" + cid + "?local=false",
        R"({"cid":")" + cid + R"(","peer_map":{"12D3A":{"peername":"a","status":"unpinned"}}})");
  for (auto path : {"/movements", "/allocations/", "/history?limit=1"}) {
    go.on(path[1] == 'm' ? "GET /movements" : "GET /allocations/" + cid + (path[1] == 'h' ? path : ""),
          {404, R"({"code":404,"message":"not found"})"});
  }
  auto little = ctl(go, {"status", "--why", cid});
  EXPECT_EQ(little.code, 0);
  EXPECT_EQ(little.out, cid + "\n  not in the pinset\n  a holds nothing of it\n");
  EXPECT_THAT(ctl(api, {"status", "--why"}).err, HasSubstr("--why needs a CID"));
  EXPECT_THAT(ctl(api, {"status", "--why", "--table", cid}).err, HasSubstr("--table"));
  EXPECT_THAT(ctl(api, {"status", "--why", "x"}).err, StartsWith("error parsing cid: "));
}

TEST(Ctl, Tables) {
  FakeApi api;
  std::string pin = R"({"cid":"QmA","name":"docs","type":"pin","mode":"direct","replication_factor_min":2,)"
                    R"("replication_factor_max":3,"allocations":["a","b"],"timestamp":"2026-01-02T03:04:05Z"})";
  api.on("GET /allocations?filter=all", pin + "\n");
  EXPECT_EQ(ctl(api, {"pin", "ls", "--table"}).out,
            "CID  NAME  TYPE         COPIES  PEERS  EXPIRES  ADDED\n"
            "QmA  docs  pin, direct     2-3      2  -        2026-01-02 03:04:05\n");
  api.on(std::string("GET /allocations/") + kCid, pin_json() + "\n");
  EXPECT_EQ(ctl(api, {"pin", "ls", "--table", kCid}).out,
            "CID                                             NAME  TYPE  COPIES  PEERS  EXPIRES  ADDED\n" +
                std::string(kCid) + "        pin      all    all  -        -\n");
  api.on("GET /pins", status_json("pin_error") + "\n");
  EXPECT_EQ(
      ctl(api, {"status", "--table"}).out,
      "CID                                             NAME  PEER    STATUS     SINCE                TRIES  REASON\n" +
          std::string(kCid) + "        node-a  PIN_ERROR  2026-01-02 03:04:05      0\n");
  api.on(
      "GET /peers",
      R"({"id":"12D3A","error":"","peername":"a","trouble":"the disk is full","standing":{"role":"voter","health":"up",)"
      R"("lag":3,"free_bytes":5000}})"
      "\n"
      R"({"id":"12D3B","error":"gone","peername":"b"})"
      "\n");
  EXPECT_EQ(ctl(api, {"peers", "ls", "--table"}).out,
            "NAME  ID     ROLE   HEALTH  LAG    FREE  TROUBLE\n"
            "a     12D3A  voter  up        3  5.0 kB  the disk is full\n"
            "b     12D3B                              gone\n");
  EXPECT_THAT(ctl(api, {"peers", "ls"}).out, HasSubstr("  > TAKES NO WRITES: the disk is full\n  > Role: voter"));
  api.on("GET /monitor/metrics/freespace",
         R"([{"name":"freespace","peer":"12D3A","value":"5000","weight":5000,"expire":0}])");
  EXPECT_THAT(ctl(api, {"health", "metrics", "--table", "freespace"}).out,
              AllOf(StartsWith("PEER   METRIC      VALUE  EXPIRES\n12D3A  freespace  5.0 kB  "), HasSubstr("ago\n")));
  api.on(
      "GET /health/alerts",
      R"([{"name":"ping","peer":"12D3A","expire":0,"triggered_at":"2026-01-02T03:04:05Z","times":2,"reason":"silent"}])");
  EXPECT_EQ(ctl(api, {"health", "alerts", "--table"}).out,
            "PEER   METRIC  BEGAN                ENDED  TIMES  REASON\n"
            "12D3A  ping    2026-01-02 03:04:05  -          2  silent\n");
  api.on("GET /movements", R"({"paused":true,"under_way":2,"moves":[{"cid":"QmA","from":"12D3A","reason":"drained",)"
                           R"("started":"2026-01-02T03:04:05Z"},{"cid":"QmB","to":"12D3B","reason":"top-up"}]})");
  EXPECT_EQ(ctl(api, {"movements", "ls", "--table"}).out,
            "CID  FROM   TO     BEGAN                REASON\n"
            "QmA  12D3A  -      2026-01-02 03:04:05  drained\n"
            "QmB  -      12D3B  -                    top-up\n"
            "2 under way; no new ones begin: paused\n");
  EXPECT_THAT(ctl(api, {"movements", "ls"}).out, HasSubstr("\n2 under way; no new ones begin: paused\n"));
  EXPECT_EQ(ctl(api, {"pin", "ls", "--table", "--at", "now"}).code, 1);
  EXPECT_EQ(ctl(api, {"--enc=json", "pin", "ls", "--table"}).err, "error : --table is text: it has no JSON\n");
}

TEST(Ctl, ClientCertificatesThatCannotBeUsed) {
  auto folder = testing::TempDir() + fmt::format("ctl_certificates_{}", ::getpid());
  std::filesystem::create_directories(folder);
  auto pem = folder + "/robot.crt", text = folder + "/text", none = folder + "/none";
  std::ofstream(pem) << "-----BEGIN CERTIFICATE-----\n";
  std::ofstream(text) << "not one\n";
  auto refusal = [](std::vector<std::string> arguments) {
    arguments.emplace_back("id");
    auto run = ctl(arguments);
    EXPECT_EQ(run.code, 1);
    return run.err;
  };
  EXPECT_EQ(
      refusal({"--client-cert", pem}),
      "error reading the client certificate: --client-cert and --client-key go together: --client-key is missing\n");
  EXPECT_EQ(
      refusal({"--client-key", pem}),
      "error reading the client certificate: --client-cert and --client-key go together: --client-cert is missing\n");
  EXPECT_THAT(refusal({"--client-cert", none, "--client-key", pem}),
              AllOf(HasSubstr("--client-cert: "), HasSubstr(none + ": No such file")));
  EXPECT_THAT(refusal({"--client-cert", pem, "--client-key", folder}), HasSubstr("--client-key: "));
  EXPECT_THAT(refusal({"--client-cert", pem, "--client-key", text}),
              HasSubstr("--client-key: " + text + " is not a PEM file"));
  EXPECT_THAT(refusal({"--force-http", "--client-cert", pem, "--client-key", pem}),
              HasSubstr("--client-cert needs HTTPS: leave out --force-http"));
  std::filesystem::remove_all(folder);
}

TEST(Ctl, ConfigHidesSecrets) {
  ::setenv("CLUSTER_CREDENTIALS", "ann:hush", 1);
  auto run = ctl({"--host", "/ip4/127.0.0.1/tcp/9094,/unix/run/api", "--secret", std::string(64, 'a'), "config"});
  ::unsetenv("CLUSTER_CREDENTIALS");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, AllOf(StartsWith("API: https://127.0.0.1:9094\n     then https://localhost (socket /run/api)\n"),
                             HasSubstr("\nbasic-auth: ann:(hidden) [$CLUSTER_CREDENTIALS]\n"),
                             HasSubstr("\nsecret: (hidden) [command line]\n"), HasSubstr("\nhttps: false [default]\n"),
                             Not(HasSubstr("hush")), Not(HasSubstr("aaaa"))));
  auto json = boost::json::parse(ctl({"--enc", "json", "-s", "config"}).out);
  EXPECT_EQ(json.at("endpoints"), boost::json::parse(R"(["https://127.0.0.1:9094"])"));
  EXPECT_EQ(json.at("settings").at("https"), boost::json::parse(R"({"value":"true","from":"command line"})"));
}

TEST(Ctl, AFollowerSaysOnceThatItIsLostAndBack) {
  FakeApi api;
  std::string first = "id: 1.2.0\n\nid: 1.3.0\ndata: {\"position\":\"1.3.0\",\"type\":\"pin\"}\n\n";
  api.on("GET /events?from=now&follow=true", first);  // ends without a word
  api.on(
      "GET /events?from=1.3.0&follow=true",
      "id: 1.4.0\n\ndata: {\"position\":\"1.4.0\",\"type\":\"end\",\"reason\":\"lost\",\"message\":\"too old\"}\n\n");
  auto run = ctl(api, {"events", "--follow"});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(api.lines().size(), 2u);
  EXPECT_EQ(run.err,
            "the connection is lost (the peer has ended it): trying again, every 30 s at last\n"
            "the connection is back: going on behind 1.3.0\n"
            "error : too old\n");
  std::atomic<bool> cancelled{true};
  EXPECT_EQ(ctl({"--host", api.host(), "events", "-f"}, &cancelled).code, 125);
}

TEST(Ctl, AddsStandardInput) {
  TemporaryFolder folder;
  std::ofstream(folder.path + "/a.txt") << "from a file";
  int ends[2], before = ::dup(STDIN_FILENO);
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "from a pipe", 11), 11);
  ::close(ends[1]);
  ::dup2(ends[0], STDIN_FILENO);
  FakeApi api;
  api.on("POST /add", "{\"name\":\"stdin\",\"cid\":\"QmA\"}\n");
  auto run = ctl(api, {"add", "-", folder.path + "/a.txt"});
  ::dup2(before, STDIN_FILENO);
  for (int fd : {before, ends[0]}) ::close(fd);
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_THAT(api.last_body(), AllOf(HasSubstr("filename=\"stdin\""), HasSubstr("\r\n\r\nfrom a pipe\r\n"),
                                     HasSubstr("\r\n\r\nfrom a file\r\n")));
  EXPECT_THAT(ctl({"add", "-", "-"}).err, HasSubstr("once only"));
  EXPECT_THAT(ctl({"add", "--nocopy", "-"}).err, HasSubstr("takes only these"));
}

}  // namespace
}  // namespace ipfsc::cmd::ctl
