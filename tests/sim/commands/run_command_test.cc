// `penstock sim run` as it is typed: what it prints and writes, and how it fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "broker/cli/exit_codes.h"
#include "tests/sim/commands/sim_call.h"

namespace penstock::sim {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kAzureTrace = PENSTOCK_SOURCE_DIR "/tests/data/traces/azure_2023.csv";

/// Half of what the scenario charges; more, to be charged for another pool, where that is named.
std::string TariffOf(const std::string& pool) {
  return "version: half-price\ncurrency: USD\neffective: 2026-01-01\nrounding: {to: \"0.000001\", mode: half_even}\n"
         "pools:\n  " +
         pool +
         ":\n    prices:\n"
         "      default: {input: 0.30, cached_input: 0.03, output: 1.20, reasoning: 1.20}\n"
         "      free: {input: 0, cached_input: 0, output: 0, reasoning: 0}\n";
}

std::vector<std::string> KeysOf(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

void ExpectAllChecksHold(const json& told) {
  for (const json& run : told["runs"]) {
    EXPECT_EQ(run["checks"].size(), 10u);
    for (const json& check : run["checks"]) EXPECT_EQ(check["holds"], true) << check;
  }
}

class RunCommand : public testing::Test {
 protected:
  Reply RunOf(const std::string& scenario, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"run", "--scenario", folder_.File("scenario.yaml", scenario)});
    return Sim(std::move(more));
  }
  Reply Run(std::vector<std::string> more = {}) { return RunOf(std::string(kTwoTenants), std::move(more)); }
  json RunJson(const std::string& scenario, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"-o", "json"});
    const Reply said = RunOf(scenario, std::move(more));
    EXPECT_EQ(said.exit_code, cli::kOk) << said.err;
    return json::parse(said.out);
  }

  ScratchFolder folder_;
};

TEST_F(RunCommand, ShowsTablesToPeopleAndNothingOnStandardError) {
  const Reply one = Run();
  EXPECT_EQ(one.exit_code, cli::kOk);
  EXPECT_THAT(one.err, IsEmpty());
  ExpectGolden("run_one_seed.txt", one.out);
  const Reply three = Run({"--seeds", "3", "--tenants", "1"});
  EXPECT_THAT(three.err, IsEmpty()) << "no progress line without a terminal";
  ExpectGolden("run_three_seeds.txt", three.out);
}

TEST_F(RunCommand, JsonHasKeysThatProgramsCanRelyOn) {
  const json told = json::parse(Run({"-o", "json", "--seeds", "2"}).out, nullptr, true);
  EXPECT_THAT(KeysOf(told),
              ElementsAre("came", "classes", "confidence", "currency", "finished", "fleet_cost", "in_time", "length_s",
                          "pools", "refused_pool", "refused_yours", "replications", "revenue", "revenue_by_component",
                          "runs", "scenario", "tariff", "tenants", "tokens", "warm_up_s"));
  EXPECT_THAT(KeysOf(told["pools"][0]),
              ElementsAre("fleet_busy", "name", "peak_utilisation", "served_nt_per_s", "utilisation"));
  EXPECT_THAT(
      KeysOf(told["classes"][0]),
      ElementsAre("came", "finished", "first_token_p50_s", "first_token_p99_s", "latency_p99_s", "per_output_token_ms",
                  "refused_pool", "refused_yours", "served_as", "wait_mean_s", "wait_p50_s", "wait_p99_s"));
  EXPECT_THAT(KeysOf(told["tenants"][0]),
              ElementsAre("bill", "came", "finished", "in_time", "load_factor", "name", "peak_nt_per_s", "peak_share",
                          "refused", "tier", "wait_mean_s", "wait_p99_s"));
  EXPECT_THAT(KeysOf(told["runs"][0]), ElementsAre("bills", "checks", "events", "journal", "revenue", "seed"));
  EXPECT_THAT(KeysOf(told["runs"][0]["checks"][0]), ElementsAre("expected", "found", "holds", "what"));
  EXPECT_THAT(KeysOf(told["revenue"]), ElementsAre("half_width", "mean"));
  EXPECT_EQ(told["scenario"], "two-tenants");
  EXPECT_EQ(told["currency"], "USD");
  ExpectAllChecksHold(told);
}

TEST_F(RunCommand, ManySeedsHaveIntervalsAndOneHasNone) {
  const json one = RunJson(std::string(kTwoTenants));
  EXPECT_THAT(KeysOf(one["revenue"]), ElementsAre("mean"));
  EXPECT_EQ(one["runs"].size(), 1u);
  const json four = RunJson(std::string(kTwoTenants), {"--seeds", "4"});
  EXPECT_EQ(four["replications"], 4);
  EXPECT_GT(four["revenue"]["half_width"], 0.0);
  EXPECT_EQ(four["runs"][0], one["runs"][0]) << "a seed gives the same run beside others";
  const json last = RunJson(std::string(kTwoTenants), {"--first-seed", "4"});
  EXPECT_EQ(four["runs"][3], last["runs"][0]);
  EXPECT_NE(four["runs"][3]["journal"]["head"], four["runs"][0]["journal"]["head"]);
}

