#include "sim/traces/servegen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "sim/traces/shipped_traces.h"
#include "tests/sim/traces/compression.h"

namespace penstock::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

constexpr char kRatesHeader[] = "model,client,t_s,rate_rps,iat_cv,family,p1_shape,p2_scale\n";
constexpr char kLengthsHeader[] =
    "model,client,t_s,field,mean,min,q1,q5,q10,q20,q30,q40,q50,q60,q70,q80,q90,q95,q99,q99.9,max\n";
constexpr char kLengths[] =
    "m,7,0,input_tokens,206.5,9,163,163,163,163,167,173,177,182,189,205,249,362,473,1942,1942\n"
    "m,7,0,output_tokens,15.4,4,12,12,12,12,12,12,12,12,12,14,22,28,57,160,160\n";

absl::StatusOr<ServeGenTables> Read(const std::string& rates, const std::string& lengths, RowRules rules = {}) {
  // The sources read the texts until the end of this function only.
  return ReadServeGenTables({"r.csv", BytesOf(rates)}, {"l.csv", BytesOf(lengths)}, "m", rules);
}

absl::StatusOr<ServeGenTables> Shipped(std::string_view model) {
  return ReadServeGenTables({"rates", BytesOf(ServeGenRatesCsvZst())}, {"lengths", BytesOf(ServeGenLengthsCsvZst())},
                            model, {.strict = true});
}

struct Whole {
  size_t clients = 0;
  size_t without_lengths = 0;
  int64_t windows = 0;
  double requests = 0;
};

Whole WholeOf(const ServeGenTables& tables) {
  Whole whole{.clients = tables.clients.size()};
  for (const ServeGenClient& client : tables.clients) {
    whole.without_lengths += client.lengths.empty() ? 1u : 0u;
    whole.windows += std::ssize(client.windows);
    for (const ServeGenWindow& window : client.windows) whole.requests += window.rate * 600;
  }
  return whole;
}

TEST(ShippedServeGen, EveryModelReadsWholeAndHasTheKnownDefects) {
  const auto large = Shipped("m-large");
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_EQ(WholeOf(*large).clients, 162u);
  EXPECT_EQ(WholeOf(*large).without_lengths, 15u);
  EXPECT_EQ(WholeOf(*large).windows, 99'839);
  EXPECT_NEAR(WholeOf(*large).requests / 14, 16.92e6, 0.01e6);  // a day

  const auto small = Shipped("m-small");
  ASSERT_TRUE(small.ok()) << small.status();
  EXPECT_EQ(WholeOf(*small).clients, 43u);
  EXPECT_EQ(WholeOf(*small).without_lengths, 5u);
  EXPECT_NEAR(WholeOf(*small).requests / 14, 101.5e6, 0.1e6);

  const auto reasoning = Shipped("deepseek-r1");
  ASSERT_TRUE(reasoning.ok()) << reasoning.status();
  EXPECT_EQ(WholeOf(*reasoning).clients, 73u);
  EXPECT_TRUE(reasoning->clients[0].lengths[0].reason_ratio.has_value());

  const auto image = Shipped("mm-image");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(WholeOf(*image).clients, 35u);
  EXPECT_TRUE(image->clients[0].lengths[0].image.has_value());
}

TEST(ServeGenTables, ReadsOneModel) {
  const auto tables = Read(std::string(kRatesHeader) +
                               "other,7,0,1,1,Gamma,1,1\nm,7,600,0.5,1.2,Gamma,0.75,0.04\n"
                               "m,7,1800,2,3,Weibull,0.4,0.009\nm,9,0,1,1,Gamma,1,1\n",
                           std::string(kLengthsHeader) + kLengths);
  ASSERT_TRUE(tables.ok()) << tables.status();
  ASSERT_EQ(tables->clients.size(), 2u);
  const ServeGenClient& client = tables->clients[0];
  EXPECT_EQ(client.name, "7");
  ASSERT_EQ(client.windows.size(), 2u);
  EXPECT_EQ(client.windows[1].number, 3);
  EXPECT_EQ(client.windows[1].rate, 2);
  EXPECT_EQ(client.windows[1].family, GapFamily::kWeibull);
  EXPECT_EQ(client.windows[1].shape, 0.4);
  ASSERT_EQ(client.lengths.size(), 1u);
  EXPECT_EQ(client.lengths[0].input->mean, 206.5);
  EXPECT_EQ(client.lengths[0].output->values.back(), 160);
  EXPECT_FALSE(client.lengths[0].image.has_value());
  EXPECT_EQ(tables->rates.rows, 3);
  EXPECT_EQ(tables->lengths.rows, 2);
}

TEST(ServeGenTables, BadRowsAreReportedCountedAndSkipped) {
  const auto tables = Read(std::string(kRatesHeader) +
                               "m,7,0,1,1,Gamma,1,1\n"
                               "m,7,601,1,1,Gamma,1,1\n"
                               "m,7,1200,-1,1,Gamma,1,1\n"
                               "m,7,1200,1,1,Pareto,1,1\n"
                               "m,7,1200,1,1,Gamma,nan,1\n"
                               "m,7,0,1,1,Gamma,1,1\n"
                               "m,7,1200\n",
                           std::string(kLengthsHeader) + kLengths +
                               "m,8,0,input_tokens,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\n"
                               "m,7,0,input_tokens,1,2,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\n"
                               "m,7,0,words,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\n");
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_EQ(tables->rates.rows, 1);
  EXPECT_THAT(tables->rates.messages, ElementsAre(StartsWith("r.csv:3:5: t_s must be a multiple of 600"),
                                                  StartsWith("r.csv:4:10: rate must be a number between 0 and"),
                                                  StartsWith("r.csv:5:14: family must be Gamma or Weibull"),
                                                  StartsWith("r.csv:6:20: shape must be a number between"),
                                                  StartsWith("r.csv:7:5: t_s is not later than"),
                                                  StartsWith("r.csv:8:9: the row has 3 columns and the header 8")));
  EXPECT_THAT(tables->lengths.messages, ElementsAre(StartsWith("l.csv:4:3: the client has no rates"),
                                                    StartsWith("l.csv:5:24: a quantile must be a number between 2 and"),
                                                    StartsWith("l.csv:6:7: field is none of input_tokens")));
}

TEST(ServeGenTables, RefusesOtherTablesAndUnknownModels) {
  EXPECT_THAT(std::string(Read("a,b\n", kLengths).status().message()), StartsWith("r.csv:1:1: the header is not"));
  EXPECT_THAT(std::string(Read(std::string(kRatesHeader) + "other,7,0,1,1,Gamma,1,1\n", "").status().message()),
              StartsWith("r.csv: no good row of the model 'm'; the published ones are"));
  EXPECT_FALSE(Read(std::string(kRatesHeader) + "m,7,601,1,1,Gamma,1,1\n", kLengths, {.strict = true}).ok());
}

constexpr char kTrace[] =
    "0,0,0,,0,0\n"
    "600,0.0433,1.23,Gamma,0.659,0.106\n"
    "1200,1.4433,2.226,Weibull,0.4856,0.0836\n";
constexpr char kDataset[] = R"({
  "0": {"input_tokens": "{}", "output_tokens": "{}"},
  "21600": {"input_tokens": "{300: 0.25, 143: 0.5, 1616: 0.25}", "output_tokens": "{18: 1.0}", "other": 3},
  "108000": {"input_tokens": "{1: 1}", "output_tokens": "{2: 1}"}})";

