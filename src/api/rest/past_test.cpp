// History, times past, order and events over HTTP.
#include <gmock/gmock.h>

#include <thread>

#include "api/rest/test_support.h"
#include "cluster/members.h"

namespace ipfsc::api::rest::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kCid = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq";
constexpr std::string_view kPresent = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";  // the empty block
const std::string kOther = "12D3KooWPA6ax6t3jqTyGq73Zm1RmwppYqxaXzrtarfcTWGp5Wzx";

class RestPast : public RestTest {
 protected:
  void SetUp() override {
    RestTest::SetUp();
    put_peer(self_id(), "here");
  }
  void put_peer(const ipld::PeerId& id, std::string name) {
    std::vector<proto::Operation> operations{
        cluster::put_peer({.id = id, .member = true, .name = std::move(name)}, "test")};
    ASSERT_TRUE(run(consensus_->submit(std::move(operations), {})));
  }
  /// In whole milliseconds, and later than everything before.
  std::string now() {
    auto before = std::chrono::floor<std::chrono::milliseconds>(runtime_.wall_now());
    while (std::chrono::floor<std::chrono::milliseconds>(runtime_.wall_now()) == before) {
    }
    return format_rfc3339(before);
  }
  /// The values of a member of each line that is an object.
  static std::vector<std::string> members(const std::string& body, std::string_view key) {
    std::vector<std::string> out;
    auto mark = fmt::format("\"{}\":\"", key);
    for (const auto& line : lines(body)) {
      auto at = line.find(mark);
      if (at == std::string::npos) continue;
      at += mark.size();
      out.push_back(line.substr(at, line.find('"', at) - at));
    }
    return out;
  }
  void pin(std::string_view cid, std::string query = "") {
    auto answer = post(fmt::format("/pins/{}?{}", cid, query));
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
};

TEST_F(RestPast, HistoryNewestFirstAndInPages) {
  pin(kCid, "name=v1");
  pin(kCid, "name=v2");
  EXPECT_EQ(remove(fmt::format("/pins/{}", kCid)).status, 200);
  auto target = fmt::format("/allocations/{}/history", kCid);
  auto all = get(target);
  EXPECT_EQ(all.status, 200);
  auto records = lines(all.body);
  EXPECT_THAT(members(all.body, "type"), ElementsAre("unpin", "pin", "pin"));
  EXPECT_THAT(records[0], HasSubstr("\"before\":{\"replication_factor_min\":-1"));
  EXPECT_THAT(records[0], HasSubstr("\"after\":null"));
  EXPECT_THAT(records[2], HasSubstr("\"before\":null"));
  EXPECT_THAT(records[2], HasSubstr("\"name\":\"v1\""));
  std::string cursor, paged;
  for (int i = 0; i < 3; ++i) {
    auto page = get(fmt::format("{}?limit=1&cursor={}", target, cursor));
    paged += page.body;
    cursor = *trailer(page, "X-Next-Cursor");
    EXPECT_EQ(cursor.empty(), i == 2);
  }
  EXPECT_EQ(paged, all.body);
  EXPECT_EQ(get(target + "?cursor=x").status, 400);
  EXPECT_EQ(get(target + "?limit=0").status, 400);
  EXPECT_THAT(get(target + "?sort=x").body, HasSubstr("parameter sort is not known here: there are limit, cursor"));
  auto none = get(fmt::format("/allocations/{}/history", kPresent));
  EXPECT_EQ(none.status, 404);
  EXPECT_THAT(none.body, HasSubstr("pin is not part of the pinset, and was not since 1970-01-01T00:00:00Z"));
}

TEST_F(RestPast, WhoHadItWhen) {
  auto before = now();
  ASSERT_EQ(add({{"empty", ""}}, "?no-pin=true&cid-version=1&raw-leaves=true").status, 200);
  pin(kCid, "name=nobody-has-it");
  pin(kPresent);
  wait_for_status(std::string(kPresent), "pinned");
  auto pinned = now();
  EXPECT_EQ(remove(fmt::format("/pins/{}", kCid)).status, 200);
  auto after = now();

  auto at = [&](std::string_view cid, const std::string& time) {
    return get(fmt::format("/allocations/{}?at={}", cid, time));
  };
  EXPECT_EQ(at(kCid, before).status, 404);
  auto answer = at(kCid, pinned);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("\"name\":\"nobody-has-it\""));
  EXPECT_THAT(answer.body, HasSubstr(fmt::format("\"at\":\"{}\",\"peers\":[{{\"peer\":\"{}\",\"peername\":\"here\","
                                                 "\"allocated\":true,\"confirmed\":false}}]",
                                                 pinned, self_id().to_string())));
  EXPECT_EQ(at(kCid, after).status, 404);
  EXPECT_THAT(at(kPresent, pinned).body, HasSubstr("\"allocated\":true,\"confirmed\":true,\"since\":\""));
  EXPECT_EQ(lines(get("/allocations?at=" + pinned).body).size(), 2u);
  EXPECT_EQ(lines(get("/allocations?at=" + after).body).size(), 1u);
  EXPECT_EQ(get("/allocations?at=" + before).status, 204);
  EXPECT_EQ(get("/allocations?count=true&at=" + pinned).body, "{\"count\":2}\n");
  EXPECT_EQ(get(fmt::format("/allocations?at={}&peer={}&name=nobody-has-it", pinned, self_id().to_string())).status,
            200);
  auto page = get("/allocations?limit=1&at=" + pinned);
  EXPECT_EQ(
      lines(get(fmt::format("/allocations?limit=1&at={}&cursor={}", pinned, *trailer(page, "X-Next-Cursor"))).body)
          .size(),
      1u);

