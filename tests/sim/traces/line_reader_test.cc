#include "sim/traces/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/sim/traces/compression.h"

namespace penstock::sim {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> LinesOf(std::string_view text, size_t piece) {
  const auto bytes = InPieces(text, piece);
  LineReader reader(*bytes, "t");
  std::vector<std::string> lines;
  std::string_view line;
  while (*reader.Next(&line)) lines.emplace_back(line);
  EXPECT_EQ(reader.number(), std::ssize(lines));
  return lines;
}

TEST(LineReader, TakesLinesOffWhateverThePieces) {
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{5}, size_t{100}}) {
    EXPECT_THAT(LinesOf("a,b\r\n\nlonger line\nlast", piece), ElementsAre("a,b", "", "longer line", "last"));
    EXPECT_THAT(LinesOf("a\n", piece), ElementsAre("a"));
    EXPECT_THAT(LinesOf("", piece), ElementsAre());
  }
}

TEST(LineReader, ALineMayBeLongButNotWithoutBound) {
  const std::string longest(kMaxLineBytes, 'x');
  EXPECT_THAT(LinesOf(longest + "\nb", 1 << 16), ElementsAre(longest, "b"));

  const std::string endless(kMaxLineBytes + (1 << 17), 'x');
  const auto bytes = BytesOf(endless);
  LineReader reader(*bytes, "t.csv");
  std::string_view line;
  const auto read = reader.Next(&line);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(std::string(read.status().message()), ::testing::StartsWith("t.csv:1: the line is longer than 4194304"));
}

}  // namespace
}  // namespace penstock::sim
