// A run as the report that people pass on.
#pragma once

#include "sim/commands/run_view.h"
#include "sim/report/run_report.h"

namespace penstock::sim {

report::RunReport RunReportOf(const RunView& view);

/// Of a class or a name: seconds that each share of the requests took at most. None when nobody was served.
report::TimeDistribution DistributionOf(std::string name, const planning::LatencyHistogram& histogram);

}  // namespace penstock::sim