  EXPECT_EQ(get(fmt::format("/allocations/{}?at=now&peer={}", kPresent, kOther)).status, 404) << "an unknown peer";
  EXPECT_EQ(get("/allocations?peer=" + kOther).status, 404);
  EXPECT_THAT(at(kPresent, "2199-01-01T00:00:00Z").body,
              HasSubstr("parameter at invalid: 2199-01-01T00:00:00Z is in the future"));
  EXPECT_EQ(get(fmt::format("/allocations/{}?peer={}", kPresent, self_id().to_string())).status, 400);
  EXPECT_EQ(get("/pins?at=now").status, 400);
  EXPECT_EQ(get("/pins?sort=name").status, 400);
}

TEST_F(RestPast, ASilentPeerIsNamed) {
  put_peer(*ipld::PeerId::parse(kOther), "away");
  pin(kCid);
  auto answer = get(fmt::format("/allocations/{}?at=now", kCid));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("\"peername\":\"away\",\"allocated\":true,\"confirmed\":null,\"error\":\""));
}

TEST_F(RestPast, TimesBeforeTheHistoryAreRefusedWithTheOldest) {
  pin(kCid);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));  // what the log did in this millisecond stays
  proto::Operation trim;
  auto since = *parse_rfc3339(now());
  trim.mutable_trim()->set_history_before_ms(
      static_cast<uint64_t>(since.time_since_epoch() / std::chrono::milliseconds(1)));
  std::vector<proto::Operation> operations{trim};
  ASSERT_TRUE(run(consensus_->submit(std::move(operations), {})));
  auto oldest = fmt::format("at: the history begins at {}", format_rfc3339(since));
  for (auto target : {fmt::format("/allocations/{}?at=-1h", kCid), std::string("/allocations?at=-1h")}) {
    auto answer = get(target);
    EXPECT_EQ(answer.status, 400) << target;
    EXPECT_THAT(answer.body, HasSubstr(oldest));
  }
  EXPECT_EQ(get("/events?from=-1h").status, 400);
  EXPECT_THAT(get("/events?from=1.1.0").body, HasSubstr("the history after position 1 is gone"));
}

TEST_F(RestPast, Order) {
  for (int i = 0; i < 3; ++i) {
    auto cid = ipld::Cid::of(1, ipld::kRaw, 0x12, fmt::format("block {}", i))->to_string();
    pin(cid, fmt::format("name=n{}&replication={}", (i + 1) % 3, -1));
  }
  EXPECT_THAT(members(get("/allocations?sort=name").body, "name"), ElementsAre("n0", "n1", "n2"));
  EXPECT_EQ(lines(get("/allocations?sort=newest").body).size(), 3u);
  EXPECT_THAT(members(get("/allocations?sort=name&limit=2").body, "name"), ElementsAre("n0", "n1"));
  EXPECT_THAT(get("/allocations?sort=age").body, HasSubstr("parameter sort invalid: cid, name or newest"));
}

// --- events

TEST_F(RestPast, EventsUntilNow) {
  pin(kCid, "name=a");
  pin(kPresent);
  EXPECT_EQ(remove(fmt::format("/pins/{}", kCid)).status, 200);
  auto all = get("/events?from=oldest&follow=false");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(*net::find_header(all.headers, "Content-Type"), "text/event-stream");
  EXPECT_EQ(*net::find_header(all.headers, "Cache-Control"), "no-cache");
  EXPECT_THAT(members(all.body, "type"), ElementsAre("cluster", "peer", "pin", "pin", "unpin", "end"));
  EXPECT_THAT(all.body,
              HasSubstr("\n\nid: 1.3.0\nevent: pin\ndata: {\"position\":\"1.3.0\",\"type\":\"pin\",\"time\":\""));
  EXPECT_THAT(all.body, HasSubstr("\"reason\":\"end\""));
  auto types = [&](std::string query) { return members(get("/events?follow=false&" + query).body, "type"); };
  EXPECT_THAT(types("from=1.3.0"), ElementsAre("pin", "unpin", "end"));
  EXPECT_THAT(types("from=now"), ElementsAre("end"));
  EXPECT_THAT(types("from=oldest&type=unpin,peer"), ElementsAre("peer", "unpin", "end"));
  EXPECT_THAT(types(fmt::format("from=oldest&cid={}", kPresent)), ElementsAre("pin", "end"));
  EXPECT_THAT(types("from=" + format_rfc3339(runtime_.wall_now() - std::chrono::hours(1))),
              ElementsAre("cluster", "peer", "pin", "pin", "unpin", "end"));
  auto resumed = call({.target = "/events?follow=false&from=oldest", .headers = {{"Last-Event-ID", "1.4.0"}}});
  EXPECT_THAT(members(resumed.body, "type"), ElementsAre("unpin", "end"));
}

