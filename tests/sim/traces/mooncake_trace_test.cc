#include "sim/traces/mooncake_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sim/traces/shipped_traces.h"

namespace penstock::sim {
namespace {

using ::testing::StartsWith;

std::string Row(const std::string& timestamp, const std::string& input, const std::string& output) {
  return "{\"timestamp\": " + timestamp + ", \"input_length\": " + input + ", \"output_length\": " + output + "}\n";
}

std::string ErrorOf(const std::string& text) {
  const auto rows = ParseMooncakeTrace(text, "m.jsonl");
  if (rows.ok()) return "no error";
  EXPECT_EQ(rows.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(rows.status().message());
}

/// The error of a file whose second line is `row`.
std::string ErrorOfRow(const std::string& row) { return ErrorOf(Row("0", "5", "6") + row); }

TEST(ShippedTraces, LongConversationParsesWhole) {
  const auto rows = ParseMooncakeTrace(LongConversationTraceJsonl(), "mooncake");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->size(), 4'665u);
  EXPECT_EQ(rows->front().offset, Duration::Zero());
  EXPECT_GT(rows->back().offset, Seconds(1'494));
  EXPECT_LT(rows->back().offset, Seconds(1'500));
  EXPECT_EQ(rows->front().context, Tokens(6'758));
  EXPECT_EQ(rows->front().generated, Tokens(500));
}

TEST(MooncakeTrace, SpreadsEachCellOfTheGridAndKeepsTheOrderOfTheLines) {
  std::string text;
  for (int cell = 0; cell < 20; ++cell) {
    const std::string at = std::to_string(cell * 3'000 - (cell % 3 == 2 ? 1 : 0));  // the published grid wobbles
    for (int i = 0; i < 30; ++i) text += Row(at, std::to_string(text.size() + 1), "1");
  }
  const auto rows = ParseMooncakeTrace(text, "m");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 600u);
  int in_first_halves = 0;
  for (size_t i = 1; i < rows->size(); ++i) {
    EXPECT_LE((*rows)[i - 1].offset, (*rows)[i].offset);
    EXPECT_LT((*rows)[i - 1].context, (*rows)[i].context);
    in_first_halves += (*rows)[i].offset.count() % Seconds(3).count() < Milliseconds(1'500).count() ? 1 : 0;
  }
  EXPECT_NEAR(in_first_halves, 300, 60);
  const auto again = ParseMooncakeTrace(text, "m");
  for (size_t i = 0; i < rows->size(); ++i) EXPECT_EQ((*rows)[i].offset, (*again)[i].offset);
}

TEST(MooncakeTrace, OtherFieldsAndBothLineEndsAreFine) {
  const std::string text =
      "{\"timestamp\": 0, \"input_length\": 7, \"output_length\": 3, \"hash_ids\": [0, 1]}\r\n"
      "{\"output_length\": 4, \"timestamp\": 9000, \"input_length\": 8}";
  const auto rows = ParseMooncakeTrace(text, "m");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[1].context, Tokens(8));
  EXPECT_EQ((*rows)[1].generated, Tokens(4));
}

TEST(MooncakeTrace, AnErrorNamesFileLineAndField) {
  EXPECT_THAT(ErrorOfRow("{\"timestamp\": 0, \"input_length\": 7}"), StartsWith("m.jsonl:2: output_length: missing"));
  EXPECT_THAT(ErrorOfRow(Row("-1", "1", "1")), StartsWith("m.jsonl:2: timestamp: must be a whole number between 0"));
  EXPECT_THAT(ErrorOfRow(Row("0.5", "1", "1")), StartsWith("m.jsonl:2: timestamp: must be a whole number"));
  EXPECT_THAT(ErrorOfRow(Row("0", "\"1\"", "1")), StartsWith("m.jsonl:2: input_length: must be a whole number"));
  EXPECT_THAT(ErrorOfRow(Row("0", "0", "1")), StartsWith("m.jsonl:2: input_length: must be a whole number between 1"));
  EXPECT_THAT(ErrorOfRow(Row("0", "1", "1000000001")), StartsWith("m.jsonl:2: output_length: must be"));
  EXPECT_THAT(ErrorOfRow(Row("0", "1", "99999999999999999999999")), StartsWith("m.jsonl:2: output_length: must be"));
  EXPECT_THAT(ErrorOfRow("{\"timestamp\": 0,"), StartsWith("m.jsonl:2: row: not a JSON object"));
  EXPECT_THAT(ErrorOfRow("[1, 2, 3]"), StartsWith("m.jsonl:2: row: not a JSON object"));
  EXPECT_THAT(ErrorOfRow("\n"), StartsWith("m.jsonl:2: row: not a JSON object"));
  EXPECT_THAT(ErrorOf(Row("3000", "1", "1") + Row("0", "1", "1")),
              StartsWith("m.jsonl:2: timestamp: earlier than the row before"));
  EXPECT_THAT(ErrorOf(""), StartsWith("m.jsonl:1: row: the trace is empty"));
}

}  // namespace
}  // namespace penstock::sim
