// Whole reports: the bytes of a small one, form and safety of a large one, and what is left out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/sim/report/example_reports.h"
#include "tests/sim/report/well_formed.h"

namespace penstock::sim::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHostile[] = "</title><script>alert(\"1\" & '2')</script>";

std::string Read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// PENSTOCK_UPDATE_GOLDEN=1 writes the files anew; look at them in a browser before committing them.
void ExpectGolden(const std::string& html, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(PENSTOCK_GOLDEN_DIR) / name;
  if (std::getenv("PENSTOCK_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << html;
  EXPECT_TRUE(html == Read(path)) << name << " differs; PENSTOCK_UPDATE_GOLDEN=1 writes it anew";
}

TuneReport SmallTuneReport() {
  const Unit money{Measure::kMoney, "EUR"};
  TuneReport report;
  report.heading = "Tariff search: two tenants";
  report.verdict = {
      Finding::kNotBetter, "The tuned tariff does not beat the flat token price.", {"Keep the flat price."}};
  report.key_figures = {{"Revenue", money, {1234, 56, 4}, ""}};
  report.pareto = {money,
                   {{"flat", 1200, 0.2, true, ParetoCandidate::Kind::kBaseline},
                    {"tuned", 1234, 0.15, true, ParetoCandidate::Kind::kWinner},
                    {"evaluation 1", 1100, 0.1, false}}};
  report.revenue = {money, {"tokens", "demand"}, {{"tuned", {800, 434}}, {"flat", {1200, 0}}}};
  report.bills = {"flat", "tuned", money, {{"acme", 700, 600}, {"smith & sons", 500, 634}}};
  report.sweeps = {{"Revenue", "flat", money, true, {{-0.5, {40, 10, 4}}, {-1.5, {-30, 12, 4}}}}};
  report.tariff_yaml = "tariff: tuned  # <1 %\n";
  return report;
}

// Every text of the report, from any file, replaced.
TuneReport HostileTuneReport() {
  TuneReport report = ExampleTuneReport();
  const std::string bad = kHostile;
  report.heading = report.subtitle = report.verdict.headline = report.tariff_file = report.tariff_yaml = bad;
  report.verdict.paragraphs = {bad};
  report.key_figures[0].name = report.key_figures[0].note = report.key_figures[0].unit.name = bad;
  report.comparison.tariffs[0] = report.comparison.rows[0].figure = report.comparison.rows[0].unit.name = bad;
  report.load_duration.unit.name = report.load_duration.samples[0].name = bad;
  report.price_and_demand.volume.name = report.price_and_demand.curves[0].name = bad;
  report.pareto.revenue.name = report.pareto.candidates[0].name = report.pareto.candidates.back().name = bad;
  report.tornado.figure = report.tornado.unit.name = report.tornado.bars[0].parameter = bad;
  report.tornado.bars[0].low_setting = report.tornado.bars[0].high_setting = bad;
  report.revenue.components[0] = report.revenue.tariffs[0].tariff = report.revenue.unit.name = bad;
  report.bills.before = report.bills.after = report.bills.unit.name = report.bills.changes[0].customer = bad;
  report.cross_subsidy.tariffs[0].tariff = report.cross_subsidy.tariffs[0].customers[0].customer = bad;
  report.waits[0].title = report.waits[0].distributions[0].name = bad;
  report.demand_rules.groups[0] = report.demand_rules.rows[0].name = bad;
  report.progress.objective = report.progress.methods[0].name = report.progress.baselines[0].label = bad;
  report.sweeps[0].figure = report.sweeps[0].baseline = report.sweeps[0].unit.name = bad;
  report.provenance[0] = {bad, bad};
  return report;
}

TEST(Reports, OfASmallSearchAreTheseBytes) { ExpectGolden(TuneReportHtml(SmallTuneReport()), "small-tune.html"); }

TEST(Reports, AreTheSameBytesForTheSameFigures) {
  EXPECT_EQ(TuneReportHtml(ExampleTuneReport()), TuneReportHtml(ExampleTuneReport()));
  EXPECT_EQ(RunReportHtml(ExampleRunReport()), RunReportHtml(ExampleRunReport()));
}

TEST(Reports, AreWellFormed) {
  EXPECT_EQ(FaultIn(TuneReportHtml(ExampleTuneReport())), "");
  EXPECT_EQ(FaultIn(RunReportHtml(ExampleRunReport())), "");
}

TEST(TheLookAtForm, FindsFaults) {
  EXPECT_NE(FaultIn("<p>a</b>"), "");
  EXPECT_NE(FaultIn("<p>a & b</p>"), "");
  EXPECT_NE(FaultIn("<p class=x>a</p>"), "");
  EXPECT_NE(FaultIn("<p><b>a</b>"), "");
  EXPECT_EQ(FaultIn("<p class=\"x\">a &amp; b<br/></p>"), "");
}

TEST(Reports, NeedNothingFromElsewhereAndRunNothing) {
  for (const std::string& html : {TuneReportHtml(ExampleTuneReport()), RunReportHtml(ExampleRunReport())}) {
    for (const char* foreign : {"<script", "javascript:", "src=", "url(", "@import", "http://", "https://", "<link"}) {
      EXPECT_THAT(html, Not(HasSubstr(foreign)));
    }
    EXPECT_THAT(html, HasSubstr("default-src &#39;none&#39;"));
  }
}

TEST(Reports, EscapeEveryText) {
  const std::string html = TuneReportHtml(HostileTuneReport());
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_EQ(FaultIn(html), "");
  RunReport run = ExampleRunReport();
  run.paragraphs = {kHostile};
  run.bills.bills[0].customer = run.service_levels[0].name = run.load_over_time.curves[0].name = kHostile;
  EXPECT_THAT(RunReportHtml(run), Not(HasSubstr("<script")));
  EXPECT_EQ(FaultIn(RunReportHtml(run)), "");
}

TEST(Reports, OfNothingHaveNoSections) {
  for (const std::string& html : {TuneReportHtml({}), RunReportHtml({})}) {
    EXPECT_EQ(FaultIn(html), "");
    EXPECT_THAT(html, Not(HasSubstr("<section")));
    EXPECT_THAT(html, Not(HasSubstr("<svg")));
    EXPECT_THAT(html, Not(HasSubstr("<nav")));
  }
}

TEST(Reports, LeaveOutWhatHasNoFigures) {
  TuneReport report = ExampleTuneReport();
  report.tornado.bars.clear();
  report.sweeps.clear();
  const std::string html = TuneReportHtml(report);
  EXPECT_THAT(html, Not(HasSubstr("id=\"tornado\"")));
  EXPECT_THAT(html, Not(HasSubstr("href=\"#sweep\"")));
  EXPECT_THAT(html, HasSubstr("id=\"revenue\""));
}

TEST(Reports, SurviveWhatIsNoNumber) {
  TuneReport report = ExampleTuneReport();
  report.key_figures[0].value.mean = std::nan("");
  report.comparison.rows[0].values[1].half_width = HUGE_VAL;
  report.load_duration.samples[0].loads[0] = HUGE_VAL;
  report.price_and_demand.curves[0].points[0].y = std::nan("");
  report.pareto.candidates[0].revenue = -HUGE_VAL;
  report.tornado.bars[0].low_effect = std::nan("");
  report.revenue.tariffs[0].amounts[0] = std::nan("");
  report.bills.changes[0].before = std::nan("");
  report.cross_subsidy.tariffs[0].customers[0].of_bills = HUGE_VAL;
  report.waits[0].distributions[0].quantiles[9].seconds = HUGE_VAL;
  report.progress.methods[0].points[0].y = -HUGE_VAL;
  report.sweeps[0].steps[0].difference.half_width = HUGE_VAL;
  const std::string html = TuneReportHtml(report);
  EXPECT_EQ(FaultIn(html), "");
  EXPECT_THAT(html, Not(HasSubstr("\"nan\"")));
  EXPECT_THAT(html, Not(HasSubstr("\"inf\"")));
}

TEST(Reports, StayOfASizeThatCanBeMailed) { EXPECT_LT(TuneReportHtml(ExampleTuneReport()).size(), 1'000'000u); }

TEST(ParetoFronts, AreTheFeasibleThatNothingBeats) {
  const std::vector<Point> front = FrontOf({{"a", 10, 0.3},
                                            {"b", 8, 0.1},
                                            {"worse than b", 7, 0.2},
                                            {"a's twin", 10, 0.4},
                                            {"not feasible", 99, 0.1, false}});
  EXPECT_EQ(front, (std::vector<Point>{{0.1, 8}, {0.3, 10}}));
}

TEST(Sweeps, WinOrLoseOnlyWithTheWholeInterval) {
  EXPECT_EQ(OutcomeOf({5, 3, 8}, true), SweepOutcome::kWins);
  EXPECT_EQ(OutcomeOf({5, 6, 8}, true), SweepOutcome::kUndecided);
  EXPECT_EQ(OutcomeOf({-5, 3, 8}, true), SweepOutcome::kLoses);
  EXPECT_EQ(OutcomeOf({-5, 3, 8}, false), SweepOutcome::kWins);
  EXPECT_EQ(OutcomeOf({5, HUGE_VAL, 1}, true), SweepOutcome::kUndecided);
}

TEST(Bills, AreCountedAsWinnersAndLosers) {
  const Section section = BillImpactSection(
      {"flat", "tuned", {Measure::kMoney, "EUR"}, {{"a", 100, 90}, {"b", 100, 150}, {"c", 100, 100}, {"new", 0, 10}}});
  EXPECT_THAT(section.paragraphs[0],
              HasSubstr("1 of 4 customers pay less, 2 pay more (2 by more than 10 %), 1 the same"));
  EXPECT_THAT(section.body, HasSubstr("new bill"));
}

TEST(Sweeps, SayWhereTheTunedTariffLoses) {
  const Section section = SweepSection(SmallTuneReport().sweeps);
  EXPECT_THAT(section.paragraphs[0], HasSubstr("wins against flat at 1 of 2 elasticities, loses at 1 (−1.5)"));
}

}  // namespace
}  // namespace penstock::sim::report
