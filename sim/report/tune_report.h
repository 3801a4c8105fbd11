// The report of a tariff search: what was found, how it compares, what it does to customers, how sure that is.
#pragma once

#include <string>
#include <vector>

#include "sim/report/bill_section.h"
#include "sim/report/demand_rule_section.h"
#include "sim/report/load_section.h"
#include "sim/report/overview.h"
#include "sim/report/pareto_section.h"
#include "sim/report/price_section.h"
#include "sim/report/progress_section.h"
#include "sim/report/revenue_section.h"
#include "sim/report/subsidy_section.h"
#include "sim/report/sweep_section.h"
#include "sim/report/tornado_section.h"
#include "sim/report/wait_section.h"

namespace penstock::sim::report {

/// All texts are plain text, from anywhere: they are escaped. A part without content has no section. Where several
/// tariffs are listed (comparison, load, revenue, cross-subsidy), list them in the same order everywhere, the chosen
/// one first: the order is the colour.
struct TuneReport {
  std::string heading;   // "Tariff search: m-large"
  std::string subtitle;  // "scenario m-large.yaml, 14 days, hold-out days 11 to 14, 8 seeds"
  Verdict verdict;
  std::vector<KeyFigure> key_figures;
  Comparison comparison;
  std::string tariff_file = "tariff.yaml";
  std::string tariff_yaml;
  LoadDuration load_duration;
  PriceAndDemand price_and_demand;
  ParetoFront pareto;
  Tornado tornado;
  RevenueByComponent revenue;
  BillImpact bills;
  CrossSubsidy cross_subsidy;
  std::vector<TimeChart> waits;
  DemandRules demand_rules;
  SearchProgress progress;
  std::vector<ElasticitySweep> sweeps;
  std::vector<ProvenanceLine> provenance;
};

/// One HTML file. The same report gives the same bytes.
std::string TuneReportHtml(const TuneReport& report);

}  // namespace penstock::sim::report
