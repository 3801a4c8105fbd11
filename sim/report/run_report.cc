#include "sim/report/run_report.h"

#include "sim/report/page.h"

namespace penstock::sim::report {

std::string RunReportHtml(const RunReport& report) {
  Markup opening;
  for (const std::string& paragraph : report.paragraphs) opening.Element("p", {}, paragraph);
  return PageHtml(
      {report.heading,
       report.subtitle,
       opening.Take() + KeyFiguresHtml(report.key_figures),
       {LoadOverTimeSection(report.load_over_time), LoadDurationSection(report.load_duration),
        ServiceLevelSection(report.service_levels), WaitSection(report.waits), RevenueSection(report.revenue),
        CustomerBillsSection(report.bills), ProvenanceSection(report.provenance)}});
}

}  // namespace penstock::sim::report
