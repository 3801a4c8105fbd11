#include "sim/traces/trace_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/traces/shipped_traces.h"
#include "tests/sim/traces/compression.h"

namespace penstock::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Reading {
  std::vector<TraceRow> rows;
  RowTally tally;
  std::string error;  // empty: it ended well
};

Reading Read(std::string_view text, TraceOptions options = {}) {
  TraceReader reader(BytesOf(text), "t", std::move(options));
  Reading reading;
  TraceRow row;
  while (true) {
    const auto more = reader.Next(&row);
    if (!more.ok()) reading.error = std::string(more.status().message());
    if (!more.ok() || !*more) break;
    reading.rows.push_back(row);
  }
  reading.tally = reader.tally();
  return reading;
}

constexpr char kBurstGpt[] =
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "5,ChatGPT,472,18,490,Conversation log\n"
    "45,ChatGPT,1087,0,1087,API log\n"
    "45,GPT-4,417,276,693,API log\n";

constexpr char kBurstGptWithSessions[] =
    "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\r\n"
    "19440110.0,1722ac82-0a46-4bf0-aa08-89794e7a2b3f,43,GPT-4,906,446,1352,Conversation log\r\n"
    "19440161.5,,2,ChatGPT,36,29,65,API log\r\n";

constexpr char kBailian[] =
    R"({"chat_id": 55, "parent_chat_id": -1, "timestamp": 61.114, "input_length": 40, "output_length": 132, )"
    R"("type": "text", "turn": 1, "hash_ids": [0, 1, 2]})"
    "\n"
    R"({"chat_id": 159, "parent_chat_id": 55, "timestamp": 63, "input_length": 60, "output_length": 7, )"
    R"("type": "search", "turn": 2, "hash_ids": [0, 1, 3, 4]})"
    "\n"
    R"({"chat_id": 160, "parent_chat_id": 159, "timestamp": 63.5, "input_length": 60, "output_length": 7, )"
    R"("type": "text", "turn": 3, "hash_ids": [0, 1, 3, 4]})"
    "\n"
    R"({"chat_id": 161, "parent_chat_id": 12, "timestamp": 64, "input_length": 5, "output_length": 1, )"
    R"("type": "text", "turn": 9, "hash_ids": [9]})";

