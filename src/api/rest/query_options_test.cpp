#include "api/rest/query_options.h"

#include <gtest/gtest.h>

#include <random>

namespace ipfsc::api::rest {
namespace {

constexpr std::string_view kCid = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq";
constexpr std::string_view kPeer = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M";
const WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));

Result<model::PinOptions> parse(std::string_view raw) { return parse_pin_options(*net::Query::parse(raw), kNow); }
std::string error_of(std::string_view raw) {
  auto options = parse(raw);
  return options ? "no error" : options.error().message;
}

TEST(PinOptions, AllOfThem) {
  auto options =
      parse(fmt::format("replication-min=1&replication-max=2&name=a+b&mode=direct&shard-size=7&user-allocations={0},{0}"
                        "&expire-in=1h&meta-k=v&meta-k=w&meta-=x&pin-update={1}"
                        "&origins=/dns4/example.com/tcp/4001/p2p/{0},/dns4/example.com/tcp/443/https",
                        kPeer, kCid));
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->replication_factor_min, 1);
  EXPECT_EQ(options->replication_factor_max, 2);
  EXPECT_EQ(options->name, "a b");
  EXPECT_EQ(options->mode, model::PinMode::kDirect);
  EXPECT_EQ(options->shard_size, 7u);
  EXPECT_EQ(options->user_allocations.size(), 2u);
  EXPECT_EQ(options->expire_at, kNow + std::chrono::hours(1));
  EXPECT_EQ(options->metadata, (std::map<std::string, std::string>{{"k", "v"}}));
  EXPECT_EQ(options->pin_update->to_string(), kCid);
  EXPECT_EQ(options->origins.size(), 2u);
}

TEST(PinOptions, EmptyValuesAreDefaults) {
  // What the Go client sends when nothing is asked for.
  auto options =
      parse("replication-min=&replication-max=&name=&mode=&shard-size=&user-allocations=&expire-at=&origins=");
  ASSERT_TRUE(options);
  EXPECT_EQ(*options, model::PinOptions{});
}

TEST(PinOptions, ReplicationOverridesBoth) {
  auto options = parse("replication-min=1&replication-max=2&replication=-1");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->replication_factor_min, -1);
  EXPECT_EQ(options->replication_factor_max, -1);
}

TEST(PinOptions, ExpireAtWinsAndGoZeroIsNever) {
  EXPECT_EQ(parse("expire-at=2026-01-02T03:04:05Z&expire-in=1h")->expire_at,
            parse_rfc3339("2026-01-02T03:04:05Z").value());
  EXPECT_FALSE(parse("expire-at=0001-01-01T00:00:00Z")->expire_at);
}

TEST(PinOptions, ErrorsSayWhatAndWhere) {
  EXPECT_EQ(error_of("replication-min=x"), "parameter replication-min invalid");
  EXPECT_EQ(error_of("replication-max=1.5"), "parameter replication-max invalid");
  EXPECT_EQ(error_of("replication=99999999999"), "parameter replication invalid");
  EXPECT_EQ(error_of("shard-size=-1"), "parameter shard_size is invalid");
  EXPECT_EQ(error_of("expire-in=10ms"), "expire-in duration too short");
  EXPECT_EQ(error_of("mode=sideways"), "parameter mode invalid: recursive or direct");
  EXPECT_TRUE(error_of("expire-in=x").starts_with("expire-in cannot be parsed: "));
  EXPECT_TRUE(error_of("expire-in=2562047h").starts_with("expire-in cannot be parsed: "));
  EXPECT_TRUE(error_of("expire-at=x").starts_with("expire-at cannot be parsed: "));
  EXPECT_TRUE(error_of("pin-update=x").starts_with("error decoding update option parameter: "));
  EXPECT_TRUE(error_of("origins=x").starts_with("error decoding multiaddress: "));
  EXPECT_EQ(error_of("origins=/ip4/1.2.3.4/tcp/1"), "multiaddress does not contain peer ID: /ip4/1.2.3.4/tcp/1");
  EXPECT_TRUE(error_of("user-allocations=x").starts_with("error decoding Peer ID: "));
}