TEST_F(RunCommand, GivesTheSameBytesAgainAndOnAnyNumberOfThreads) {
  const std::string report = folder_.At("report.html");
  const auto bytes = [&](const std::string& threads) {
    std::string all;
    for (const std::string output : {"table", "json"}) {
      all += Run({"--seeds", "3", "--threads", threads, "-o", output, "--report", report}).out;
      all += TextOf(report);
    }
    return all;
  };
  const std::string first = bytes("1");
  EXPECT_GT(first.size(), 10'000u);
  EXPECT_TRUE(bytes("1") == first);
  EXPECT_TRUE(bytes("2") == first);
}

TEST_F(RunCommand, TakesATraceInPlaceOfTheScenarios) {
  const std::string of_trace =
      With(std::string(kTwoTenants), "poisson: {requests_per_s: 2, prompt_tokens: 200, output_tokens: 100}",
           "trace: azure-conversation, begin_s: 0, repeat: no");
  const json told = RunJson(of_trace, {"--trace", kAzureTrace});
  EXPECT_EQ(told["came"]["mean"], 80) << "the 40 rows of the file, for each of the two tenants";
  ExpectAllChecksHold(told);
  EXPECT_GT(RunJson(of_trace)["came"]["mean"], 80);

  const Reply no_trace = Run({"--trace", kAzureTrace});
  EXPECT_EQ(no_trace.exit_code, cli::kConfig);
  EXPECT_THAT(no_trace.err, HasSubstr("traffic: names no trace that " + kAzureTrace + " could stand for (--trace)"));
}

TEST_F(RunCommand, TakesATariffInPlaceOfTheScenarios) {
  const json before = RunJson(std::string(kTwoTenants));
  const json after = RunJson(std::string(kTwoTenants), {"--tariff", folder_.File("half.yaml", TariffOf("chat"))});
  EXPECT_EQ(after["tariff"], "half-price");
  EXPECT_NEAR(after["revenue"]["mean"], before["revenue"]["mean"].get<double>() / 2, 1e-6);
  EXPECT_EQ(after["came"], before["came"]) << "clients of a fixed traffic do not answer prices";
}

TEST_F(RunCommand, WritesOneFileThatFetchesNothing) {
  const std::string path = folder_.At("report.html");
  const Reply said = Run({"--report", path});
  EXPECT_EQ(said.out, Run().out);
  const std::string html = TextOf(path);
  EXPECT_THAT(html, StartsWith("<!DOCTYPE html>"));
  for (const std::string fetch : {"src=", "<script", "<link", "@import", "url(", "<iframe", "<object", "<embed"}) {
    EXPECT_THAT(html, Not(HasSubstr(fetch)));
  }
  for (size_t at = html.find("href=\""); at != std::string::npos; at = html.find("href=\"", at + 1)) {
    EXPECT_EQ(html.substr(at, 7), "href=\"#") << "only places of its own";
  }
  EXPECT_THAT(html, HasSubstr("Time since the start, minutes"));
  for (const std::string shown : {"two-tenants", "acme", "hobby", "Served in time"})
    EXPECT_THAT(html, HasSubstr(shown));
}

TEST_F(RunCommand, AMarketPoolSellsAheadAndPostsItsPrice) {
  std::string market = With(std::string(kTwoTenants), "length_min: 3", "length_min: 20");
  market = With(market, "    classes: {default: {max_waiting: 50}, free: {max_waiting: 5}}\n",
                R"(    classes: {default: {max_waiting: 50}, free: {max_waiting: 5}, spillover: {max_waiting: 50}}
    market:
      open: true
      shortest_min: 1
      ask: {scarcity: [[50%, 0%], [100%, 200%]]}
      posted_price: {curve: [[0%, 80%], [50%, 100%], [100%, 300%]], least_between_s: 300, notice_s: 60}
)");
  market =
      With(market, "  - {name: hobby,", "  - {name: buyer, tier: reserved, keys: [{name: prod}]}\n  - {name: hobby,");
  market =
      With(market, "fleets:\n", R"(        spillover: {input: 0.60, cached_input: 0.06, output: 2.40, reasoning: 2.40}
        reserved: {input: 0.20, cached_input: 0.02, output: 0.80, reasoning: 0.80}
      posted_price: {classes: [default, spillover], factor: 1, step: "0.001"}
      capacity: {price_per_nt_per_s_hour: "0.0006"}
fleets:
)");
  market +=
      "  - {tenant: buyer, poisson: {requests_per_s: 1, prompt_tokens: 200, output_tokens: 100}}\n"
      "purchases:\n  - {tenant: buyer, from_min: 2, to_min: 12, rate_nt_per_s: 500}\n";
  const json told = RunJson(market);
  ExpectAllChecksHold(told);
  // 500 nt/s for a sixth of an hour at the list price: 0.05 USD. A quarter of the pool sold is not scarce.
  EXPECT_NEAR(told["revenue_by_component"]["purchase"]["mean"], 0.05, 1e-9);
  const auto reserved = std::find_if(told["classes"].begin(), told["classes"].end(),
                                     [](const json& row) { return row["served_as"] == "reserved"; });
  ASSERT_NE(reserved, told["classes"].end());
  EXPECT_GT((*reserved)["finished"]["mean"], 100) << "of the 600 requests of the ten minutes";
  // Elastic tokens cost more than the tariff says once the pool is full, and nothing else does.
  const json flat = RunJson(With(market, "[[0%, 80%], [50%, 100%], [100%, 300%]]", "[[0%, 100%], [100%, 100%]]"));
  EXPECT_GT(std::stod(told["runs"][0]["bills"]["acme"].get<std::string>()),
            1.02 * std::stod(flat["runs"][0]["bills"]["acme"].get<std::string>()));
  EXPECT_EQ(told["came"], flat["came"]);

  const Reply too_much = RunOf(With(market, "rate_nt_per_s: 500", "rate_nt_per_s: 1950"));
  EXPECT_EQ(too_much.exit_code, cli::kConfig);
  EXPECT_THAT(too_much.err, HasSubstr("'buyer' cannot buy 1950 nt/s from minute 2 to 12"));
}

TEST_F(RunCommand, SaysWhatIsWrongAndEndsWithTheStatusForIt) {
  const Reply no_file = Sim({"run", "--scenario", folder_.At("nowhere.yaml")});
  EXPECT_EQ(no_file.exit_code, cli::kConfig);
  EXPECT_THAT(no_file.err, StartsWith("error: there is no file '" + folder_.At("nowhere.yaml") + "'"));
  EXPECT_THAT(no_file.err, HasSubstr("there are agents-that-loop, "));

  const Reply misspelt = RunOf(With(std::string(kTwoTenants), "max_in_flight", "max_in_fligt"));
  EXPECT_EQ(misspelt.exit_code, cli::kConfig);
  EXPECT_EQ(misspelt.err, "error: " + folder_.At("scenario.yaml") +
                              ":8:5: pools[0].max_in_fligt: unknown key; did you mean \"max_in_flight\"?\n");

  const Reply no_tariff = Run({"--tariff", folder_.At("nowhere.yaml")});
  EXPECT_EQ(no_tariff.exit_code, cli::kConfig);
  EXPECT_THAT(no_tariff.err, HasSubstr(folder_.At("nowhere.yaml")));
  const std::string broken = folder_.File("broken.yaml", With(TariffOf("chat"), "free:", "fre:"));
  const Reply bad_tariff = Run({"--tariff", broken});
  EXPECT_EQ(bad_tariff.exit_code, cli::kConfig);
  EXPECT_EQ(bad_tariff.err, "error: " + broken + ":9:7: pools.chat.prices.fre: unknown key; did you mean \"free\"?\n");
  const std::string elsewhere = folder_.File("elsewhere.yaml", TariffOf("chad"));
  const Reply unpriced = Run({"--tariff", elsewhere});
  EXPECT_EQ(unpriced.exit_code, cli::kConfig);
  EXPECT_EQ(unpriced.err,
            "error: " + elsewhere + ": pools: has no prices for pool 'chat' of the scenario two-tenants; add them\n");

  EXPECT_EQ(Run({"--seds", "2"}).exit_code, cli::kUsage);
  EXPECT_EQ(Run({"--seeds", "0"}).exit_code, cli::kUsage);
  EXPECT_EQ(Sim({"run"}).exit_code, cli::kUsage);
}

TEST_F(RunCommand, ShowsWhatItFoundEvenWhereTheReportCannotBeWritten) {
  const Reply said = Run({"--report", folder_.At("nowhere/report.html")});
  EXPECT_EQ(said.exit_code, cli::kIo);
  EXPECT_EQ(said.err,
            "error: " + folder_.At("nowhere/report.html") + ": cannot be written: No such file or directory\n");
  EXPECT_EQ(said.out, Run().out);
}

}  // namespace
}  // namespace penstock::sim
