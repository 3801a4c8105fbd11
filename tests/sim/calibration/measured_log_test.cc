#include "sim/calibration/measured_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace penstock::sim {
namespace {

using ::testing::HasSubstr;

std::string Row(int64_t input, int64_t output, double arrival, double queued) {
  const auto text = [](double seconds) { return std::to_string(seconds); };
  return "{\"input_toks\": " + std::to_string(input) + ", \"output_toks\": " + std::to_string(output) +
         ", \"arrival_time\": " + text(arrival) + ", \"queued_ts\": " + text(queued) +
         ", \"scheduled_ts\": " + text(queued + 0.5) + ", \"first_token_ts\": " + text(queued + 1) +
         ", \"last_token_ts\": " + text(queued + 3) + "}\n";
}

TEST(MeasuredLog, ClocksAreAlignedByTheShortestWayIntoTheEngine) {
  // The engine's clock is 900 s behind; the first request took 0.25 s to get into it, the second nothing.
  const auto log = ParseMeasuredLog(Row(10, 5, 1'000, 100.25) + Row(20, 6, 1'002, 102), "log");
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_EQ(log->requests.size(), 2u);
  EXPECT_EQ(log->requests[0].arrival, Duration::Zero());
  EXPECT_EQ(log->requests[0].scheduled, Milliseconds(750));
  EXPECT_EQ(log->requests[0].first_token, Milliseconds(1'250));
  EXPECT_EQ(log->requests[1].arrival, Seconds(2));
  EXPECT_EQ(log->requests[1].last_token, Seconds(5));
  EXPECT_EQ(log->requests[1].input, Tokens(20));
  EXPECT_TRUE(log->bad.empty());
}

TEST(MeasuredLog, BadRowsAreNamedAndTheOthersCount) {
  const std::string text = Row(10, 5, 1'000, 100) + "nonsense\n" + Row(10, 1, 1'001, 101) + "{\"input_toks\": 3}\n" +
                           Row(-1, 5, 1'001, 101) + Row(10, 5, 1'002, 102);
  const auto log = ParseMeasuredLog(text, "log");
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(log->requests.size(), 2u);
  ASSERT_EQ(log->bad.size(), 4u);
  EXPECT_EQ(log->bad[0].line, 2u);
  EXPECT_EQ(log->bad[0].problem, "not a JSON object");
  EXPECT_EQ(log->bad[1].problem, "output_toks: must be a whole number between 2 and 1000000000");
  EXPECT_EQ(log->bad[2].problem, "output_toks: missing");
  EXPECT_EQ(log->bad[3].line, 5u);
}

TEST(MeasuredLog, WithoutAUsableRowItIsAnError) {
  EXPECT_THAT(std::string(ParseMeasuredLog("", "run.jsonl").status().message()), HasSubstr("run.jsonl:1: "));
  EXPECT_THAT(std::string(ParseMeasuredLog("[]\n", "run.jsonl").status().message()),
              HasSubstr("run.jsonl:1: not a JSON object; none of the 1 rows can be used"));
}

}  // namespace
}  // namespace penstock::sim
