#include "sim/traces/azure_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sim/traces/shipped_traces.h"

namespace penstock::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kHeader[] = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
constexpr char kGoodRow[] = "2023-11-16 18:15:46.6805900,374,44\n";

std::string ErrorOf(const std::string& text) {
  const auto rows = ParseAzureTrace(text, "t.csv");
  if (rows.ok()) return "no error";
  EXPECT_EQ(rows.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(rows.status().message());
}

/// The error of a file whose third line is `row`.
std::string ErrorOfRow(const std::string& row) { return ErrorOf(std::string(kHeader) + kGoodRow + row + "\n"); }

int64_t WholeSeconds(Duration d) { return d.count() / 1'000'000'000; }

TEST(ShippedTraces, ConversationParsesWhole) {
  const auto rows = ParseAzureTrace(ConversationTraceCsv(), "conv");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->size(), 19'366u);
  EXPECT_EQ(rows->back().offset, Nanoseconds(3'501'721'937'000));
  EXPECT_EQ(rows->front().context, Tokens(374));
  EXPECT_EQ(rows->back().generated, Tokens(183));
  Tokens context;
  Tokens generated;
  for (const TraceRow& row : *rows) {
    context += row.context;
    generated += row.generated;
  }
  EXPECT_EQ(context, Tokens(22'361'870));
  EXPECT_EQ(generated, Tokens(4'088'665));
}

TEST(ShippedTraces, CodeParsesWhole) {
  const auto rows = ParseAzureTrace(CodeTraceCsv(), "code");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->size(), 8'819u);
  EXPECT_EQ(WholeSeconds(rows->back().offset), 3'435);
  EXPECT_EQ(rows->front().offset, Duration::Zero());
}

TEST(AzureTrace, KeepsSevenFractionalDigitsAcrossMidnight) {
  const auto rows =
      ParseAzureTrace(std::string(kHeader) + "2023-12-31 23:59:59.9999999,1,2\n2024-01-01 00:00:00.0000001,3,4", "t");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[1].offset, Nanoseconds(200));
  EXPECT_EQ((*rows)[1].context, Tokens(3));
  EXPECT_EQ((*rows)[1].generated, Tokens(4));
}

TEST(AzureTrace, TakesTheTimesOf2024) {
  const auto rows = ParseAzureTrace(std::string(kHeader) +
                                        "2024-05-10 00:00:00.009930+00:00,2162,5\n"
                                        "2024-05-10 00:00:01+00:00,2399,6\n",
                                    "t");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->back().offset, Microseconds(990'070));
  EXPECT_EQ(rows->back().context, Tokens(2'399));
}

TEST(AzureTrace, TakesBothLineEndsAndNoFinalOne) {
  const std::string lf = std::string(kHeader) + kGoodRow + "2023-11-16 18:15:47.0000000,5,6";
  std::string crlf;
  for (char c : lf) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  ASSERT_TRUE(ParseAzureTrace(lf, "t").ok());
  EXPECT_EQ(ParseAzureTrace(crlf, "t")->size(), 2u);
}

TEST(AzureTrace, AnErrorNamesFileLineAndColumn) {
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.,374,44"),
              StartsWith("t.csv:3:21: expected one to nine fractional digits"));
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805900+01:00,374,44"),
              StartsWith("t.csv:3:28: expected ',' after the timestamp"));
  EXPECT_THAT(ErrorOfRow("2023-11-16T18:15:46.6805900,374,44"), StartsWith("t.csv:3:11: expected ' ' after the day"));
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805900,,44"), StartsWith("t.csv:3:29: expected ContextTokens"));
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805900,374"),
              StartsWith("t.csv:3:32: expected ',' after ContextTokens"));
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805900,374,44,1"),
              StartsWith("t.csv:3:35: expected the end of the line"));
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805900,374,44 "), StartsWith("t.csv:3:35: "));
  EXPECT_THAT(ErrorOfRow(""), StartsWith("t.csv:3:1: expected a year"));
}

TEST(AzureTrace, RefusesNegativeAndAbsurdCounts) {
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805900,-374,44"), StartsWith("t.csv:3:29: expected ContextTokens"));
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805900,374,0"),
              StartsWith("t.csv:3:33: GeneratedTokens must lie between 1 and 1000000000"));
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805900,1000000001,1"), StartsWith("t.csv:3:29: ContextTokens must lie"));
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805900,99999999999999999999999,1"),
              StartsWith("t.csv:3:29: ContextTokens must lie"));
  EXPECT_EQ(ErrorOfRow("2023-11-16 18:15:46.6805900,1000000000,1"), "no error");
}

TEST(AzureTrace, RefusesDaysAndTimesThatDoNotExist) {
  EXPECT_THAT(ErrorOfRow("2023-02-29 18:15:46.6805900,1,1"), StartsWith("t.csv:3:1: there is no such day"));
  EXPECT_THAT(ErrorOfRow("2023-13-01 18:15:46.6805900,1,1"), StartsWith("t.csv:3:1: there is no such day"));
  EXPECT_THAT(ErrorOfRow("9999-01-01 18:15:46.6805900,1,1"), StartsWith("t.csv:3:1: there is no such day"));
  EXPECT_THAT(ErrorOfRow("2023-11-16 24:00:00.0000000,1,1"), StartsWith("t.csv:3:12: there is no such time of day"));
}

TEST(AzureTrace, RefusesRowsThatGoBackInTime) {
  EXPECT_THAT(ErrorOfRow("2023-11-16 18:15:46.6805899,1,1"), HasSubstr("t.csv:3:1: the row is earlier"));
  EXPECT_EQ(ErrorOfRow("2023-11-16 18:15:46.6805900,1,1"), "no error");
}

TEST(AzureTrace, RefusesAnotherFormatAndAnEmptyOne) {
  EXPECT_THAT(ErrorOf("Timestamp,Request tokens\n"), StartsWith("t.csv:1:1: the header is not"));
  EXPECT_THAT(ErrorOf(""), StartsWith("t.csv:1: row: the trace is empty"));
  EXPECT_THAT(ErrorOf(kHeader), StartsWith("t.csv:2:1: the trace has a header and no rows"));
}

}  // namespace
}  // namespace penstock::sim
