// `penstock rate`, from files to what a person reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/rated_bills.h"
#include "broker/cli/server_commands.h"
#include "broker/cli/table.h"
#include "broker/config/config.h"
#include "broker/config/read_posted.h"
#include "broker/config/read_usage.h"
#include "ledger/money.h"

namespace penstock::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::filesystem::path kProject = PENSTOCK_SOURCE_DIR;
const std::filesystem::path kBills = kProject / "tests/golden/bills";
const std::filesystem::path kBadUsage = kProject / "tests/golden/usage";
const std::filesystem::path kBadTariffs = kProject / "tests/golden/tariffs";

std::string Read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// PENSTOCK_UPDATE_GOLDEN=1 writes the files anew; read the difference before committing it.
void ExpectGolden(const std::string& said, const std::filesystem::path& expected) {
  if (std::getenv("PENSTOCK_UPDATE_GOLDEN") != nullptr) std::ofstream(expected) << said;
  EXPECT_EQ(said, Read(expected));
}

std::vector<std::string> NamesIn(const std::filesystem::path& folder, const std::string& extension) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Outcome RateWith(std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Terminal terminal{out, err};
  Invocation invocation{terminal};
  CLI::App app("penstock", "penstock");
  AddRateCommand(app, invocation);
  arguments.insert(arguments.begin(), "rate");
  const int exit_code = Run(app, arguments, invocation);
  return {exit_code, out.str(), err.str()};
}

std::string TariffFileOf(const std::string& name) { return (kProject / "deploy/tariffs" / (name + ".yaml")).string(); }

std::string Sample() { return (kProject / "deploy/examples/usage.csv").string(); }

Outcome RateShipped(const std::string& tariff, std::vector<std::string> more = {}) {
  const std::filesystem::path own = kBills / (tariff + ".csv");
  const std::string usage = std::filesystem::exists(own) ? own.string() : Sample();
  if (std::find(more.begin(), more.end(), "--period") == more.end()) {
    // The sample has a busy minute here and there: of a month the 95th percentile is zero, of this hour it is not.
    const std::string period = tariff == "burstable-95th" ? "2026-11-03T15..2026-11-03T16" : "2026-11";
    more.insert(more.end(), {"--period", period});
  }
  more.insert(more.begin(), {"--tariff", TariffFileOf(tariff), "--usage", usage});
  return RateWith(more);
}

// ---- Every tariff that ships, and its bill.

std::string TestName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class ShippedTariff : public ::testing::TestWithParam<std::string> {};

TEST_P(ShippedTariff, MakesTheBillThatIsInItsTextFile) {
  const Outcome table = RateShipped(GetParam());
  EXPECT_EQ(table.exit_code, kOk) << table.err;
  EXPECT_THAT(table.err, IsEmpty());
  ExpectGolden(table.out, kBills / (GetParam() + ".txt"));
  std::istringstream lines(table.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), kBillWidth) << line;
}

// But for the market, which needs prices that only market.yaml has.
TEST_P(ShippedTariff, FitsTheExampleConfiguration) {
  std::string text = Read(kProject / "deploy/examples/penstock.yaml");
  const auto replace = [&](const std::string& from, const std::string& to) {
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), from.size(), to);
  };
  replace("tariff: ../tariffs/market.yaml", "tariff: ../tariffs/" + GetParam() + ".yaml");
  if (GetParam() != "market") replace("open: true", "open: false");
  const auto config = config::ParseConfig(text, (kProject / "deploy/examples/penstock.yaml").string());
  EXPECT_TRUE(config.ok()) << config.status();
}

TEST_P(ShippedTariff, AddsUpInJson) {
  const Outcome answer = RateShipped(GetParam(), {"-o", "json"});
  ASSERT_EQ(answer.exit_code, kOk) << answer.err;
  ExpectGolden(answer.out, kBills / (GetParam() + ".json"));
  const auto money = [](const nlohmann::ordered_json& object, const char* key) {
    return *ledger::Money::FromDecimal(object.at(key).get<std::string>());
  };
  const auto json = nlohmann::ordered_json::parse(answer.out);
  ASSERT_FALSE(json.at("bills").empty());
  for (const auto& bill : json.at("bills")) {
    ledger::Money exact, amounts;
    for (const auto& line : bill.at("lines")) {
      EXPECT_EQ(money(line, "unit_price") * std::stoll(line.at("quantity").get<std::string>()), money(line, "exact"));
      exact += money(line, "exact");
      amounts += money(line, "amount");
    }
    EXPECT_EQ(amounts, money(bill, "total"));
    EXPECT_EQ(exact - amounts, money(bill, "rounding"));
  }
}

INSTANTIATE_TEST_SUITE_P(Deploy, ShippedTariff, ::testing::ValuesIn(NamesIn(kProject / "deploy/tariffs", ".yaml")),
                         TestName);

// ---- What is wrong with a tariff or a CSV: tests/golden/{tariffs,usage}/NAME, and in NAME.txt what is said.

