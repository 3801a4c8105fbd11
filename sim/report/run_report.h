// The report of one scenario under one tariff: what would have happened.
#pragma once

#include <string>
#include <vector>

#include "sim/report/load_section.h"
#include "sim/report/overview.h"
#include "sim/report/revenue_section.h"
#include "sim/report/service_section.h"
#include "sim/report/wait_section.h"

namespace penstock::sim::report {

/// All texts are plain text, from anywhere: they are escaped. A part without content has no section.
struct RunReport {
  std::string heading;                  // "Overload by free traffic"
  std::string subtitle;                 // "scenario overload.yaml, 24 h, 8 seeds"
  std::vector<std::string> paragraphs;  // what a reader should know first; may be empty
  std::vector<KeyFigure> key_figures;
  LoadOverTime load_over_time;
  LoadDuration load_duration;
  std::vector<ServiceLevel> service_levels;
  std::vector<TimeChart> waits;
  RevenueByComponent revenue;
  CustomerBills bills;
  std::vector<ProvenanceLine> provenance;
};

/// One HTML file. The same report gives the same bytes.
std::string RunReportHtml(const RunReport& report);

}  // namespace penstock::sim::report
