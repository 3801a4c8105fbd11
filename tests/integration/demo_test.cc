// Runs the real binary's demo and holds its JSON to what the contract of `-o json` says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "ledger/money.h"

namespace penstock {
namespace {

using ledger::Money;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

struct Ended {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Ended RunDemo(const std::string& arguments, const std::string& under = "") {
  std::string err_file = testing::TempDir() + "demo_test_stderr_XXXXXX";
  const int fd = mkstemp(err_file.data());
  EXPECT_GE(fd, 0);
  const std::string command = under + " " + std::string(PENSTOCK_BINARY) + " demo " + arguments + " 2>" + err_file;
  Ended run;
  FILE* pipe = popen(command.c_str(), "r");
  char buffer[4096];
  size_t read = 0;
  while ((read = fread(buffer, 1, sizeof buffer, pipe)) > 0) run.out.append(buffer, read);
  const int status = pclose(pipe);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  std::ostringstream err;
  err << std::ifstream(err_file).rdbuf();
  run.err = err.str();
  std::remove(err_file.c_str());
  return run;
}

class DemoRun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    run_ = new Ended(RunDemo("--seconds 6 --seed 7 -o json"));
    json_ = new json(json::parse(run_->out, nullptr, /*allow_exceptions=*/false));
  }
  static void TearDownTestSuite() {
    delete run_;
    delete json_;
  }
  void SetUp() override {
    ASSERT_FALSE(report().is_discarded()) << "stdout: " << run_->out << "\nstderr: " << run_->err;
  }

