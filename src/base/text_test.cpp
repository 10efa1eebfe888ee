#include "base/text.h"

#include <gtest/gtest.h>

namespace ipfsc {
namespace {

TEST(Text, KnowsUtf8) {
  for (std::string_view good : {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa4z"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (std::string_view bad : {"\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xef\xbf",
                               "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe0\xa0\x41", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad)) << quoted(bad);
  }
}

TEST(Text, QuotesForMessages) {
  EXPECT_EQ(quoted(""), "\"\"");
  EXPECT_EQ(quoted("a\"b\\c\n\t\x7f"), R"("a\"b\\c\n\x09\x7f")");
  EXPECT_EQ(quoted("\xc3\xa4\xff\xf0\x90"), "\"\xc3\xa4\\xff\\xf0\\x90\"");
  EXPECT_EQ(quoted("abc", 3), "\"abc\"");
  EXPECT_EQ(quoted("abcd", 3), "\"abc\"…");
  EXPECT_EQ(quoted("ab\xc3\xa4", 3), "\"ab\"…");
}

TEST(Text, CommaSeparated) {
  using List = std::vector<std::string_view>;
  EXPECT_EQ(comma_separated(""), List());
  EXPECT_EQ(comma_separated("a"), List({"a"}));
  EXPECT_EQ(comma_separated(" a b ,,  ,c, "), List({"a b", "c"}));
}

}  // namespace
}  // namespace ipfsc