TEST(AddQuery, DefaultsAndValues) {
  auto add = parse_add_query({}, kNow);
  ASSERT_TRUE(add);
  EXPECT_TRUE(add->stream);
  EXPECT_EQ(add->params.hash, "sha2-256");
  EXPECT_FALSE(add->params.raw_leaves);
  add = parse_add_query(
      *net::Query::parse("format=car&cid-version=1&raw-leaves=false&wrap-with-directory=1&progress=t&local=true"
                         "&no-pin=True&shard=T&stream-channels=false&layout=trickle&chunker=size-10&mode=direct"),
      kNow);
  ASSERT_TRUE(add) << add.error().message;
  EXPECT_EQ(add->params.format, cluster::AddFormat::kCar);
  EXPECT_EQ(add->params.raw_leaves, false);
  EXPECT_TRUE(add->params.wrap_with_directory && add->params.progress && add->params.local && add->params.no_pin &&
              add->params.shard);
  EXPECT_FALSE(add->stream);
  EXPECT_EQ(add->params.pin.mode, model::PinMode::kRecursive);
}

TEST(AddQuery, Errors) {
  auto error = [](std::string_view raw) { return parse_add_query(*net::Query::parse(raw), kNow).error().message; };
  EXPECT_EQ(error("layout=x"), "layout parameter is invalid");
  EXPECT_EQ(error("format=x"), "format parameter is invalid");
  EXPECT_EQ(error("cid-version=x"), "parameter cid-version invalid");
  for (auto name : {"raw-leaves", "wrap-with-directory", "progress", "local", "no-pin", "shard", "stream-channels",
                    "nocopy", "hidden"}) {
    EXPECT_EQ(error(fmt::format("{}=maybe", name)), fmt::format("parameter {} invalid", name));
  }
  EXPECT_TRUE(error("replication-min=x").starts_with("parameter"));
}