std::string ErrorOfFolder(const std::string& trace, const std::string& dataset) {
  RowTally tally;
  const auto client = ReadServeGenClient("1", {"t.csv", BytesOf(trace)}, {"d.json", BytesOf(dataset)}, {}, &tally);
  return client.ok() ? tally.messages.empty() ? "no error" : tally.messages[0] : std::string(client.status().message());
}

TEST(ServeGenFolder, ReadsAClient) {
  const std::string trace = Gzipped(kTrace);
  RowTally tally;
  const auto client = ReadServeGenClient("1", {"t", BytesOf(trace)}, {"d", BytesOf(kDataset)}, {}, &tally);
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(tally.rows, 3);
  ASSERT_EQ(client->windows.size(), 2u);  // one is idle
  EXPECT_EQ(client->windows[0].number, 1);
  EXPECT_EQ(client->windows[1].family, GapFamily::kWeibull);
  ASSERT_EQ(client->lengths.size(), 2u);  // one is empty
  EXPECT_EQ(client->lengths[0].number, 1);
  EXPECT_EQ(client->lengths[1].number, 5);  // by number, not by the key's text
  const QuantileTable& input = *client->lengths[0].input;
  EXPECT_DOUBLE_EQ(input.mean, 143 * 0.5 + 300 * 0.25 + 1616 * 0.25);
  EXPECT_EQ(input.values[0], 143);
  EXPECT_EQ(input.values[7], 143);    // the median
  EXPECT_EQ(input.values[8], 300);    // 60 %
  EXPECT_EQ(input.values[10], 1616);  // 80 %
  EXPECT_EQ(input.values[15], 1616);
}

TEST(ServeGenFolder, SaysWhatIsWrong) {
  EXPECT_EQ(ErrorOfFolder(kTrace, kDataset), "no error");
  EXPECT_THAT(ErrorOfFolder("0,0,0,,0\n" + std::string(kTrace), kDataset),
              StartsWith("t.csv:1:1: the row has 5 columns"));
  EXPECT_THAT(ErrorOfFolder("x\n", kDataset), StartsWith("t.csv:1: row: the trace has no good row"));
  EXPECT_THAT(ErrorOfFolder(kTrace, "[]"), StartsWith("d.json: not a JSON object"));
  EXPECT_THAT(ErrorOfFolder(kTrace, "{\"5\": {}}"), StartsWith("d.json: window '5': must be whole 6 h"));
  EXPECT_THAT(ErrorOfFolder(kTrace, R"({"0": {"input_tokens": "{1: -1}"}})"),
              StartsWith("d.json: window '0': input_tokens: must be a text like"));
}

TEST(Quantiles, AreTheLeastValuesWithTheShareAtOrBelow) {
  const QuantileTable table =
      QuantilesOf({{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 1}, {9, 1}, {10, 1}});
  EXPECT_EQ(table.mean, 5.5);
  EXPECT_THAT(table.values, ElementsAre(1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10));
}

}  // namespace
}  // namespace penstock::sim
