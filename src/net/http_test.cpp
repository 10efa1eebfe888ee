#include "net/http.h"

#include <gtest/gtest.h>

#include "base/virtual_runtime.h"
#include "net/line_reader.h"

namespace ipfsc::net {
namespace {

TEST(Http, QueryKeepsOrderAndDecodes) {
  auto query = Query::parse("a=1&b=x%20y+z&a=2&flag&&empty=");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->items.size(), 5u);
  EXPECT_EQ(query->value("a"), "1");
  EXPECT_EQ(query->value("b"), "x y z");
  EXPECT_TRUE(query->has("flag"));
  EXPECT_EQ(query->get("empty"), "");
  EXPECT_FALSE(query->has("c"));
}

TEST(Http, BrokenEscapesAreRefused) {
  for (auto text : {"a=%", "a=%4", "a=%zz", "%=1"}) {
    auto query = Query::parse(text);
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().kind, ErrorKind::kInvalidArgument);
  }
  EXPECT_FALSE(percent_decode("/x%g0"));
}

TEST(Http, EscapingRoundTrips) {
  std::string all;
  for (int c = 1; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(*percent_decode(percent_encode(all), true), all);
  EXPECT_EQ(*percent_decode(percent_encode_path(all)), all);
  EXPECT_EQ(percent_encode_path("/ä b/c?d"), "/%C3%A4%20b/c%3Fd");
}

TEST(Http, CleanPath) {
  EXPECT_EQ(clean_path(""), "/");
  EXPECT_EQ(clean_path("//a//b/./c/../d"), "/a/b/d");
  EXPECT_EQ(clean_path("/../../x"), "/x");
  EXPECT_EQ(clean_path("a/b/"), "/a/b/");
  EXPECT_EQ(clean_path("/a/.."), "/");
  EXPECT_EQ(clean_path("/a/b/."), "/a/b/");
}

TEST(Http, MediaTypes) {
  auto media = parse_media_type("Form-Data; name=\"fi\\\"le\"; filename*=UTF-8''%e2%82%ac.txt ;x=1");
  ASSERT_TRUE(media) << media.error().message;
  EXPECT_EQ(media->type, "form-data");
  EXPECT_EQ(*media->parameter("name"), "fi\"le");
  EXPECT_EQ(*media->parameter("filename"), "\xe2\x82\xac.txt");
  EXPECT_EQ(*media->parameter("x"), "1");
  for (auto text : {"", ";a=b", "a/b; =x", "a/b; x", "a/b; x=\"y", "a/b; x=", "a b; x=y"})
    EXPECT_FALSE(parse_media_type(text)) << text;
}

TEST(Http, BasicAuth) {
  auto parsed = parse_basic_auth(basic_auth("user", "pa:ss"));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->first, "user");
  EXPECT_EQ(parsed->second, "pa:ss");
  EXPECT_FALSE(parse_basic_auth("Basic !!!"));
  EXPECT_FALSE(parse_basic_auth("Bearer abc"));
}

TEST(Http, Date) { EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT"); }

TEST(LineReader, AnySplitGivesTheSameLines) {
  const std::string text = "{\"a\":1}\n\r\n\n{\"b\":2}\r\nlast";
  for (size_t step = 1; step <= text.size(); ++step) {
    VirtualRuntime runtime(1);
    size_t at = 0;
    LineReader reader([&]() -> Task<std::string_view> {
      auto piece = std::string_view(text).substr(std::min(at, text.size()), step);
      at += piece.size();
      co_return piece;
    });
    auto lines = runtime.run_task([](LineReader& in) -> Task<std::vector<std::string>> {
      std::vector<std::string> out;
      for (;;) {
        CO_TRY_ASSIGN(auto line, co_await in.next());
        if (!line) co_return out;
        out.emplace_back(*line);
      }
    }(reader));
    ASSERT_TRUE(lines);
    EXPECT_EQ(*lines, (std::vector<std::string>{"{\"a\":1}", "{\"b\":2}", "last"})) << step;
  }
}

TEST(LineReader, LongLinesAreRefused) {
  VirtualRuntime runtime(1);
  LineReader reader([]() -> Task<std::string_view> { co_return "xxxxxxxxxxxxxxxx"; }, 100);
  auto line = runtime.run_task(reader.next());
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().kind, ErrorKind::kResourceExhausted);
}

}  // namespace
}  // namespace ipfsc::net