TEST(ListQuery, TimesPast) {
  auto at = [](std::string_view text) { return parse_past("at", text, kNow); };
  auto error = [&](std::string_view text) { return at(text) ? "no error" : at(text).error().message; };
  EXPECT_EQ(*at("now"), kNow);
  EXPECT_EQ(*at("1699999999"), kNow - std::chrono::seconds(1));
  EXPECT_EQ(*at("-24h"), kNow - std::chrono::hours(24));
  EXPECT_EQ(*at("-1m30.5s"), kNow - std::chrono::milliseconds(90'500));
  EXPECT_EQ(*at("2023-11-14T22:13:19.1239Z"), kNow - std::chrono::milliseconds(877));
  EXPECT_EQ(*at("0"), WallTime());
  for (auto text : {"", "x", "-x", "24h", "-", "2023-11-14", "1.5", "2023-11-14T22:13:19 02:00"}) {
    EXPECT_EQ(error(text), "parameter at invalid: it must be RFC 3339, unix seconds, now, or how long ago, like -24h");
  }
  EXPECT_EQ(error("1700000001"), "parameter at invalid: 2023-11-14T22:13:21Z is in the future");
  EXPECT_EQ(error("99999999999999999999"), "parameter at invalid: the number is too large");
  EXPECT_EQ(error("9999999999999"), "parameter at invalid: the number is too large");
  EXPECT_EQ(error("-2000000h"), "parameter at invalid: that is before 1970");
}

TEST(ListQuery, AllAtOnce) {
  auto query = parse_allocation_query(
      *net::Query::parse(fmt::format("filter=pin&limit=5&cursor=c&name=a+b&meta-k=v&meta-l=w&at=-1h&peer={}", kPeer)),
      kNow);
  ASSERT_TRUE(query) << query.error().message;
  EXPECT_EQ(query->page.limit, 5u);
  EXPECT_EQ(query->list.cursor, "c");
  EXPECT_EQ(query->list.name, "a b");
  EXPECT_EQ(query->list.types, 1u << 1);
  EXPECT_EQ(query->list.metadata.size(), 2u);
  EXPECT_EQ(query->list.at, kNow - std::chrono::hours(1));
  EXPECT_EQ(query->list.peer->to_string(), kPeer);
  using enum state::ListQuery::Order;
  auto order = [](std::string_view raw) { return parse_allocation_query(*net::Query::parse(raw), kNow)->list.order; };
  EXPECT_EQ(order("sort=name"), kName);
  EXPECT_EQ(order("sort=newest&name-prefix=x"), kNewest);
  EXPECT_EQ(order("sort=cid"), kCid);
  EXPECT_EQ(order("sort=name&name=x"), kCid);
}

TEST(ListQuery, RefusalsNameTheParameter) {
  auto error = [](const std::string& raw) {
    auto query = parse_allocation_query(*net::Query::parse(raw), kNow);
    return query ? "no error" : query.error().message;
  };
  EXPECT_EQ(error("limit=x"), "parameter limit invalid");
  for (auto limit : {"0", "1000001", "99999999999999999999"}) {
    EXPECT_EQ(error(fmt::format("limit={}", limit)), "parameter limit invalid: it must be 1 to 1000000");
  }
  EXPECT_EQ(error("sort=size"), "parameter sort invalid: cid, name or newest");
  EXPECT_EQ(error("sort=cid&name-prefix=a"),
            "parameter sort invalid: pins with a name-prefix are listed by name or newest");
  EXPECT_EQ(error("count=true&limit=5"), "parameter limit invalid: count counts all");
  EXPECT_EQ(error("count=maybe"), "parameter count invalid");
  EXPECT_EQ(error("at=-1h&sort=name"), "parameter sort invalid: a listing of a time past is in the order of CIDs");
  EXPECT_EQ(error("at=-1h&name-prefix=a"), "parameter name-prefix invalid: it cannot be combined with at");
  EXPECT_TRUE(error("peer=x").starts_with("error decoding Peer ID: "));
  EXPECT_EQ(error("meta-=x"), "parameter meta- invalid: a key must follow, meta-<key>");
  EXPECT_EQ(error("name=" + std::string(4097, 'n')),
            "parameter name invalid: it has 4097 bytes, at most 4096 can be searched for");
  EXPECT_EQ(error("name-prefix=" + std::string(4096, 'n')), "no error");
  std::string many = "name=x";
  for (int i = 0; i < 17; ++i) many += fmt::format("&meta-{}=v", i);
  EXPECT_EQ(error(many), "parameter meta-16 invalid: at most 16 can be given");
  EXPECT_EQ(only_known(*net::Query::parse("a=1&b=2"), {"a", "c"}).error().message,
            "parameter b is not known here: there are a, c");
}

TEST(ListQuery, Filters) {
  EXPECT_EQ(*parse_type_filter(""), ~0u);
  EXPECT_EQ(*parse_type_filter("all"), ~0u);
  EXPECT_EQ(*parse_type_filter("pin, shard-pin,nonsense"), 1u << 1 | 1u << 4);
  EXPECT_EQ(parse_type_filter("nonsense").error().message, "invalid filter value");
  EXPECT_EQ(parse_page(*net::Query::parse("limit=0")).error().message,
            "parameter limit invalid: it must be 1 to 1000000");
  EXPECT_EQ(parse_page(*net::Query::parse("limit=x")).error().message, "parameter limit invalid");
  EXPECT_TRUE(parse_cids(std::string(kCid) + ", ,").has_value());
  EXPECT_TRUE(parse_cids("x").error().message.starts_with("error decoding Cid: "));
}

TEST(PinOptions, RandomQueriesNeverCrash) {
  std::mt19937 random(1);
  const std::string_view keys[] = {"replication", "expire-in", "expire-at", "shard-size", "origins", "user-allocations",
                                   "pin-update",  "meta-x",    "limit",     "filter",     "cids",    "chunker"};
  for (int i = 0; i < 5000; ++i) {
    net::Query query;
    for (size_t n = random() % 5; n > 0; --n) {
      std::string value;
      for (size_t k = random() % 30; k > 0; --k) value.push_back("0123456789-+.,/hmsTZ:eipQ\0\xff"[random() % 28]);
      query.items.emplace_back(keys[random() % std::size(keys)], std::move(value));
    }
    (void)parse_pin_options(query, kNow);
    (void)parse_add_query(query, kNow);
    (void)parse_page(query);
    (void)parse_type_filter(query.value("filter"));
    (void)parse_cids(query.value("cids"));
  }
}

}  // namespace
}  // namespace ipfsc::api::rest
