#include "base/json.h"

#include <gtest/gtest.h>

#include <string>

namespace ipfsc {
namespace {

TEST(Json, PrintsOneMemberALine) {
  auto value = parse_json(R"({"b":[1,-2,0.3,18446744073709551615],"a":{},"c":[],"d":{"e":"x\ny","f":null,"g":true}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(pretty_json(*value, 2), R"({
  "b": [
    1,
    -2,
    0.3,
    18446744073709551615
  ],
  "a": {},
  "c": [],
  "d": {
    "e": "x\ny",
    "f": null,
    "g": true
  }
})");
}

TEST(Json, SaysWhereTheErrorIs) {
  auto bad = parse_json("{\n  \"a\": 1,\n  \"b\" 2\n}");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(bad.error().message.find("line 3"), std::string::npos) << bad.error().message;
  EXPECT_FALSE(parse_json(""));
  EXPECT_FALSE(parse_json("{\"a\":"));
  EXPECT_FALSE(parse_json("{} {}"));
  EXPECT_TRUE(parse_json(" {} \n"));
  EXPECT_FALSE(parse_json(std::string(100, '[') + std::string(100, ']')));
}

TEST(Json, ANumberBeyondAllIsRefused) {
  for (const char* text : {"1e400", "-1e400", R"({"a":[0,44444444E4444441]})"}) EXPECT_FALSE(parse_json(text)) << text;
  for (const char* text : {"1e308", "1e-400", "[]", R"({"a":[0,{}]})"}) EXPECT_TRUE(parse_json(text)) << text;
}

}  // namespace
}  // namespace ipfsc
