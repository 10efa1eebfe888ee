#include "cmd/cli/terminal.h"

#include <gtest/gtest.h>

#include "cmd/cli/progress_line.h"

namespace ipfsc::cmd {
namespace {

TEST(Terminal, NothingFromOutsideCommandsIt) {
  EXPECT_EQ(harmless("a\tb\nc ä…"), "a\tb\nc ä…");
  EXPECT_EQ(harmless("\033[2Jgone\r"), "\uFFFD[2Jgone\uFFFD");
  EXPECT_EQ(harmless("\xc2\x9b\x7f"), "\uFFFD\uFFFD");  // CSI in one character; delete
  EXPECT_EQ(harmless("\xff\xe2\x82"), "\uFFFD\uFFFD\uFFFD");
}

TEST(Terminal, PaintsWholeWords) {
  EXPECT_EQ(painted("a : PINNED | x"), "a : \033[32mPINNED\033[0m | x");
  EXPECT_EQ(painted("UNPINNED XPINNED PINNED2"), "UNPINNED XPINNED PINNED2");
  EXPECT_EQ(painted("PIN_ERROR: no"), "\033[31mPIN_ERROR\033[0m: no");
  EXPECT_EQ(painted("Role: voter | Health: up | "), "Role: voter | \033[32mHealth: up\033[0m | ");
  EXPECT_EQ(painted("ERROR"), "\033[31mERROR\033[0m");
  EXPECT_EQ(painted(""), "");
}

TEST(Terminal, MeasuresAndShortens) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("äö…"), 3u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdef", 5), "abcd…");
  EXPECT_EQ(shortened("abcdefgh", 5, true), "ab…gh");
  EXPECT_EQ(shortened("日本語", 5), "日本…");
  EXPECT_EQ(shortened("日本語", 4), "日…");  // never wider
  EXPECT_EQ(shortened("abc", 0), "");
}

TEST(Terminal, OnlyATerminalGetsProgressAndColours) {
  char* text = nullptr;
  size_t size = 0;
  FILE* file = ::open_memstream(&text, &size);
  {
    ProgressLine line(file);
    EXPECT_FALSE(line.active());
    line.show("{} of {}", 1, 2);
    line.draw("x");
  }
  EXPECT_FALSE(takes_colours(file, false));
  std::fclose(file);
  EXPECT_EQ(size, 0u);
  std::free(text);
}

}  // namespace
}  // namespace ipfsc::cmd
