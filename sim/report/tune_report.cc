#include "sim/report/tune_report.h"

#include "sim/report/page.h"

namespace penstock::sim::report {

std::string TuneReportHtml(const TuneReport& report) {
  return PageHtml(
      {report.heading,
       report.subtitle,
       VerdictHtml(report.verdict) + KeyFiguresHtml(report.key_figures),
       {ComparisonSection(report.comparison), SweepSection(report.sweeps), RevenueSection(report.revenue),
        BillImpactSection(report.bills), CrossSubsidySection(report.cross_subsidy),
        DemandRuleSection(report.demand_rules), ParetoSection(report.pareto), TornadoSection(report.tornado),
        PriceAndDemandSection(report.price_and_demand), LoadDurationSection(report.load_duration),
        WaitSection(report.waits), ProgressSection(report.progress),
        TariffSection(report.tariff_file, report.tariff_yaml), ProvenanceSection(report.provenance)}});
}

}  // namespace penstock::sim::report
