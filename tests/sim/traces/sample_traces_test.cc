// A few rows of every format, as files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "sim/traces/servegen.h"
#include "sim/traces/trace_reader.h"

namespace penstock::sim {
namespace {

std::string FileNamed(const std::string& name) {
  std::ifstream file(std::string(PENSTOCK_SOURCE_DIR) + "/tests/data/traces/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Sample {
  const char* file;
  int64_t rows;
  int64_t failed_requests;
  Duration span;
  bool knows_cached;
  bool knows_runs;
  friend void PrintTo(const Sample& sample, std::ostream* out) { *out << sample.file; }
};

class Samples : public ::testing::TestWithParam<Sample> {};

TEST_P(Samples, ReadWithoutABadRow) {
  const Sample& sample = GetParam();
  const std::string bytes = FileNamed(sample.file);
  TraceReader reader(BytesOf(bytes), sample.file, {.rules = {.strict = true}});
  TraceRow row;
  Tokens cached;
  int64_t in_runs = 0;
  while (true) {
    const auto more = reader.Next(&row);
    ASSERT_TRUE(more.ok()) << more.status();
    if (!*more) break;
    cached += row.cached;
    in_runs += row.run.empty() ? 0 : 1;
  }
  EXPECT_EQ(reader.tally().rows, sample.rows);
  EXPECT_EQ(reader.tally().failed_requests, sample.failed_requests);
  EXPECT_EQ(row.offset.count() / 1'000'000'000, sample.span.count() / 1'000'000'000);
  EXPECT_EQ(cached > Tokens(0), sample.knows_cached);
  EXPECT_EQ(in_runs > 0, sample.knows_runs);
}

INSTANTIATE_TEST_SUITE_P(Formats, Samples,
                         ::testing::Values(Sample{"azure_2023.csv", 40, 0, Seconds(24), false, false},
                                           Sample{"azure_2024.csv", 40, 0, Seconds(20), false, false},
                                           Sample{"mooncake.jsonl.gz", 40, 0, Seconds(14), true, false},
                                           Sample{"burstgpt.csv.zst", 36, 4, Seconds(1'726), false, false},
                                           Sample{"burstgpt_sessions.csv", 19, 1, Seconds(669), false, true},
                                           Sample{"qwen_bailian.jsonl", 20, 0, Seconds(95), true, true}));

TEST(Samples, AClientOfServeGenReadsWhole) {
  const std::string trace = FileNamed("servegen_chunk_100_trace.csv");
  const std::string dataset = FileNamed("servegen_chunk_1_dataset.json");
  RowTally tally;
  const auto client =
      ReadServeGenClient("100", {"trace", BytesOf(trace)}, {"dataset", BytesOf(dataset)}, {.strict = true}, &tally);
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(tally.rows, 10);
  EXPECT_EQ(client->windows.size(), 9u);
  ASSERT_EQ(client->lengths.size(), 1u);
  EXPECT_EQ(client->lengths[0].input->values.back(), 327);
  EXPECT_EQ(client->lengths[0].output->values[7], 56);
}

}  // namespace
}  // namespace penstock::sim