TEST_F(RestPast, EventRefusals) {
  for (auto [query, message] :
       {std::pair("from=x",
                  "parameter from invalid: it must be RFC 3339, unix seconds, now, or how "
                  "long ago, like -24h, or a position like 1.42.0, or oldest"),
        {"from=1.2", "parameter from invalid"},
        {"from=1.2.99999999", "parameter from invalid"},
        {"from=7.2.0", "not of this one"},
        {"type=pin,x", "parameter type invalid: of pin, unpin, move, work, peer, record, cluster"},
        {"cid=x", "error decoding Cid"},
        {"follow=maybe", "parameter follow invalid"},
        {"limit=3", "parameter limit is not known here: there are from, cid, type, follow"}}) {
    auto answer = get(fmt::format("/events?{}", query));
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_THAT(answer.body, HasSubstr(message)) << query;
  }
}

class RestEvents : public RestPast {
 protected:
  /// A listener that stays.
  struct Listener {
    std::optional<net::ClientExchange> exchange;
    std::string text;
  };
  std::unique_ptr<Listener> listen(std::string query = "") {
    auto listener = std::make_unique<Listener>();
    auto done = run([](RestEvents& test, Listener& to, std::string target) -> Task<> {
      CO_TRY_ASSIGN(to.exchange,
                    co_await test.client_.request({.endpoint = test.endpoint_, .target = std::move(target)}));
      co_return Result<>{};
    }(*this, *listener, "/events?" + query));
    EXPECT_TRUE(done);
    read_until(*listener, ": listening");
    return listener;
  }
  void read_until(Listener& listener, std::string_view what) {
    auto done = run([](Listener& from, std::string_view what) -> Task<> {
      while (from.text.find(what) == std::string::npos) {
        CO_TRY_ASSIGN(auto piece, co_await from.exchange->read_some());
        if (piece.empty()) co_return fail(ErrorKind::kUnavailable, "the stream ended: " + from.text);
        from.text += piece;
      }
      co_return Result<>{};
    }(listener, what));
    EXPECT_TRUE(done) << done.error().message << " while waiting for " << what;
  }
};

TEST_F(RestEvents, ComeAsTheyHappenToEveryListener) {
  start({.kept_events = 4, .event_heartbeat = std::chrono::milliseconds(20)});
  auto first = listen(), only_unpins = listen("type=unpin");
  pin(kCid);
  read_until(*first, "event: pin");
  read_until(*only_unpins, ": heartbeat\nid: 1.3.0\n\n");  // it moves on with what it does not want
  EXPECT_EQ(only_unpins->text.find("event: pin"), std::string::npos);
  for (int i = 0; i < 20; ++i) pin(kPresent, fmt::format("name=n{}", i));  // more than is kept
  EXPECT_EQ(remove(fmt::format("/pins/{}", kCid)).status, 200);
  for (auto* listener : {first.get(), only_unpins.get()}) read_until(*listener, "event: unpin");
  EXPECT_EQ(members(first->text, "position").size(), 22u);
  auto late = listen("from=1.3.0");
  read_until(*late, "event: unpin");
  EXPECT_EQ(members(late->text, "position").size(), 21u);
}

TEST_F(RestEvents, EndWithTheirPositionWhenThePeerStops) {
  start();
  auto listener = listen();
  std::ignore = run([](RestTest&, RestApi& api, Runtime& runtime) -> Task<> {
    co_await api.stop(runtime.now() + std::chrono::seconds(1));
    co_return Result<>{};
  }(*this, *api_, runtime_));
  read_until(*listener, "\"reason\":\"stopping\"");
  // Behind all operations of the entry.
  EXPECT_THAT(listener->text,
              HasSubstr("id: 1.2.1048575\nevent: end\ndata: {\"position\":\"1.2.1048575\",\"type\":\"end\""));
}

TEST_F(RestEvents, ListenersAreBounded) {
  start({.max_event_listeners = 2});
  auto first = listen(), second = listen();
  auto answer = get("/events");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("2 listeners are connected to this peer, which is the most"));
  second.reset();
  auto until = runtime_.now() + std::chrono::seconds(20);
  while (get("/events?follow=false").status == 503 && runtime_.now() < until) {
    (void)run(runtime_.sleep_for(std::chrono::milliseconds(10)));
  }
  EXPECT_EQ(get("/events?follow=false").status, 200) << "a listener that is gone gives its place back";
}

}  // namespace
}  // namespace ipfsc::api::rest::test
