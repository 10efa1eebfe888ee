#include "api/pinning/parse.h"

#include <gtest/gtest.h>

#include "api/pinning/json.h"

namespace ipfsc::api::pinning {
namespace {

const std::string kCid = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq";
const std::string kOrigin = "/ip4/1.2.3.4/tcp/4001/p2p/12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M";

std::string refusal(std::string_view json) {
  auto pin = parse_pin(json);
  if (pin) return "accepted";
  EXPECT_EQ(pin.error().kind, ErrorKind::kInvalidArgument);
  return pin.error().message;
}

std::string query_refusal(std::string_view text) {
  auto query = parse_list_query(*net::Query::parse(text));
  return query ? "accepted" : query.error().message;
}

std::string repeated(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(ParsePin, AllMembers) {
  auto pin =
      parse_pin(fmt::format(R"({{"cid":"{}","name":"a name","origins":["{}","{}"],"meta":{{"k":"v"}},"unknown":[1]}})",
                            kCid, kOrigin, kOrigin));
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_EQ(pin->cid.to_string(), kCid);
  EXPECT_EQ(pin->name, "a name");
  ASSERT_EQ(pin->origins.size(), 1u);
  EXPECT_EQ(pin->origins[0].to_string(), kOrigin);
  EXPECT_EQ(pin->meta, (std::map<std::string, std::string>{{"k", "v"}}));
}

TEST(ParsePin, OnlyTheCidIsNeeded) {
  auto pin = parse_pin(fmt::format(R"({{"cid":"{}","name":null,"origins":null,"meta":null}})", kCid));
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_EQ(pin->name, "");
}

TEST(ParsePin, SaysWhatIsWrong) {
  EXPECT_EQ(refusal("{}"), "cid: missing");
  EXPECT_EQ(refusal(R"({"cid":null})"), "cid: missing");
  EXPECT_EQ(refusal(R"({"cid":1})"), "cid: expected a string");
  EXPECT_TRUE(refusal(R"({"cid":"nonsense"})").starts_with("cid: \"nonsense\": "));
  EXPECT_TRUE(refusal("").starts_with("the request's body: "));
  EXPECT_TRUE(refusal("{\"cid\":").starts_with("the request's body: "));
  EXPECT_EQ(refusal("[]"), "the request's body: expected a JSON object");
  auto with = [](std::string_view more) { return fmt::format(R"({{"cid":"{}",{}}})", kCid, more); };
  EXPECT_EQ(refusal(with(R"("name":1)")), "name: expected a string");
  EXPECT_EQ(refusal(with(fmt::format(R"("name":"{}")", repeated("ä", 255)))), "accepted");
  EXPECT_EQ(refusal(with(fmt::format(R"("name":"{}")", repeated("ä", 256)))),
            "name: 256 characters are more than the limit of 255");
  EXPECT_EQ(refusal(with(R"("origins":"x")")), "origins: expected a list of multiaddresses");
  EXPECT_EQ(refusal(with(R"("origins":[1])")), "origins: expected a list of multiaddresses");
  EXPECT_TRUE(refusal(with(R"("origins":["x"])")).starts_with("origins: \"x\": "));
  EXPECT_EQ(refusal(with(R"("origins":["/ip4/1.2.3.4/tcp/1"])")),
            "origins: \"/ip4/1.2.3.4/tcp/1\" does not end with /p2p/ and a peer id");
  EXPECT_EQ(refusal(with(R"("origins":["/dns4/example.net/tcp/443/https"])")), "accepted");
  EXPECT_EQ(refusal(with(fmt::format(R"("origins":["x"{}])", repeated(",\"x\"", 20)))),
            "origins: 21 are more than the limit of 20");
  EXPECT_EQ(refusal(with(R"("meta":[])")), "meta: expected an object of strings");
  EXPECT_EQ(refusal(with(R"("meta":{"k":1})")), "meta: the value of \"k\" is not a string");
  EXPECT_EQ(refusal(with(fmt::format(R"("meta":{{"k":"{}"}})", std::string(16 << 10, 'x')))),
            "meta: 16385 bytes are more than the limit of 16384");
  std::string keys = "\"0\":\"\"";
  for (int i = 1; i <= 1000; ++i) keys += fmt::format(",\"{}\":\"\"", i);
  EXPECT_EQ(refusal(with("\"meta\":{" + keys + "}")), "meta: 1001 keys are more than the limit of 1000");
}

TEST(ParseListQuery, Defaults) {
  auto query = parse_list_query({});
  ASSERT_TRUE(query);
  EXPECT_EQ(query->limit, 10u);
  EXPECT_EQ(query->statuses, (std::array{false, false, true, false}));  // pinned
  EXPECT_FALSE(query->filter.name);
  // As in Go: an empty name is none.
  EXPECT_FALSE(parse_list_query(*net::Query::parse("name="))->filter.name);
}

TEST(ParseListQuery, AllParameters) {
  auto query = parse_list_query(*net::Query::parse(
      "cid=" + kCid + "," + kCid +
      "&name=x&match=ipartial&status=queued,failed&before=2026-01-02T03:04:05.5Z&after=2025-01-02T03:04:05%2B01:00&"
      "limit=1000&meta=%7B%22a%22%3A%22b%22%7D&other=1"));
  ASSERT_TRUE(query) << query.error().message;
  EXPECT_EQ(query->filter.cids.size(), 2u);
  EXPECT_EQ(query->filter.match, cluster::NameMatch::kIPartial);
  EXPECT_EQ(query->statuses, (std::array{true, false, false, true}));
  EXPECT_EQ(format_rfc3339(*query->filter.before), "2026-01-02T03:04:05.5Z");
  EXPECT_EQ(format_rfc3339(*query->filter.after), "2025-01-02T02:04:05Z");
  EXPECT_EQ(query->limit, 1000u);
  EXPECT_EQ(query->filter.meta, (std::map<std::string, std::string>{{"a", "b"}}));
}

TEST(ParseListQuery, SaysWhatIsWrong) {
  EXPECT_TRUE(query_refusal("cid=x").starts_with("cid: \"x\": "));
  EXPECT_EQ(query_refusal("cid="), "cid: an empty element");
  EXPECT_EQ(query_refusal("cid=" + kCid + repeated("," + kCid, 10)), "cid: more than 10");
  EXPECT_EQ(query_refusal("name=" + std::string(256, 'x')), "name: 256 characters are more than the limit of 255");
  EXPECT_EQ(query_refusal("name=%ff"), "name: it is not valid UTF-8");
  EXPECT_EQ(query_refusal("match=Exact"), "match: \"Exact\" is not one of exact, iexact, partial and ipartial");
  EXPECT_EQ(query_refusal("status=done"), "status: \"done\" is not one of queued, pinning, pinned and failed");
  EXPECT_EQ(query_refusal("status="), "status: an empty element");
  EXPECT_EQ(query_refusal("status=pinned,"), "status: an empty element");
  EXPECT_TRUE(query_refusal("before=yesterday").starts_with("before: \"yesterday\": "));
  EXPECT_TRUE(query_refusal("after=1").starts_with("after: \"1\": "));
  for (auto limit : {"0", "1001", "-1", "x", "", "1e2", "99999999999999999999999"}) {
    EXPECT_EQ(query_refusal(fmt::format("limit={}", limit)),
              fmt::format("limit: \"{}\" is not a number from 1 to 1000", limit));
  }
  EXPECT_TRUE(query_refusal("meta=x").starts_with("meta: "));
  EXPECT_EQ(query_refusal("meta=[]"), "meta: expected an object of strings");
}

TEST(PinningJson, Errors) {
  EXPECT_EQ(error_json(404, "no"), "{\"error\":{\"reason\":\"NOT_FOUND\",\"details\":\"no\"}}\n");
  EXPECT_EQ(error_json(500, ""), "{\"error\":{\"reason\":\"INTERNAL_SERVER_ERROR\"}}\n");
}

}  // namespace
}  // namespace ipfsc::api::pinning