class BadTariff : public ::testing::TestWithParam<std::string> {};

TEST_P(BadTariff, IsRefusedWithWhatIsInItsTextFile) {
  const std::string file = GetParam() + ".yaml";
  const auto tariff = config::ParseTariff(Read(kBadTariffs / file), file);
  ASSERT_FALSE(tariff.ok());
  ExpectGolden(std::string(tariff.status().message()) + "\n", kBadTariffs / (GetParam() + ".txt"));
}

INSTANTIATE_TEST_SUITE_P(Folder, BadTariff, ::testing::ValuesIn(NamesIn(kBadTariffs, ".yaml")), TestName);

class BadUsage : public ::testing::TestWithParam<std::string> {};

TEST_P(BadUsage, IsRefusedWithWhatIsInItsTextFile) {
  std::filesystem::current_path(kBadUsage);
  const Outcome refused = RateWith({"--tariff", TariffFileOf("outcomes"), "--usage", GetParam() + ".csv"});
  EXPECT_EQ(refused.exit_code, kBadData);
  EXPECT_THAT(refused.out, IsEmpty());
  ExpectGolden(refused.err, kBadUsage / (GetParam() + ".txt"));
}

INSTANTIATE_TEST_SUITE_P(Folder, BadUsage, ::testing::ValuesIn(NamesIn(kBadUsage, ".csv")), TestName);

// ---- The command.

TEST(RateCommand, RatesOneTenantOfMany) {
  const Outcome one = RateWith({"--tariff", TariffFileOf("flat-tokens"), "--usage", Sample(), "--tenant", "acme"});
  EXPECT_EQ(one.exit_code, kOk);
  EXPECT_THAT(one.out, HasSubstr("acme, 2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z"));
  EXPECT_THAT(one.out, ::testing::Not(HasSubstr("northwind")));
  const Outcome none = RateShipped("flat-tokens", {"--tenant", "acne"});
  EXPECT_EQ(none.exit_code, kBadData);
  EXPECT_THAT(none.err, HasSubstr("no windows of tenant \"acne\"; did you mean \"acme\"?"));
  EXPECT_THAT(none.out, IsEmpty());
}

TEST(RateCommand, TakesAMonthOrWholeHoursAsThePeriod) {
  EXPECT_THAT(RateShipped("seats", {"--period", "2026-11"}).out,
              HasSubstr("2026-10-31T23:00:00Z to 2026-11-30T23:00:00Z"))
      << "a month is one of the tariff's zone";
  EXPECT_THAT(RateShipped("flat-tokens", {"--period", "2026-11-02..2026-11-03T10"}).out,
              HasSubstr("2026-11-02T00:00:00Z to 2026-11-03T10:00:00Z"));
  for (const std::string bad :
       {"november", "2026-13", "2026-11-02..", "2026-11-03..2026-11-02", "2026-11-02T10:30:00Z..2026-11-03"}) {
    const Outcome refused = RateShipped("flat-tokens", {"--period", bad});
    EXPECT_EQ(refused.exit_code, kUsage) << bad;
    EXPECT_THAT(refused.err, HasSubstr("is no period; write a month (2026-11)")) << bad;
    EXPECT_THAT(refused.out, IsEmpty());
  }
}

TEST(RateCommand, AsksForThePeriodWhenTheWindowsSpanMonths) {
  const Outcome refused = RateWith({"--tariff", TariffFileOf("seats"), "--usage", Sample()});
  EXPECT_EQ(refused.exit_code, kUsage) << "the last window is in December in Berlin";
  EXPECT_THAT(refused.err,
              HasSubstr("has windows of 2026-11 to 2026-12; say which to rate, for example --period 2026-12"));
}

TEST(RateCommand, SaysWhichFileIsNotThere) {
  const Outcome tariff = RateWith({"--tariff", "/nowhere.yaml", "--usage", Sample()});
  EXPECT_THAT(tariff.err, HasSubstr("/nowhere.yaml"));
  EXPECT_EQ(tariff.exit_code, kConfig);
  const Outcome usage = RateWith({"--tariff", TariffFileOf("seats"), "--usage", "/nowhere.csv"});
  EXPECT_THAT(usage.err, HasSubstr("/nowhere.csv"));
  EXPECT_EQ(usage.exit_code, kIo);
}

TEST(RateCommand, RefusesABadTariffAsAConfiguration) {
  const Outcome refused = RateWith({"--tariff", (kBadTariffs / "zone.yaml").string(), "--usage", Sample()});
  EXPECT_EQ(refused.exit_code, kConfig);
  EXPECT_THAT(refused.out, IsEmpty());
}

// A tariff of which the default class follows 9/10 of the posted price.
constexpr char kCoupled[] = R"(
version: v1
currency: USD
effective: 2026-01-01
rounding: {to: "0.01"}
pools:
  chat:
    prices: {default: {input: "1.00", output: "2.00"}, free: {}, reserved: {}, spillover: {}}
    posted_price: {classes: [default], factor: 9/10, step: "0.01"}
)";

