#include "api/rest/rest_api.h"

#include <fstream>

#include "api/auth/rules.h"
#include "api/rest/test_support.h"

namespace ipfsc::api::rest::test {
namespace {

constexpr std::string_view kCid = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq";
constexpr std::string_view kRawCid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";  // the empty block
const std::string kPin = "/pins/" + std::string(kCid);

std::string error_json(int code, std::string_view message) {
  return fmt::format("{{\"code\":{},\"message\":\"{}\"}}\n", code, message);
}

// --- the chain around the endpoints

TEST_F(RestTest, NotReadyIs503ExceptLivez) {
  start({}, false);
  EXPECT_EQ(get("/livez").status, 200);
  for (auto path : {"/readyz", "/id", "/health", "/nothing"}) {
    auto answer = get(path);
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_EQ(answer.body, error_json(503, "the state is being loaded"));
    EXPECT_NE(net::find_header(answer.headers, "Retry-After"), nullptr);
  }
  cluster_->set_ready({});
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(get("/health").status, 204);
}

TEST_F(RestTest, UnknownPathsMethodsAndRedirects) {
  auto answer = get("/nothing");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, error_json(404, "not found"));
  EXPECT_EQ(*net::find_header(answer.headers, "Content-Type"), "application/json");
  EXPECT_EQ(get("/").status, 404);  // in Go a redirect to itself
  EXPECT_EQ(post("/id").status, 405);
  EXPECT_EQ(post("/id").body, "");
  answer = get("/pins/?local=true");
  EXPECT_EQ(answer.status, 307);
  EXPECT_EQ(*net::find_header(answer.headers, "Location"), "/pins?local=true");
  EXPECT_EQ(get("/a/../id").status, 301);
  EXPECT_EQ(get("/id?a=%zz").status, 400);
}

TEST_F(RestTest, ConfiguredHeadersAndCors) {
  start({{.headers = {{"X-A", {"1", "2"}}}}});
  auto answer = call({.target = "/version", .headers = {{"Origin", "http://page"}}});
  EXPECT_EQ(*net::find_header(answer.headers, "X-A"), "1");
  EXPECT_EQ(*net::find_header(answer.headers, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(*net::find_header(answer.headers, "Vary"), "Origin");
  EXPECT_EQ(*net::find_header(answer.headers, "Access-Control-Expose-Headers"),
            "Content-Type, X-Stream-Output, X-Chunked-Output, X-Content-Length");
  answer = call({"POST", kPin + "?mode=x", {{"Origin", "http://page"}}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(net::find_header(answer.headers, "Access-Control-Allow-Origin"), nullptr);  // only GET is allowed
  auto preflight = [&](std::string method, std::string headers) {
    return call({"OPTIONS",
                 "/pins",
                 {{"Origin", "http://page"},
                  {"Access-Control-Request-Method", method},
                  {"Access-Control-Request-Headers", headers}}});
  };
  answer = preflight("GET", "content-type");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(*net::find_header(answer.headers, "Access-Control-Allow-Methods"), "GET");
  EXPECT_EQ(net::find_header(preflight("POST", "").headers, "Access-Control-Allow-Origin"), nullptr);
  EXPECT_EQ(net::find_header(preflight("GET", "X-Secret").headers, "Access-Control-Allow-Origin"), nullptr);
}

TEST_F(RestTest, OriginsMayHaveAWildcard) {
  start({{.cors = {.allowed_origins = {"https://*.Example.com"}, .max_age = std::chrono::seconds(60)}}});
  auto origin_for = [&](std::string origin) {
    auto answer = call({.target = "/version", .headers = {{"Origin", std::move(origin)}}});
    auto header = net::find_header(answer.headers, "Access-Control-Allow-Origin");
    return header ? *header : "none";
  };
  EXPECT_EQ(origin_for("https://a.example.com"), "https://a.example.com");
  EXPECT_EQ(origin_for("https://example.com"), "none");
  EXPECT_EQ(origin_for("http://a.example.com"), "none");
}

TEST_F(RestTest, BasicAuthentication) {
  start({{.credentials = std::map<std::string, std::string>{{"user", "secret"}}}});
  auto with = [&](std::string value) {
    return call({.target = "/id", .headers = {{"Authorization", std::move(value)}, {"Origin", "http://page"}}});
  };
  EXPECT_EQ(with(net::basic_auth("user", "secret")).status, 200);
  for (auto bad : {net::basic_auth("user", "wrong"), net::basic_auth("", "secret"), net::basic_auth("user", ""),
                   std::string("Basic !!")}) {
    auto answer = with(bad);
    EXPECT_EQ(answer.status, 401) << bad;
    EXPECT_EQ(answer.body, error_json(401, "unauthorized: access denied"));
    EXPECT_EQ(*net::find_header(answer.headers, "WWW-Authenticate"), "Basic realm=\"Restricted IPFS Cluster API\"");
    EXPECT_NE(net::find_header(answer.headers, "Access-Control-Allow-Origin"), nullptr);  // pages can read it
  }
  EXPECT_EQ(with("Bearer x.y.z").body, error_json(401, "unauthorized: invalid token"));
  auto none = get("/id");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.body, error_json(401, "unauthorized: no auth provided"));
  EXPECT_EQ(*net::find_header(none.headers, "WWW-Authenticate"), "Bearer realm=\"Restricted IPFS Cluster API\"");
  EXPECT_EQ(get("/health").status, 204);
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(call({.method = "OPTIONS", .target = "/id"}).status, 405);
}

TEST_F(RestTest, EveryRouteThatChangesSomethingHasARule) {
  start();
  for (const auto& route : api_->routes()) {
    auto blank = route.find(' ');
    EXPECT_TRUE(auth::has_rest_rule(route.substr(0, blank), route.substr(blank + 1)))
        << route << " has no row in api/auth/rules.cpp: only administrators may use it";
  }
}

TEST_F(RestTest, TokensAreMadeListedAndRevoked) {
  start({{.users = {{.name = "root", .password = "r00t", .role = "admin", .operations = {}},
                    {.name = "rita", .password = "r", .role = "reader", .operations = {}}}}});
  net::Headers root = {{"Authorization", net::basic_auth("root", "r00t")}};
  net::Headers rita = {{"Authorization", net::basic_auth("rita", "r")}};
  EXPECT_EQ(post("/tokens", rita, R"({"name":"ci","role":"reader"})").status, 403);
  auto made = post("/tokens", root, R"({"name":"ci","role":"reader","expire_in":"1h"})");
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(*net::find_header(made.headers, "Cache-Control"), "no-store");
  auto at = made.body.find("ict_ci.");
  ASSERT_NE(at, std::string::npos) << made.body;
  auto text = made.body.substr(at, made.body.find('"', at) - at);
  net::Headers token = {{"Authorization", "Bearer " + text}};
  EXPECT_EQ(call({.target = "/id", .headers = token}).status, 200);
  EXPECT_EQ(call({.method = "POST", .target = "/ipfs/gc", .headers = token}).status, 403);
  EXPECT_EQ(post("/tokens", root, R"({"name":"ci","role":"admin"})").status, 409);
  auto listed = call({.target = "/tokens", .headers = root});
  EXPECT_NE(listed.body.find(R"("name":"ci","role":"reader","operations":["read"])"), std::string::npos) << listed.body;
  EXPECT_EQ(listed.body.find("ict_"), std::string::npos);
  EXPECT_EQ(call({.method = "DELETE", .target = "/tokens/ci", .headers = root}).status, 204);
  EXPECT_EQ(call({.target = "/id", .headers = token}).status, 401);
  EXPECT_EQ(call({.method = "DELETE", .target = "/tokens/ci", .headers = root}).status, 404);
  EXPECT_EQ(call({.target = "/tokens", .headers = root}).body, "[]\n");
}

TEST_F(RestTest, AccessLogFile) {
  auto path = testing::TempDir() + fmt::format("access_{}.log", ::getpid());
  std::remove(path.c_str());
  start({{.access_log_file = path}});
  call({.target = "/version?a=%22b", .headers = {{"Authorization", net::basic_auth("me", "x")}}});
  std::ifstream in(path);
  std::string line;
  ASSERT_TRUE(std::getline(in, line));
  EXPECT_TRUE(line.starts_with("127.0.0.1 - me [")) << line;
  EXPECT_NE(line.find("] \"GET /version?a=%22b HTTP/1.1\" 200 "), std::string::npos) << line;
}

// --- endpoints

TEST_F(RestTest, IdVersionPeers) {
  auto id = get("/id");
  EXPECT_EQ(id.status, 200);
  EXPECT_TRUE(id.body.starts_with("{\"id\":\"" + self_id().to_string() + "\",\"addresses\":")) << id.body;
  EXPECT_TRUE(id.body.ends_with("\"peername\":\"here\"}\n")) << id.body;
  EXPECT_EQ(get("/version").body, "{\"version\":\"1.1.6+test\"}\n");
  auto peers = get("/peers");
  EXPECT_EQ(peers.status, 200);
  EXPECT_EQ(lines(peers.body).size(), 1u);
  EXPECT_EQ(*net::find_header(peers.headers, "Trailer"), "X-Stream-Error");
  EXPECT_EQ(*trailer(peers, "X-Stream-Error"), "");
}

TEST_F(RestTest, Metrics) {
  EXPECT_EQ(get("/monitor/metrics").body, "[]\n");
  EXPECT_EQ(get("/monitor/metrics/nothing").body, "[]\n");
  cluster_->start();
  auto until = runtime_.now() + std::chrono::seconds(10);
  while (get("/monitor/metrics").body == "[]\n" && runtime_.now() < until)
    (void)run(runtime_.sleep_for(std::chrono::milliseconds(5)));
  EXPECT_NE(get("/monitor/metrics").body.find("\"ping\""), std::string::npos);
  EXPECT_TRUE(get("/monitor/metrics/ping").body.starts_with("[{\"name\":\"ping\",\"peer\":"));
}

TEST_F(RestTest, PinGetUnpin) {
  auto pinned = post(kPin + "?name=docs&meta-team=web");
  EXPECT_EQ(pinned.status, 200);
  EXPECT_TRUE(pinned.body.starts_with(
      "{\"replication_factor_min\":-1,\"replication_factor_max\":-1,\"name\":\"docs\",\"mode\":\"recursive\""))
      << pinned.body;
  auto allocation = get("/allocations/" + std::string(kCid));
  EXPECT_EQ(allocation.status, 200);
  EXPECT_NE(allocation.body.find("\"metadata\":{\"team\":\"web\"}"), std::string::npos) << allocation.body;
  auto status = get(kPin);
  EXPECT_EQ(status.status, 200);
  EXPECT_TRUE(status.body.starts_with(fmt::format("{{\"cid\":\"{}\",\"name\":\"docs\"", kCid))) << status.body;
  EXPECT_NE(status.body.find("\"peer_map\":{\"" + self_id().to_string() + "\""), std::string::npos);
  auto removed = remove(kPin);
  EXPECT_EQ(removed.status, 200);
  EXPECT_NE(removed.body.find("\"name\":\"docs\""), std::string::npos);
  EXPECT_EQ(get("/allocations/" + std::string(kCid)).body, error_json(404, "pin is not part of the pinset"));
  EXPECT_EQ(remove(kPin).status, 404);
}

TEST_F(RestTest, DirectPinsByCid) {
  auto pinned = post(fmt::format("/pins/{}?mode=direct", kRawCid));
  EXPECT_NE(pinned.body.find("\"max_depth\":0"), std::string::npos) << pinned.body;  // Go stores a recursive pin
}

TEST_F(RestTest, PinsByPath) {
  auto pinned = post(fmt::format("/pins/ipfs/{}", kCid));
  EXPECT_EQ(pinned.status, 200) << pinned.body;
  EXPECT_NE(pinned.body.find(fmt::format("\"cid\":\"{}\"", kCid)), std::string::npos);
  EXPECT_EQ(remove(fmt::format("/pins/ipld/{}", kCid)).status, 200);
  auto bad = post("/pins/ipfs/nonsense");
  EXPECT_EQ(bad.status, 400);
  EXPECT_NE(bad.body.find("error parsing path: "), std::string::npos) << bad.body;
}

TEST_F(RestTest, BadInputChangesNothing) {
  auto before = consensus_->submitted;
  const std::pair<std::string, std::string> cases[] = {
      {"/pins/nonsense", "error decoding Cid: "},
      {kPin + "?replication-min=x", "parameter replication-min invalid"},
      {kPin + "?expire-in=1ms", "expire-in duration too short"},
      {kPin + "?pin-update=x", "error decoding update option parameter: "},
      {kPin + "?origins=x", "error decoding multiaddress: "},
      {kPin + "?replication-min=3&replication-max=2", "cluster.replication_factor_min is larger than max"},
      {"/pins/nonsense/recover", "error decoding Cid: "},
      {"/pins/nonsense/sync", "error decoding Cid: "},
      {"/pins/recover?local=x", "parameter local invalid"},
      {"/ipfs/gc?local=x", "parameter local invalid"},
      {"/add?layout=x", "layout parameter is invalid"},
      {"/add", "malformed Content-Type"},
  };
  for (const auto& [target, message] : cases) {
    auto answer = post(target);
    EXPECT_EQ(answer.status, 400) << target << " " << answer.body;
    EXPECT_NE(answer.body.find(message), std::string::npos) << target << " " << answer.body;
    EXPECT_EQ(lines(answer.body).size(), 1u) << "one document: " << answer.body;
  }
  for (auto target :
       {"/pins?filter=nonsense", "/allocations?filter=nonsense", "/pins?cids=x", "/allocations/x", "/pins/x",
        "/allocations?limit=-1", "/allocations?cursor=x", "/pins?cursor=x", "/pins?local=maybe"}) {
    EXPECT_EQ(get(target).status, 400) << target;
  }
  EXPECT_EQ(remove("/pins/x").status, 400);
  EXPECT_EQ(consensus_->submitted, before);
  EXPECT_EQ(get("/allocations").status, 204);
}

TEST_F(RestTest, IdempotencyKeys) {
  auto pin = [&](std::string key) { return post(kPin, {{"Idempotency-Key", std::move(key)}}); };
  EXPECT_EQ(pin("k1").status, 200);
  auto state = state_->counters();
  EXPECT_EQ(pin("k1").status, 200);
  EXPECT_EQ(state_->counters().history, state.history);
  EXPECT_EQ(pin(std::string(300, 'k')).status, 400);
}

TEST_F(RestTest, NoLeaderIs503) {
  consensus_->broken = true;
  auto answer = post(kPin);
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("the voters a and b are missing"), std::string::npos);
  EXPECT_EQ(get("/allocations").status, 204);
}

class RestListing : public RestTest {
 protected:
  static constexpr int kCount = 250;
  void SetUp() override {
    RestTest::SetUp();
    start({.list_page = 64});
    for (int i = 0; i < kCount; ++i) {
      auto cid = *ipld::Cid::of(1, ipld::kRaw, 0x12, fmt::format("block {}", i));
      cids_.push_back(cid.to_string());
      auto answer = post(fmt::format("/pins/{}?name=n{}&meta-parity={}", cids_.back(), i % 10, i % 2));
      ASSERT_EQ(answer.status, 200) << answer.body;
    }
  }
  /// All lines of a listing taken page by page.
  std::vector<std::string> pages(std::string target, size_t limit) {
    std::vector<std::string> all;
    std::string cursor;
    for (int i = 0; i < 1000; ++i) {
      auto answer = get(fmt::format("{}limit={}&cursor={}", target, limit, cursor));
      EXPECT_TRUE(answer.status == 200 || answer.status == 204) << answer.body;
      for (auto& line : lines(answer.body)) all.push_back(line);
      auto next =
          answer.status == 204 ? net::find_header(answer.headers, "X-Next-Cursor") : trailer(answer, "X-Next-Cursor");
      EXPECT_NE(next, nullptr);
      if (!next || next->empty()) return all;
      cursor = *next;
    }
    ADD_FAILURE() << "no end";
    return all;
  }
  std::vector<std::string> cids_;
};

TEST_F(RestListing, Allocations) {
  auto all = get("/allocations");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(lines(all.body).size(), kCount);
  EXPECT_EQ(*trailer(all, "X-Stream-Error"), "");
  EXPECT_EQ(trailer(all, "X-Next-Cursor"), nullptr);
  EXPECT_EQ(lines(get("/allocations?filter=pin").body).size(), kCount);
  EXPECT_EQ(get("/allocations?filter=shard-pin").status, 204);
  EXPECT_EQ(pages("/allocations?", 37), lines(all.body));
  EXPECT_EQ(pages("/allocations?", 250), lines(all.body));
  EXPECT_EQ(pages("/allocations?", 10000), lines(all.body));
  EXPECT_EQ(lines(get("/allocations?name=n3").body).size(), kCount / 10);
  EXPECT_EQ(lines(get("/allocations?name-prefix=n").body).size(), kCount);
  EXPECT_EQ(lines(get("/allocations?meta-parity=1").body).size(), kCount / 2);
  EXPECT_EQ(get("/allocations?name=nobody").status, 204);
}

TEST_F(RestListing, Counts) {
  EXPECT_EQ(get("/allocations?count=true").body, fmt::format("{{\"count\":{}}}\n", kCount));
  EXPECT_EQ(get("/allocations?count=true&filter=shard-pin").body, "{\"count\":0}\n");
  EXPECT_EQ(get("/allocations?count=true&name=n3").body, "{\"count\":25}\n");
  EXPECT_EQ(get("/pins?count=true").body, fmt::format("{{\"count\":{}}}\n", kCount));
}

TEST_F(RestListing, Statuses) {
  auto all = get("/pins");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(lines(all.body).size(), kCount);
  EXPECT_EQ(pages("/pins?", 41).size(), kCount);
  EXPECT_EQ(get("/pins?filter=pinned").status, 204);
  auto found = get("/pins?name=n3");
  EXPECT_EQ(lines(found.body).size(), kCount / 10);
  auto some = get(fmt::format("/pins?cids={},{}", cids_[7], cids_[3]));
  ASSERT_EQ(lines(some.body).size(), 2u);
  EXPECT_NE(lines(some.body)[0].find(cids_[7]), std::string::npos);                  // in the order asked for
  EXPECT_EQ(get(fmt::format("/pins?filter=pinned&cids={}", cids_[7])).status, 204);  // Go ignores the filter
  EXPECT_EQ(get(fmt::format("/pins?limit=1&cids={}", cids_[7])).status, 400);
  // Nobody has the blocks, so all of them end in pin_error.
  wait_for_status(cids_[5], "pin_error");
  auto recovered = post(fmt::format("/pins/{}/recover", cids_[5]));
  EXPECT_EQ(recovered.status, 200) << recovered.body;
  EXPECT_EQ(post("/pins/recover").status / 100, 2);
}

// --- adding

TEST_F(RestTest, AddFilesReadStatusAndCollect) {
  auto answer = add({{"dir", "", net::FilePart::Kind::kDirectory},
                     {"dir/a.txt", "hello"},
                     {"dir/link", "a.txt", net::FilePart::Kind::kSymlink}});
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(*net::find_header(answer.headers, "X-Chunked-Output"), "1");
  EXPECT_EQ(trailer(answer, "X-Stream-Error"), nullptr);
  auto out = lines(answer.body);
  ASSERT_EQ(out.size(), 3u) << answer.body;
  EXPECT_TRUE(out[0].starts_with("{\"name\":\"dir/a.txt\",\"cid\":\"QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX\""))
      << out[0];
  EXPECT_TRUE(out[2].starts_with("{\"name\":\"dir\",\"cid\":\"")) << out[2];
  auto root = out[2].substr(21, 46);
  EXPECT_EQ(get("/allocations/" + root).status, 200) << root;
  wait_for_status(root, "pinned");
  EXPECT_EQ(post(fmt::format("/pins/{}/sync", root)).status, 200);
  EXPECT_EQ(post("/pins/sync").status / 100, 2);
  EXPECT_EQ(remove("/pins/" + root).status, 200);
  wait_for_status(root, "unpinned");
  auto gc = post("/ipfs/gc");
  EXPECT_EQ(gc.status, 200);
  EXPECT_TRUE(gc.body.starts_with("{\"peer_map\":{\"" + self_id().to_string())) << gc.body;
}

TEST_F(RestTest, AddVariants) {
  auto buffered = add({{"a", "x"}, {"b", "y"}}, "?stream-channels=false&wrap-with-directory=true");
  EXPECT_EQ(buffered.status, 200);
  EXPECT_TRUE(buffered.body.starts_with("[{\"name\":\"a\"")) << buffered.body;
  EXPECT_TRUE(buffered.body.ends_with("}]\n")) << buffered.body;
  auto unpinned = add({{"c", "not pinned"}}, "?no-pin=true&cid-version=1");
  EXPECT_EQ(lines(unpinned.body).size(), 1u);
  EXPECT_EQ(lines(get("/allocations").body).size(), 1u);  // the wrapping directory only
  auto progress = add({{"d", std::string(600'000, 'x')}}, "?progress=true");
  EXPECT_NE(progress.body.find("\"cid\":null"), std::string::npos) << progress.body;
}

TEST_F(RestTest, AddRefusals) {
  auto with_type = [&](std::string type, std::string body) {
    return post("/add", {{"Content-Type", std::move(type)}}, std::move(body));
  };
  EXPECT_EQ(with_type("application/json", "{}").status, 400);
  EXPECT_EQ(with_type("multipart/form-data", "").status, 400);
  EXPECT_EQ(with_type("multipart/form-data; boundary=B", "no boundary here").status, 400);
  EXPECT_EQ(with_type("multipart/form-data; boundary=B",
                      "--B\r\nContent-Disposition: form-data; filename=\"a%00\"\r\n\r\nx\r\n--B--")
                .status,
            400);
  auto truncated =
      with_type("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nxyz");
  EXPECT_EQ(truncated.status, 400) << truncated.body;
  EXPECT_EQ(add({{"a", "x"}}, "?chunker=size-0").status, 400);
  EXPECT_EQ(add({{"a", "x"}}, "?hash=nonsense").status, 400);
  EXPECT_EQ(add({{"a", "x"}}, "?cid-version=7").status, 400);
  EXPECT_EQ(add({{"a", "no car"}}, "?format=car").status, 400);
  EXPECT_EQ(add({{"a", "x"}}, "?format=car&wrap-with-directory=true").status, 400);
  EXPECT_EQ(add({{"l", std::string(5000, 't'), net::FilePart::Kind::kSymlink}}).status, 400);
  EXPECT_EQ(get("/allocations").status, 204) << "nothing is pinned";
}

TEST_F(RestTest, AnErrorAfterTheFirstReportIsInTheTrailer) {
  // The first file's report has to be out before the second part is read: many files fill the stream.
  std::vector<Part> parts;
  for (int i = 0; i < 2000; ++i) parts.push_back({fmt::format("f{}", i), fmt::format("content {}", i)});
  parts.push_back({"l", std::string(5000, 't'), net::FilePart::Kind::kSymlink});
  auto answer = add(std::move(parts));
  if (answer.status == 200) {
    ASSERT_NE(trailer(answer, "X-Stream-Error"), nullptr);
    EXPECT_NE(trailer(answer, "X-Stream-Error")->find("symlink"), std::string::npos);
  } else {
    EXPECT_EQ(answer.status, 400);  // nothing had been reported yet
  }
  EXPECT_EQ(get("/allocations").status, 204);
}

}  // namespace
}  // namespace ipfsc::api::rest::test
