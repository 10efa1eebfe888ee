#include "api/pinning/pinning_api.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "api/rest/test_support.h"
#include "cluster/pinning_requests.h"

namespace ipfsc::api::pinning {
namespace {

namespace json = boost::json;

const std::string kCid = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq";
const std::string kOther = "bafkreiemqpndzewx4bioklzfvhtiegsfny5fxuc3nkjk2vmcpjxiammsti";  // nobody has it

/// A peer with both APIs.
class PinningTest : public rest::test::RestTest {
 protected:
  void serve(PinningOptions options = {}) {
    start();
    rest_endpoint_ = endpoint_;
    options.listen = {*ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/0")};
    pinning_ = std::make_unique<PinningApi>(runtime_, std::move(options));
    ASSERT_TRUE(pinning_->listen());
    pinning_->serve(*cluster_, *records_);
    endpoint_ = *net::Endpoint::from_multiaddr(pinning_->addresses().at(0));
  }
  void TearDown() override {
    run([](PinningTest& t) -> Task<> {
      co_await t.pinning_->stop(t.runtime_.now());
      co_return Result<>{};
    }(*this));
    RestTest::TearDown();
  }

  /// The body of an answer that must have this status.
  json::value expect(int status, Call c) {
    auto answer = call(std::move(c));
    EXPECT_EQ(answer.status, status) << answer.body;
    return answer.body.empty() ? json::value() : json::parse(answer.body);
  }
  json::value add(const std::string& body, net::Headers headers = {}) {
    return expect(202, {"POST", "/pins", std::move(headers), body});
  }
  static std::string pin(const std::string& cid, const std::string& name = "") {
    return fmt::format(R"({{"cid":"{}","name":"{}"}})", cid, name);
  }
  static std::string id_of(const json::value& status) { return std::string(status.at("requestid").as_string()); }
  net::WholeResponse at_rest(std::string method, std::string target) {
    auto pinning = std::exchange(endpoint_, rest_endpoint_);
    auto answer = call({std::move(method), std::move(target)});
    endpoint_ = pinning;
    return answer;
  }
  std::vector<std::string> list(std::string query, net::Headers headers = {}) {
    auto page = expect(200, {"GET", "/pins?status=queued,pinning,pinned,failed" + query, std::move(headers)});
    std::vector<std::string> ids;
    for (const auto& item : page.at("results").as_array()) ids.push_back(id_of(item));
    EXPECT_GE(page.at("count").to_number<size_t>(), ids.size());
    return ids;
  }

  net::Endpoint rest_endpoint_;
  std::unique_ptr<PinningApi> pinning_;
};

TEST_F(PinningTest, ARequestFromItsBirthToItsEnd) {
  serve();
  auto added = add(fmt::format(R"({{"cid":"{}","name":"n","meta":{{"app":"x"}}}})", kCid));
  auto id = id_of(added);
  EXPECT_EQ(added.at("pin").at("cid"), kCid.c_str());
  EXPECT_EQ(added.at("pin").at("meta").at("app"), "x");
  EXPECT_TRUE(added.at("delegates").as_array().empty());  // an embedded node is not on the network
  EXPECT_TRUE(added.at("info").as_object().contains("status_details"));
  auto got = expect(200, {"GET", "/pins/" + id});
  EXPECT_EQ(got.at("created"), added.at("created"));
  EXPECT_EQ(got.at("pin"), added.at("pin"));
  // The REST API sees the pin.
  EXPECT_NE(at_rest("GET", "/allocations/" + kCid).body.find("\"name\":\"n\""), std::string::npos);
  auto removed = call({"DELETE", "/pins/" + id});
  EXPECT_EQ(removed.status, 202);
  EXPECT_EQ(removed.body, "");
  EXPECT_EQ(at_rest("GET", "/allocations/" + kCid).status, 404);
  expect(404, {"GET", "/pins/" + id});
  expect(404, {"DELETE", "/pins/" + id});
  EXPECT_EQ(state_->counters().records, 0u);
  EXPECT_EQ(state_->counters().claims, 0u);
}

TEST_F(PinningTest, TwoRequestsForOneCidAreTwo) {
  serve();
  auto one = id_of(add(pin(kCid, "one"))), two = id_of(add(pin(kCid, "two")));
  EXPECT_NE(one, two);
  EXPECT_EQ(list("&cid=" + kCid), (std::vector{two, one}));
  EXPECT_NE(at_rest("GET", "/allocations/" + kCid).body.find("\"name\":\"one, two\""), std::string::npos);
  call({"DELETE", "/pins/" + one});
  EXPECT_EQ(at_rest("GET", "/allocations/" + kCid).status, 200);
  EXPECT_EQ(list(""), std::vector{two});
  call({"DELETE", "/pins/" + two});
  EXPECT_EQ(at_rest("GET", "/allocations/" + kCid).status, 404);
}

TEST_F(PinningTest, TheRestApiRemovesItsOwnClaim) {
  serve();
  auto id = id_of(add(pin(kCid)));
  auto refused = at_rest("DELETE", "/pins/" + kCid);
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_NE(refused.body.find("a request of the pinning service asked for this pin"), std::string::npos);
  EXPECT_EQ(at_rest("POST", "/pins/" + kCid).status, 200);
  EXPECT_EQ(at_rest("DELETE", "/pins/" + kCid).status, 200);
  EXPECT_EQ(at_rest("GET", "/allocations/" + kCid).status, 200);
  expect(200, {"GET", "/pins/" + id});
  // An administrator may end the requests too.
  EXPECT_EQ(at_rest("DELETE", "/pins/" + kCid + "?all-claims=true").status, 200);
  EXPECT_EQ(at_rest("GET", "/allocations/" + kCid).status, 404);
  expect(404, {"GET", "/pins/" + id});
  EXPECT_EQ(state_->counters().records, 0u);
}

TEST_F(PinningTest, ReplacingKeepsTheOldContentUntilTheNewIsThere) {
  serve();
  auto old = id_of(add(pin(kCid, "old")));
  cluster_->start();
  auto replaced =
      expect(202, {"POST", "/pins/" + old, {}, fmt::format(R"({{"cid":"{}","meta":{{"v":"2"}}}})", kOther)});
  auto id = id_of(replaced);
  EXPECT_NE(id, old);
  EXPECT_EQ(replaced.at("pin").at("meta").at("v"), "2");
  EXPECT_FALSE(replaced.at("pin").as_object().contains("name"));
  expect(404, {"GET", "/pins/" + old});
  expect(404, {"DELETE", "/pins/" + old});
  EXPECT_EQ(list(""), std::vector{id});
  // Neither can be pinned here: the old pin stays.
  EXPECT_EQ(at_rest("GET", "/allocations/" + kCid).status, 200);
  call({"DELETE", "/pins/" + id});
  auto until = runtime_.now() + std::chrono::seconds(20);
  while (state_->counters().pins > 0 && runtime_.now() < until) {
    (void)run(runtime_.sleep_for(std::chrono::milliseconds(20)));
  }
  EXPECT_EQ(state_->counters().pins, 0u);
  EXPECT_EQ(state_->counters().claims, 0u);
  EXPECT_EQ(state_->counters().records, 0u);
}

TEST_F(PinningTest, ReplacingByTheSameCidLosesNothing) {
  serve();
  auto old = id_of(add(pin(kCid, "old")));
  auto id = id_of(expect(202, {"POST", "/pins/" + old, {}, pin(kCid, "new")}));
  EXPECT_EQ(list(""), std::vector{id});
  EXPECT_EQ(at_rest("GET", "/allocations/" + kCid).status, 200);
  expect(404, {"POST", "/pins/" + old, {}, pin(kCid)});
  expect(404, {"POST", "/pins/nonsense", {}, pin(kCid)});
  EXPECT_EQ(list(""), std::vector{id});
}

TEST_F(PinningTest, PagesNewestFirst) {
  serve();
  std::vector<std::string> ids;
  for (int i = 0; i < 25; ++i)
    ids.insert(ids.begin(), id_of(add(pin(i % 2 == 0 ? kCid : kOther, fmt::format("n{}", i)))));
  std::vector<std::string> seen;
  std::string before;
  for (size_t pages = 1;; ++pages) {
    auto page = expect(200, {"GET", "/pins?status=queued,pinning,pinned,failed&limit=10" + before});
    const auto& results = page.at("results").as_array();
    for (const auto& item : results) seen.push_back(id_of(item));
    EXPECT_EQ(page.at("count").to_number<size_t>(), 25 - (pages - 1) * 10);
    if (page.at("count").to_number<size_t>() == results.size()) break;
    before = "&before=" + std::string(results.back().at("created").as_string());
  }
  EXPECT_EQ(seen, ids);
  EXPECT_EQ(list("").size(), 10u);
  EXPECT_EQ(list("&name=n7"), std::vector{ids[17]});
  EXPECT_EQ(list("&name=N2&match=ipartial&limit=1000").size(), 6u);  // n2, n20 … n24
  EXPECT_EQ(list("&cid=" + kOther + "&limit=1000").size(), 12u);
  auto created = std::string(expect(200, {"GET", "/pins/" + ids[5]}).at("created").as_string());
  EXPECT_EQ(list("&limit=1000&after=" + created), std::vector(ids.begin(), ids.begin() + 5));
  EXPECT_EQ(list("&cid=" + kCid + "&limit=1000&after=" + created).size(), 3u);
}

TEST_F(PinningTest, TheDefaultIsWhatIsPinned) {
  serve();
  auto pending = id_of(add(pin(kOther)));
  EXPECT_TRUE(expect(200, {"GET", "/pins"}).at("results").as_array().empty());
  EXPECT_EQ(expect(200, {"GET", "/pins?cid=" + kOther}).at("count"), 0);
  auto there = RestTest::add({{"f", "content"}});
  EXPECT_EQ(there.status, 404);  // adding is the REST API's
  auto pinning = std::exchange(endpoint_, rest_endpoint_);
  there = RestTest::add({{"f", "content"}}, "?cid-version=1&raw-leaves=true");
  endpoint_ = pinning;
  auto cid = std::string(json::parse(lines(there.body).front()).at("cid").as_string());
  auto id = id_of(add(pin(cid)));
  auto until = runtime_.now() + std::chrono::seconds(20);
  json::value page;
  do {
    page = expect(200, {"GET", "/pins"});
  } while (page.at("count") != 1 && runtime_.now() < until);
  ASSERT_EQ(page.at("count"), 1);
  EXPECT_EQ(id_of(page.at("results").at(0)), id);
  EXPECT_EQ(page.at("results").at(0).at("status"), "pinned");
  EXPECT_EQ(page.at("results").at(0).at("info").at("status_details"), "pinned on 1 of 1 peers");
  EXPECT_EQ(list(""), (std::vector{id, pending}));
}

TEST_F(PinningTest, UsersDoNotSeeEachOther) {
  serve({{.credentials = std::map<std::string, std::string>{{"ann", "a"}, {"bob", "b"}}}});
  net::Headers ann{{"Authorization", net::basic_auth("ann", "a")}}, bob{{"Authorization", net::basic_auth("bob", "b")}};
  EXPECT_EQ(expect(401, {"GET", "/pins"}).at("error").at("reason"), "UNAUTHORIZED");
  auto of_ann = id_of(add(pin(kCid, "ann's"), ann)), of_bob = id_of(add(pin(kCid, "bob's"), bob));
  EXPECT_EQ(list("", ann), std::vector{of_ann});
  EXPECT_EQ(list("&cid=" + kCid, bob), std::vector{of_bob});
  expect(404, {"GET", "/pins/" + of_ann, bob});
  expect(404, {"DELETE", "/pins/" + of_ann, bob});
  expect(404, {"POST", "/pins/" + of_ann, bob, pin(kOther)});
  auto refused = at_rest("DELETE", "/pins/" + kCid);
  EXPECT_NE(refused.body.find(R"(2 requests of the pinning service of \"ann\", \"bob\" asked)"), std::string::npos)
      << refused.body;
  EXPECT_EQ(call({"DELETE", "/pins/" + of_ann, ann}).status, 202);
  EXPECT_EQ(list("", bob), std::vector{of_bob});
  // One key is two keys for two users.
  ann.push_back({"Idempotency-Key", "1"});
  bob.push_back({"Idempotency-Key", "1"});
  EXPECT_NE(id_of(add(pin(kOther), ann)), id_of(add(pin(kOther), bob)));
}

TEST_F(PinningTest, ARepetitionGetsTheFirstAnswer) {
  serve();
  net::Headers key{{"Idempotency-Key", "again"}};
  auto id = id_of(add(pin(kCid), key));
  EXPECT_EQ(id_of(add(pin(kCid), key)), id);
  EXPECT_EQ(list(""), std::vector{id});
  expect(409, {"POST", "/pins", key, pin(kOther)});
  auto next = id_of(expect(202, {"POST", "/pins/" + id, key, pin(kOther)}));
  EXPECT_EQ(id_of(expect(202, {"POST", "/pins/" + id, key, pin(kOther)})), next);
  EXPECT_EQ(call({"DELETE", "/pins/" + next, key}).status, 202);
  EXPECT_EQ(call({"DELETE", "/pins/" + next, key}).status, 202);
  EXPECT_EQ(call({"DELETE", "/pins/" + next}).status, 404);
  expect(409, {"POST", "/pins", key, pin(kCid)});  // its request was replaced
  EXPECT_TRUE(list("").empty());
  expect(400, {"POST", "/pins", {{"Idempotency-Key", std::string(257, 'x')}}, pin(kCid)});
}

TEST_F(PinningTest, WhatIsWrongChangesNothing) {
  serve();
  auto hash = state_->state_hash();
  for (auto body : {"", "{", "[]", "{}", R"({"cid":""})", R"({"cid":"x"})", R"({"cid":["x"]})"}) {
    auto error = expect(400, {"POST", "/pins", {}, body}).at("error");
    EXPECT_EQ(error.at("reason"), "BAD_REQUEST");
    EXPECT_FALSE(error.at("details").as_string().empty());
  }
  auto error = expect(413, {"POST", "/pins", {}, pin(kCid, std::string(70'000, 'x'))}).at("error");
  EXPECT_EQ(error.at("details"), "the request's body is longer than 65536 bytes");
  EXPECT_EQ(error.at("reason"), "REQUEST_ENTITY_TOO_LARGE");
  for (auto query : {"limit=0", "status=x", "match=x", "before=x", "cid=x", "meta=x", "limit=%zz"}) {
    EXPECT_EQ(expect(400, {"GET", fmt::format("/pins?{}", query)}).at("error").at("reason"), "BAD_REQUEST");
  }
  EXPECT_EQ(expect(404, {"GET", "/nothing"}).at("error").at("details"), "nothing is at /nothing");
  EXPECT_EQ(expect(405, {"PUT", "/pins"}).at("error").at("reason"), "METHOD_NOT_ALLOWED");
  EXPECT_EQ(call({"GET", "/health"}).status, 204);
  EXPECT_EQ(state_->state_hash(), hash);
}

TEST_F(PinningTest, OneUserHasABoundOfRequestsForOneCid) {
  serve();
  for (int i = 0; i < 100; ++i) add(pin(kCid));
  auto error = expect(409, {"POST", "/pins", {}, pin(kCid)}).at("error");
  EXPECT_TRUE(error.at("details").as_string().starts_with("there are 100 requests for " + kCid));
  EXPECT_EQ(list("&limit=1000").size(), 100u);
}

TEST_F(PinningTest, CountsNoFurtherThanItsBound) {
  serve();
  for (int i = 0; i < 1100; ++i)
    add(pin(i % 20 == 0 ? kCid
                        : fmt::format("{}", ipld::Cid::of(1, ipld::kRaw, 0x12, std::to_string(i))->to_string())));
  cluster::PinningRequests few(*cluster_, {.counted = 100, .counted_by_status = 100});
  cluster::PinningQuery query{.filter = {}, .statuses = {true, true, true, true}, .limit = 10};
  auto page = run(few.list("", query));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->items.size(), 10u);
  EXPECT_GT(page->count, 10u);
  EXPECT_LE(page->count, 1024u);  // two reads of the records
  // Nothing matches: it looks at all of them.
  query.filter.name = "none";
  page = run(few.list("", query));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->count, 0u);
}

TEST_F(PinningTest, FollowersOfTheLogAndBrokenLogsSaySo) {
  serve();
  consensus_->broken = true;
  auto answer = call({"POST", "/pins", {}, pin(kCid)});
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(net::find_header(answer.headers, "Retry-After"), nullptr);
  EXPECT_EQ(json::parse(answer.body).at("error").at("reason"), "SERVICE_UNAVAILABLE");
}

}  // namespace
}  // namespace ipfsc::api::pinning