TEST(RateCommand, FollowsPostedPricesThatAreGiven) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir());
  std::ofstream(folder / "coupled.yaml") << kCoupled;
  std::ofstream(folder / "posted.csv") << "pool,from,input,output\nchat,2026-11-17T15:00:00Z,0.50,\n";
  const std::vector<std::string> arguments = {
      "--tariff", (folder / "coupled.yaml").string(), "--usage", Sample(), "--tenant", "acme"};
  EXPECT_THAT(RateWith(arguments).out, ::testing::Not(HasSubstr("0.45/M tok")));
  std::vector<std::string> with = arguments;
  with.insert(with.end(), {"--posted", (folder / "posted.csv").string()});
  const Outcome coupled = RateWith(with);
  EXPECT_EQ(coupled.exit_code, kOk) << coupled.err;
  EXPECT_THAT(coupled.out, HasSubstr("0.45/M tok"));
  EXPECT_THAT(coupled.out, HasSubstr("1.00/M tok")) << "before there was one";
  EXPECT_THAT(coupled.out, HasSubstr("2.00/M tok")) << "no posted price for output";

  std::ofstream(folder / "posted.csv") << "pool,from,input\nchat,2026-11-17T15:00:00Z,0.505\ncode,2026-11-17,1\n";
  const Outcome refused = RateWith(with);
  EXPECT_EQ(refused.exit_code, kBadData);
  EXPECT_THAT(refused.out, IsEmpty());
  EXPECT_THAT(refused.err,
              HasSubstr("posted.csv:2:27: input: \"0.505\" is not a positive multiple of the tariff's step, 0.01"));
}

TEST(PostedCsv, SaysWhatIsWrongWithIt) {
  const auto tariff = config::ParseTariff(kCoupled, "t.yaml");
  ASSERT_TRUE(tariff.ok()) << tariff.status();
  const auto said = [&](const std::string& text) {
    return std::string(config::ParsePosted(text, "p.csv", tariff->tariff).status().message());
  };
  EXPECT_THAT(said(""), HasSubstr("the first line must name the columns pool and from"));
  EXPECT_THAT(said("pool,from,inptu\n"), HasSubstr("p.csv:1:11: \"inptu\" is no column"));
  EXPECT_THAT(said("pool,from,input\nchatt,2026-11-01,1\n"),
              HasSubstr("p.csv:2:1: pool: \"chatt\" is no pool that the tariff couples"));
  EXPECT_THAT(said("pool,from,input\nchat,monday,1\n"), HasSubstr("p.csv:2:6: from: \"monday\" is not a moment"));
  EXPECT_THAT(said("pool,from,input\nchat,2026-11-01\n"), HasSubstr("has 2 cells where the first line names 3"));
  EXPECT_THAT(said("pool,from,input\nchat,2026-11-01,1\nchat,2026-11-01,2\n"),
              HasSubstr("p.csv:3:6: from: prices of this pool"));
}

TEST(UsageCsv, TakesWindowsLineEndsAByteOrderMarkQuotesAndAnyOrderOfColumns) {
  const auto tariff = config::LoadTariff(TariffFileOf("flat-tokens"));
  const auto usage = config::ParseUsage(
      "\xEF\xBB\xBFwork_nt,window_start,\"tier\",pool,tenant\r\n1.5,2026-11-01T00:01:00Z,\"elastic\",chat,acme\r\n\r\n",
      "u.csv", tariff->tariff);
  ASSERT_TRUE(usage.ok()) << usage.status();
  ASSERT_EQ(usage->rows, 1);
  EXPECT_EQ(usage->tenants.at("acme").pools.at(0).work.at(0).sample.work, Work(1'500));
}

TEST(UsageCsv, AddsUpWhatSeveralBrokersSaw) {
  const auto tariff = config::LoadTariff(TariffFileOf("flat-tokens"));
  const std::string text =
      "tenant,pool,tier,window_start,work_nt,source\nacme,chat,elastic,2026-11-01T00:01:00Z,1,a\n"
      "acme,chat,elastic,2026-11-01T00:01:00Z,2,b\n";
  const auto usage = config::ParseUsage(text, "u.csv", tariff->tariff);
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_EQ(usage->everyone.at("chat").at(0).work, NormalizedTokens(3));
}

TEST(UsageCsv, OfAnyBytesIsAnAnswerNotACrash) {
  const auto tariff = config::LoadTariff(TariffFileOf("flat-tokens"));
  for (const std::string& text : std::vector<std::string>{
           "", "\n", ",", ",,,,\n,,,,", std::string("a\0b", 3), "\xff\xfe", std::string(100'000, ','),
           "tenant,pool,tier,window_start,work_nt\n" + std::string(100'000, '\n'),
           "tenant,pool,tier,window_start,work_nt\n\"\",\"\"\"\",,,-\n"}) {
    EXPECT_FALSE(config::ParseUsage(text, "u.csv", tariff->tariff).ok());
  }
}

}  // namespace
}  // namespace penstock::cli
