#include "sim/traffic/trace_arrivals.h"

#include <gtest/gtest.h>

#include <vector>

#include "sim/traces/byte_source.h"

namespace penstock::sim {
namespace {

/// Rows at about 0, 10, 20 and 30 s (the reader spreads them inside their grid) whose prompts are 1, 2, 3 and 4 tokens.
constexpr char kTrace[] =
    R"({"timestamp": 0, "input_length": 1, "output_length": 5, "hash_ids": [0]}
{"timestamp": 10000, "input_length": 2, "output_length": 5, "hash_ids": [1]}
{"timestamp": 20000, "input_length": 3, "output_length": 5, "hash_ids": [2]}
{"timestamp": 30000, "input_length": 4, "output_length": 5, "hash_ids": [3]}
)";

TraceText Text(std::string_view text) {
  return {"rows", [text]() -> absl::StatusOr<std::unique_ptr<ByteSource>> { return BytesOf(text); }, {}};
}

struct Came {
  Duration at;
  int64_t prompt = 0;
  friend bool operator==(const Came&, const Came&) = default;
};

std::vector<Came> Stretch(const TraceStretch& stretch) {
  const auto survey = Survey(Text(kTrace));
  EXPECT_TRUE(survey.ok()) << survey.status();
  const auto source = TraceArrivals(Text(kTrace), *survey, stretch, 3, {});
  std::vector<Came> all;
  while (const auto arrival = source->Next()) {
    EXPECT_EQ(arrival->tenant, 3u);
    all.push_back({arrival->at, arrival->tokens[TokenKind::kInput].count()});
  }
  EXPECT_FALSE(source->Next().has_value());
  return all;
}

/// When the rows come, once through.
std::vector<Duration> Offsets() {
  std::vector<Duration> offsets;
  for (const Came& came : Stretch({.begin = {}, .length = Hours(1), .goes_round = false})) offsets.push_back(came.at);
  return offsets;
}

TEST(TraceSurvey, KnowsRowsSpanAndRate) {
  const auto survey = Survey(Text(kTrace));
  ASSERT_TRUE(survey.ok());
  EXPECT_EQ(survey->tally.rows, 4);
  EXPECT_EQ(survey->span, Offsets().back());
  EXPECT_DOUBLE_EQ(survey->Rate(), 4 / (static_cast<double>(survey->span.count()) / 1e9));
}

TEST(TraceSurvey, OfOneRowThereIsNoRate) {
  const std::string_view one = R"({"timestamp": 0, "input_length": 1, "output_length": 5, "hash_ids": [0]})"
                               "\n";
  EXPECT_EQ(Survey(Text(one)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(TraceArrivals, PlayTheTraceFromItsBegin) {
  const auto all = Stretch({.begin = {}, .length = Offsets().back() + Nanoseconds(1), .goes_round = true});
  ASSERT_EQ(all.size(), 4u);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].prompt, static_cast<int64_t>(i) + 1);
}

TEST(TraceArrivals, GoRoundAMeanGapAfterTheLastRow) {
  const std::vector<Duration> offsets = Offsets();
  const Duration lap = offsets.back() + Duration(offsets.back().count() / 4);
  const auto all = Stretch({.begin = {}, .length = lap * 3, .goes_round = true});
  ASSERT_EQ(all.size(), 12u);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].prompt, static_cast<int64_t>(i % 4) + 1);
    const Duration expected = offsets[i % 4] + lap * static_cast<int64_t>(i / 4);
    EXPECT_NEAR(static_cast<double>((all[i].at - expected).count()), 0, 10) << "rounding of the gap, each lap once";
  }
}

TEST(TraceArrivals, BeginInside) {
  const std::vector<Duration> offsets = Offsets();
  const auto all =
      Stretch({.begin = offsets[2], .length = offsets[3] - offsets[2] + Nanoseconds(1), .goes_round = true});
  EXPECT_EQ(all, (std::vector<Came>{{Duration::Zero(), 3}, {offsets[3] - offsets[2], 4}}))
      << "the row at the begin comes at time 0";
}

TEST(TraceArrivals, ABeginBeyondTheLapIsTakenRound) {
  const std::vector<Duration> offsets = Offsets();
  const Duration lap = offsets.back() + Duration(offsets.back().count() / 4);
  const auto once = Stretch({.begin = offsets[1], .length = Seconds(60), .goes_round = true});
  const auto later = Stretch({.begin = offsets[1] + lap * 5, .length = Seconds(60), .goes_round = true});
  ASSERT_EQ(once.size(), later.size());
  for (size_t i = 0; i < once.size(); ++i) EXPECT_EQ(once[i].prompt, later[i].prompt);
}

TEST(TraceArrivals, TheStretchEndsBeforeItsLength) {
  const std::vector<Duration> offsets = Offsets();
  EXPECT_EQ(Stretch({.begin = {}, .length = offsets[2], .goes_round = true}).size(), 2u);
  EXPECT_EQ(Stretch({.begin = {}, .length = offsets[2] + Nanoseconds(1), .goes_round = true}).size(), 3u);
}

TEST(TraceArrivals, WithoutARoundThereIsNothingMore) {
  const auto all = Stretch({.begin = Offsets()[2], .length = Hours(1), .goes_round = false});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].prompt, 3);
}

}  // namespace
}  // namespace penstock::sim
