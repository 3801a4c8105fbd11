#include "sim/commands/run_report.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/commands/figures_text.h"

namespace penstock::sim {
namespace {

using report::Measure;
using report::Unit;

constexpr std::array<double, 9> kShares = {0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0};

std::vector<report::KeyFigure> KeyFigures(const RunView& view) {
  const Unit money{Measure::kMoney, view.runs.front().figures.currency};
  const Unit share{Measure::kShare, ""};
  std::vector<report::KeyFigure> figures = {
      {"Revenue", money, view.summary.revenue, ""},
      {"Served in time", share, view.summary.in_time, "of paying requests"},
      {"Requests", {Measure::kNumber, ""}, view.summary.came, ""}};
  for (const PoolSummary& pool : view.summary.pools) {
    figures.push_back({absl::StrCat("Capacity used, ", pool.name), share, pool.utilisation,
                       absl::StrCat("busiest minute ", Percent(pool.peak_utilisation, 1))});
  }
  return figures;
}

/// Of the first seed.
void AddLoad(const RunView& view, report::RunReport* report) {
  const PoolFigures& pool = view.runs.front().figures.pools.front();
  report->load_duration.capacity = report->load_over_time.capacity = static_cast<double>(pool.capacity.count()) / 1'000;
  report->load_duration.samples.push_back({pool.name, pool.load_nt_per_s});
  report::Curve curve{pool.name, {}};
  for (size_t minute = 0; minute < pool.load_nt_per_s.size(); ++minute) {
    curve.points.push_back({static_cast<double>(minute) / 60, pool.load_nt_per_s[minute]});
  }
  report->load_over_time.curves.push_back(std::move(curve));
}

void AddTimes(const RunView& view, report::RunReport* report) {
  using Which = planning::LatencyHistogram Times::*;
  const std::array<std::pair<const char*, Which>, 3> kinds = {{{"Wait for admission", &Times::wait},
                                                              {"Time to first token", &Times::first_token},
                                                              {"Latency", &Times::latency}}};
  for (const auto& [title, which] : kinds) {
    report::TimeChart chart{.title = title, .target_seconds = std::nullopt, .distributions = {}};
    for (size_t i = 0; i < kServiceClassCount; ++i) {
      report::TimeDistribution of = DistributionOf(std::string(kServiceClassNames[i]),
                                                   view.runs.front().figures.classes[i].times.*which);
      if (!of.quantiles.empty()) chart.distributions.push_back(std::move(of));
    }
    report->waits.push_back(std::move(chart));
  }
}

void AddMoney(const RunView& view, report::RunReport* report) {
  const Unit money{Measure::kMoney, view.runs.front().figures.currency};
  report->revenue.unit = report->bills.unit = money;
  report::RevenueByComponent::TariffRevenue revenue{view.scenario.settings.tariff.version, {}};
  for (size_t i = 0; i < ledger::rating::kLineKindCount; ++i) {
    report->revenue.components.emplace_back(ledger::rating::kLineKindNames[i]);
    revenue.amounts.push_back(view.summary.by_component[i].mean);
  }
  report->revenue.tariffs.push_back(std::move(revenue));
  for (const TenantSummary& tenant : view.summary.tenants) {
    const TenantFigures& first = view.runs.front().figures.tenants[report->bills.bills.size()];
    const double refused = tenant.came.mean > 0 ? tenant.refused.mean / tenant.came.mean : 0;
    report->bills.bills.push_back(
        {tenant.name, tenant.bill.mean, static_cast<double>(first.counts.work.count()) / 1'000, refused});
  }
}

}  // namespace

report::TimeDistribution DistributionOf(std::string name, const planning::LatencyHistogram& histogram) {
  report::TimeDistribution of{std::move(name), {}};
  if (histogram.count() == 0) return of;
  for (const double share : kShares) {
    const int64_t at = histogram.Quantile(static_cast<int64_t>(share * 1e6));
    of.quantiles.push_back({share, static_cast<double>(at) / 1e9});
  }
  return of;
}

report::RunReport RunReportOf(const RunView& view) {
  report::RunReport report;
  report.heading = view.scenario.name;
  report.subtitle = absl::StrCat(SecondsText(static_cast<double>(view.scenario.length.count()) / 1e9), " of traffic, ",
                                 view.seeds.size(), view.seeds.size() == 1 ? " seed" : " seeds", ", tariff ",
                                 view.scenario.settings.tariff.version);
  if (!view.scenario.about.empty()) report.paragraphs.push_back(view.scenario.about);
  report.paragraphs.push_back(view.seeds.size() > 1 ? "Means over all seeds; load and times are of the first one."
                                                    : "One seed, so that there are no intervals.");
  report.key_figures = KeyFigures(view);
  AddLoad(view, &report);
  AddTimes(view, &report);
  AddMoney(view, &report);
  report.provenance = {{"scenario", view.scenario.name}};
  if (!view.scenario.attribution.empty()) report.provenance.push_back({"attribution", view.scenario.attribution});
  return report;
}

}  // namespace penstock::sim
