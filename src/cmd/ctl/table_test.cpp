#include "cmd/ctl/table.h"

#include <gtest/gtest.h>

#include "cmd/cli/terminal.h"

namespace ipfsc::cmd::ctl {
namespace {

using Cut = Column::Cut;

std::vector<Column> columns() { return {{"CID", Cut::kMiddle}, {"NAME"}, {"COPIES", Cut::kNothing, true}}; }

TEST(Table, IsAsWideAsItGets) {
  Table table(columns(), 0);
  EXPECT_EQ(table.add({"QmFirst", "a name", "2-3"}), "");
  EXPECT_EQ(table.add({"Qm", "", "all"}), "");
  EXPECT_EQ(table.finish(),
            "CID      NAME    COPIES\n"
            "QmFirst  a name     2-3\n"
            "Qm                  all\n");
  EXPECT_EQ(Table(columns(), 0).finish(), "");
}

TEST(Table, TheWidestColumnsGiveWay) {
  Table table(columns(), 40);
  table.add({"bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", "a long name of something", "2-3"});
  std::string text = table.finish();
  EXPECT_EQ(text,
            "CID              NAME             COPIES\n"
            "bafybei…55fbzdi  a long name of…     2-3\n");
}

TEST(Table, LaterRowsKeepTheColumns) {
  Table table({{"A"}, {"B"}}, 20);
  std::string out;
  for (size_t i = 0; i < Table::kSample; ++i) out += table.add({"aaaaaaaa", "b"});
  EXPECT_TRUE(out.ends_with("\naaaaaaaa  b\n"));
  EXPECT_EQ(table.add({"aaaaaaaaaaaaaaaa", "b"}), "aaaaaaa…  b\n");
  EXPECT_EQ(table.finish(), "");
}

TEST(Table, ACellIsOneHarmlessLine) {
  Table table({{"NAME"}}, 0);
  table.add({"a\nb\033[2J\t日"});
  EXPECT_EQ(table.finish(), "NAME\na b\uFFFD[2J 日\n");
}

TEST(Table, EndsAtTheLeastWidths) {
  Table table({{"A", Cut::kMiddle}, {"B", Cut::kNothing}}, 3);
  table.add({"123456789", "always whole"});
  EXPECT_EQ(table.finish(), "A       B\n123…89  always whole\n");
}

}  // namespace
}  // namespace ipfsc::cmd::ctl
