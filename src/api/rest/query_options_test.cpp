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

TEST(ListQuery, Filters) {
  EXPECT_EQ(*parse_type_filter(""), ~0u);
  EXPECT_EQ(*parse_type_filter("all"), ~0u);
  EXPECT_EQ(*parse_type_filter("pin, shard-pin,nonsense"), 1u << 1 | 1u << 4);
  EXPECT_EQ(parse_type_filter("nonsense").error().message, "invalid filter value");
  EXPECT_EQ(parse_page(*net::Query::parse("limit=0")).error().message,
            "parameter limit invalid: it must be at least 1");
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
