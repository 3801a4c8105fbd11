#include "broker/cli/table.h"

#include <gmock/gmock.h>
#include <google/protobuf/timestamp.pb.h>

#include "broker/cli/wording.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

TEST(TableTest, RightAlignsNumbersAndLeavesNoTrailingSpaces) {
  Table table({{"pool"}, {"tokens", Align::kRight}, {"note"}});
  table.AddRow({"chat", "1,200", "short"});
  table.AddRow({"embeddings", "7", ""});
  table.AddRule();
  table.AddRow({"total", "1,207"});
  EXPECT_EQ(table.Render(false),
            "pool        tokens  note\n"
            "chat         1,200  short\n"
            "embeddings       7\n"
            "----------  ------\n"
            "total        1,207\n");
}

TEST(TableTest, PutsDecimalPointsBelowEachOther) {
  Table table({{"what"}, {"EUR", Align::kPoint}, {"note"}});
  table.AddRow({"a", "1,664.20", "x"});
  table.AddRow({"b", "74.925"});
  table.AddRow({"c", "7"});
  table.AddRow({"d", "-"});
  table.AddRow({"e", ""});
  EXPECT_EQ(table.Render(false),
            "what        EUR  note\n"
            "a     1,664.20   x\n"
            "b        74.925\n"
            "c         7\n"
            "d             -\n"
            "e\n");
}

TEST(TableTest, AlignsByColumnsOnScreenNotByBytes) {
  Table table({{"name"}, {"n", Align::kRight}});
  table.AddRow({"Zoë", "1"});
  table.AddRow({"日本", "22"});
  table.AddRow({"plain", "3"});
  EXPECT_EQ(table.Render(false),
            "name    n\n"
            "Zoë     1\n"
            "日本   22\n"
            "plain   3\n");
}

TEST(TableTest, CountsWideCombiningAndBrokenCharacters) {
  EXPECT_EQ(DisplayWidth(""), 0u);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1u);         // e with a combining acute accent
  EXPECT_EQ(DisplayWidth("\xF0\x9F\x9A\x80"), 2u);  // a rocket
  EXPECT_EQ(DisplayWidth("\xFF\xC3"), 2u);          // no UTF-8: a column each
}

TEST(TableTest, ControlCharactersFromTheWireDoNotReachTheTerminal) {
  Table table({{"name"}});
  table.AddRow({"a\x1b[31mred\n\xC2\x9B"});
  EXPECT_EQ(table.Render(false), "name\na?[31mred??\n");
}

TEST(TableTest, ColourWrapsWholeLinesAndOnlyWhenAsked) {
  Table table({{"pool"}});
  table.AddRow({"chat"}, Table::Emphasis::kStrong);
  EXPECT_EQ(table.Render(true), "\x1b[2mpool\x1b[0m\n\x1b[1mchat\x1b[0m\n");
  EXPECT_EQ(table.Render(false), "pool\nchat\n");
}

TEST(SheetTest, LinesUpValues) {
  Sheet sheet;
  sheet.Add("pool", "pools/chat");
  sheet.Add("costs at most", "1.0 USD");
  EXPECT_EQ(sheet.Render(false),
            "pool           pools/chat\n"
            "costs at most  1.0 USD\n");
}

TEST(WordingTest, GroupsDigitsOfTheWholePartOnly) {
  EXPECT_EQ(Grouped(int64_t{0}), "0");
  EXPECT_EQ(Grouped(int64_t{999}), "999");
  EXPECT_EQ(Grouped(int64_t{-1234567}), "-1,234,567");
  EXPECT_EQ(Grouped(INT64_MIN), "-9,223,372,036,854,775,808");
  EXPECT_EQ(Grouped(std::string_view("-1234.567890123456")), "-1,234.567890123456");
}

TEST(WordingTest, MomentsAreUtcAndNoFinerThanPeopleRead) {
  google::protobuf::Timestamp time;
  time.set_seconds(1795255200);
  EXPECT_EQ(Moment(time), "2026-11-21 10:00:00Z");
  time.set_nanos(62'999'999);
  EXPECT_EQ(Moment(time), "2026-11-21 10:00:00.062Z");
  EXPECT_EQ(MomentForMachines(time), "2026-11-21T10:00:00.062999999Z");
}

TEST(WordingTest, ScalesExactly) {
  EXPECT_EQ(Normalized(1), "0.001");
  EXPECT_EQ(Normalized(-1'234'567), "-1,234.567");
  EXPECT_EQ(Millionths(150'000), "0.150000");
}

}  // namespace
}  // namespace penstock::cli