TEST(TraceReader, TellsTheFormatsByTheirFirstLine) {
  EXPECT_EQ(Read(CodeTraceCsv()).rows.size(), 8'819u);
  EXPECT_EQ(Read(LongConversationTraceJsonl()).rows.size(), 4'665u);
  EXPECT_EQ(Read(kBurstGpt).rows.size(), 2u);
  EXPECT_EQ(Read(kBailian).rows.size(), 4u);
}

TEST(TraceReader, ReadsTheSameRowsFromCompressedTraces) {
  const std::string text(ConversationTraceCsv());
  const Reading plain = Read(text);
  for (const std::string& bytes : {Gzipped(text), Zstandardised(text)}) {
    const Reading reading = Read(bytes);
    EXPECT_EQ(reading.error, "");
    ASSERT_EQ(reading.rows.size(), plain.rows.size());
    for (size_t i = 0; i < plain.rows.size(); ++i) EXPECT_EQ(reading.rows[i].offset, plain.rows[i].offset);
  }
}

TEST(TraceReader, ATruncatedFileGivesItsRowsAndThenTheError) {
  const std::string whole = Gzipped(ConversationTraceCsv());
  const Reading reading = Read(std::string_view(whole).substr(0, whole.size() / 2));
  EXPECT_GT(reading.rows.size(), 5'000u);
  EXPECT_LT(reading.rows.size(), 15'000u);
  EXPECT_THAT(reading.error, StartsWith("t: gzip data ends too early at byte " + std::to_string(whole.size() / 2)));
}

TEST(TraceReader, BurstGptCountsFailedRequestsApart) {
  const Reading reading = Read(kBurstGpt);
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.tally.rows, 2);
  EXPECT_EQ(reading.tally.failed_requests, 1);
  EXPECT_EQ(reading.tally.bad_rows, 0);
  EXPECT_EQ(reading.rows[1].offset, Seconds(40));
  EXPECT_EQ(reading.rows[1].context, Tokens(417));
  EXPECT_EQ(reading.rows[1].generated, Tokens(276));
  EXPECT_EQ(reading.rows[1].model, "GPT-4");
  EXPECT_EQ(reading.rows[1].kind, "API log");
}

TEST(TraceReader, BurstGptWithSessionsKnowsTheRun) {
  const Reading reading = Read(kBurstGptWithSessions);
  ASSERT_EQ(reading.rows.size(), 2u) << reading.error;
  EXPECT_EQ(reading.rows[0].run, "1722ac82-0a46-4bf0-aa08-89794e7a2b3f");
  EXPECT_EQ(reading.rows[0].kind, "Conversation log");
  EXPECT_EQ(reading.rows[1].run, "");
  EXPECT_EQ(reading.rows[1].offset, Milliseconds(51'500));
}

TEST(TraceReader, BailianTurnsOfAConversationAreARunAndHitTheCache) {
  const Reading reading = Read(kBailian);
  ASSERT_EQ(reading.rows.size(), 4u) << reading.error;
  EXPECT_EQ(reading.rows[0].run, "55");
  EXPECT_EQ(reading.rows[1].run, "55");
  EXPECT_EQ(reading.rows[2].run, "55");
  EXPECT_EQ(reading.rows[3].run, "12");  // its parent is not in the file
  EXPECT_EQ(reading.rows[1].kind, "search");
  EXPECT_EQ(reading.rows[1].offset, Milliseconds(1'886));
  EXPECT_EQ(reading.rows[0].cached, Tokens(0));
  EXPECT_EQ(reading.rows[1].cached, Tokens(32));  // two blocks of 16
  EXPECT_EQ(reading.rows[2].cached, Tokens(59));  // all four blocks, but one token is always computed
}

TEST(TraceReader, MooncakePromptsHitTheBlocksBeforeThem) {
  const Reading reading =
      Read(R"({"timestamp": 0, "input_length": 1500, "output_length": 5, "hash_ids": [0, 1, 2]})"
           "\n"
           R"({"timestamp": 3000, "input_length": 2000, "output_length": 5, "hash_ids": [0, 1, 7, 2]})"
           "\n"
           R"({"timestamp": 6000, "input_length": 100, "output_length": 5, "hash_ids": [8]})");
  ASSERT_EQ(reading.rows.size(), 3u) << reading.error;
  EXPECT_EQ(reading.rows[0].cached, Tokens(0));
  EXPECT_EQ(reading.rows[1].cached, Tokens(1'024));  // block 2 is no hit behind a miss
  EXPECT_EQ(reading.rows[2].cached, Tokens(0));
}

TEST(TraceReader, ABadRowIsReportedCountedAndSkipped) {
  const Reading reading = Read(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n"
      "5,ChatGPT,-1,18,490,Conversation log\n"
      "six,ChatGPT,472,18,490,Conversation log\n"
      "7,ChatGPT,472,18,490\n"
      "4,ChatGPT,472,18,490,Conversation log\n"
      "8,ChatGPT,1,2,3,Conversation log\n");
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.tally.rows, 2);
  EXPECT_EQ(reading.tally.bad_rows, 4);
  EXPECT_THAT(reading.tally.messages,
              ElementsAre(StartsWith("t:3:11: Request tokens must be a whole number between 0 and"),
                          StartsWith("t:4:1: Timestamp must be a number between 0 and"),
                          StartsWith("t:5:21: the row has 5 columns and the header 6"),
                          StartsWith("t:6:1: the row is earlier than the one before it")));
  EXPECT_EQ(reading.rows[1].context, Tokens(1));
}

TEST(TraceReader, KeepsTheFirstMessagesOnly) {
  std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  for (int i = 0; i < 90; ++i) text += i % 3 == 1 ? "oops\n" : "2023-11-16 18:15:46.6805900,374,44\n";
  const Reading reading = Read(text, {.rules = {.kept_messages = 2}});
  EXPECT_EQ(reading.tally.bad_rows, 30);
  EXPECT_EQ(reading.tally.rows, 60);
  EXPECT_THAT(reading.tally.messages, ElementsAre(StartsWith("t:3:1: expected a year"), StartsWith("t:6:1: ")));
}

TEST(TraceReader, StrictFailsAtTheFirstBadRow) {
  const Reading reading = Read("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\noops\n",
                               {.rules = {.strict = true}});
  EXPECT_EQ(reading.rows.size(), 1u);
  EXPECT_THAT(reading.error, StartsWith("t:3:1: expected a year"));
}

TEST(TraceReader, MostlyBadRowsAreAnotherFormat) {
  std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n";
  for (int i = 0; i < 200; ++i) text += "5,ChatGPT,472,18,490,Conversation log\n";
  const Reading reading = Read(text);
  EXPECT_THAT(reading.error, HasSubstr("51 of the first 52 rows are bad: the file is of another format"));
  EXPECT_THAT(Read("TIMESTAMP,ContextTokens,GeneratedTokens\na\nb\n").error,
              StartsWith("t: all 2 rows are bad; the first: t:2:1: expected a year"));
}

TEST(TraceReader, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(Read("a,b,c\n1,2,3\n").error, StartsWith("t:1: the first line is of no known trace (azure, mooncake"));
  EXPECT_THAT(Read("model,client,t_s,rate_rps\n").error, StartsWith("t:1: a table of ServeGen describes clients"));
  EXPECT_THAT(Read("").error, StartsWith("t:1: row: the trace is empty"));
  EXPECT_THAT(Read("a,b,c\n", {.format = TraceFormat::kBurstGpt}).error, StartsWith("t:1:1: the header lacks one of"));
}

TEST(TraceReader, FormatsHaveNames) {
  for (const TraceFormat format :
       {TraceFormat::kAzure, TraceFormat::kMooncake, TraceFormat::kBurstGpt, TraceFormat::kBailian}) {
    EXPECT_EQ(TraceFormatNamed(Name(format)), format);
  }
  EXPECT_EQ(TraceFormatNamed("servegen"), std::nullopt);
}

}  // namespace
}  // namespace penstock::sim