  static const json& report() { return *json_; }
  static Ended* run_;
  static json* json_;
};
Ended* DemoRun::run_ = nullptr;
json* DemoRun::json_ = nullptr;

Money MoneyIn(const json& text) {
  const std::optional<Money> money = Money::FromDecimal(text.get<std::string>());
  EXPECT_TRUE(money) << text;
  return money.value_or(Money());
}

int64_t Decided(const json& counts) {
  return counts["admitted"].get<int64_t>() + counts["refused"]["yours"].get<int64_t>() +
         counts["refused"]["pool"].get<int64_t>() + counts["cancelled"].get<int64_t>() +
         counts["failed"].get<int64_t>();
}

TEST_F(DemoRun, EndsWellAndPrintsOneJsonObject) {
  EXPECT_EQ(run_->exit_code, 0) << run_->err;
  EXPECT_TRUE(report().is_object());
  EXPECT_THAT(run_->err, Not(HasSubstr("\x1b"))) << "no control sequences unless a terminal looks";
  EXPECT_EQ(report()["errors"], json::object()) << report()["errors"];
}

TEST_F(DemoRun, HasEveryFieldOfTheContract) {
  for (const char* field : {"tenants", "tiers", "pool", "latency_us", "ledger", "seed", "law", "traffic"}) {
    EXPECT_TRUE(report().contains(field)) << field;
  }
  ASSERT_THAT(report()["tenants"], SizeIs(8));
  for (const json& tenant : report()["tenants"]) {
    SCOPED_TRACE(tenant.dump().substr(0, 60));
    for (const char* field : {"name", "tier", "offered", "admitted", "refused", "spillover", "wait_ms", "tokens",
                              "peak_nt_per_s", "bill"}) {
      EXPECT_TRUE(tenant.contains(field)) << field;
    }
    for (const char* kind : {"input", "cached_input", "output", "reasoning"}) {
      EXPECT_TRUE(tenant["tokens"][kind].is_number_integer()) << kind;
    }
    for (const char* field : {"currency", "total", "lines"}) EXPECT_TRUE(tenant["bill"].contains(field)) << field;
    EXPECT_TRUE(tenant["wait_ms"]["p50"].is_number() && tenant["wait_ms"]["p99"].is_number());
  }
  for (const char* tier : {"free", "elastic", "reserved", "spillover"}) EXPECT_TRUE(report()["tiers"].contains(tier));
  for (const char* call : {"admit", "complete"}) {
    EXPECT_GT(report()["latency_us"][call]["p50"].get<double>(), 0);
    EXPECT_GE(report()["latency_us"][call]["p99"], report()["latency_us"][call]["p50"]);
  }
  EXPECT_GT(report()["pool"]["capacity_nt_per_s"].get<int64_t>(), 100'000);
  EXPECT_GT(report()["pool"]["utilisation"].get<double>(), 0.2);
  EXPECT_THAT(report()["ledger"]["head"].get<std::string>(), SizeIs(64));
}

TEST_F(DemoRun, EveryOfferIsDecidedOnce) {
  int64_t offered = 0;
  int64_t admitted = 0;
  for (const json& tenant : report()["tenants"]) {
    SCOPED_TRACE(tenant["name"]);
    EXPECT_GT(tenant["offered"].get<int64_t>(), 0);
    EXPECT_EQ(tenant["offered"].get<int64_t>(), Decided(tenant));
    offered += tenant["offered"].get<int64_t>();
    admitted += tenant["admitted"].get<int64_t>();
  }
  int64_t offered_by_tier = 0;
  int64_t decided_by_tier = 0;
  for (const json& tier : report()["tiers"]) {
    offered_by_tier += tier["offered"].get<int64_t>();
    decided_by_tier += Decided(tier);
  }
  EXPECT_EQ(offered_by_tier, offered);
  EXPECT_EQ(decided_by_tier, offered);
  EXPECT_GT(report()["ledger"]["entries"].get<int64_t>(), 2 * admitted) << "a grant and a settlement each";
}

TEST_F(DemoRun, BillsAddUpToTheLastDigit) {
  for (const json& tenant : report()["tenants"]) {
    SCOPED_TRACE(tenant["name"]);
    Money sum;
    json tokens = {{"input", 0}, {"cached_input", 0}, {"output", 0}, {"reasoning", 0}};
    int demand_lines = 0;
    for (const json& line : tenant["bill"]["lines"]) {
      Money exact;
      if (line.contains("demand")) {
        ++demand_lines;
        exact = Money::FromPico(line["demand"]["pico_units_per_milli_nt"].get<int64_t>()) *
                line["demand"]["work_milli_nt"].get<int64_t>();
      } else {
        const int64_t count = line["tokens"]["tokens"].get<int64_t>();
        exact = Money::FromPico(line["tokens"]["micros_per_million_tokens"].get<int64_t>()) * count;
        json& of_kind = tokens[line["tokens"]["kind"].get<std::string>()];
        of_kind = of_kind.get<int64_t>() + count;
      }
      EXPECT_EQ(exact, MoneyIn(line["exact"])) << line;
      sum += MoneyIn(line["amount"]);
    }
    EXPECT_EQ(sum, MoneyIn(tenant["bill"]["total"]));
    EXPECT_EQ(tokens, tenant["tokens"]) << "the bill and the first meter count the same";
    EXPECT_EQ(demand_lines, tenant["tier"] == "free" ? 0 : 1);
    EXPECT_EQ(MoneyIn(tenant["bill"]["total"]).IsZero(), tenant["tier"] == "free");
  }
}

TEST_F(DemoRun, TheLedgerReadBackFromDiskVerifies) {
  EXPECT_TRUE(report()["ledger"]["verified"].get<bool>()) << report()["ledger"];
}

TEST_F(DemoRun, TheReservedTenantWaitsWithinTheStatedBoundWhileTheFloodIsTurnedAway) {
  EXPECT_LE(report()["tiers"]["reserved"]["wait_ms"]["p99"].get<double>(),
            report()["pool"]["reclaim_bound_ms"].get<double>());
  EXPECT_LT(report()["tiers"]["reserved"]["wait_ms"]["p99"], report()["tiers"]["free"]["wait_ms"]["p99"]);
  for (const json& tenant : report()["tenants"]) {
    if (tenant["tier"] == "reserved") {
      EXPECT_EQ(tenant["refused"]["pool"].get<int64_t>(), 0);
    }
  }
  EXPECT_THAT(report()["sentence"].get<std::string>(), HasSubstr("reclaim bound"));
}

TEST(DemoCommand, AnInterruptEndsTheTrafficAndStillSettlesAndBills) {
  const Ended run = RunDemo("--seconds 60 -o json", "timeout --foreground --preserve-status --signal INT 4");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json report = json::parse(run.out, nullptr, /*allow_exceptions=*/false);
  ASSERT_FALSE(report.is_discarded()) << run.out;
  EXPECT_TRUE(report["interrupted"].get<bool>());
  EXPECT_TRUE(report["ledger"]["verified"].get<bool>()) << report["ledger"];
  EXPECT_EQ(report["errors"], json::object());
  for (const json& tenant : report["tenants"]) EXPECT_EQ(tenant["offered"].get<int64_t>(), Decided(tenant)) << tenant;
}

TEST(DemoCommand, RefusesADirectoryThatIsNotEmpty) {
  const Ended run = RunDemo("--seconds 3 --keep /proc");
  EXPECT_EQ(run.exit_code, 64);
  EXPECT_THAT(run.err, HasSubstr("not empty"));
}

TEST(DemoCommand, RefusesALengthThatMakesNoSense) { EXPECT_EQ(RunDemo("--seconds 0").exit_code, 64); }

}  // namespace
}  // namespace penstock
