// A tariff search as the report that people pass on.
#pragma once

#include <string>
#include <vector>

#include "sim/commands/tune_setup.h"
#include "sim/report/tune_report.h"
#include "sim/run/comparison.h"
#include "sim/search/tune.h"

namespace penstock::sim {

/// One tariff on the hold-out days, seed by seed.
struct HeldOut {
  std::string name;
  std::vector<Evaluation> evaluations;
  Run first;  // of the first seed
};

/// A search with another elasticity, and the best flat price for it.
struct SweepStep {
  double elasticity = 0;
  Standing tuned;
  Standing flat;
};

struct TuneFindings {
  const TuneTerms& terms;
  const TuneScenarios& scenarios;
  std::vector<Customer> customers;  // of the hold-out, as its first seed draws them
  const TuneResult& result;
  HeldOut tuned;
  HeldOut flat;
  TariffComparison comparison;  // tuned against flat
  std::vector<SweepStep> sweep;
  std::string tariff_yaml;
  std::vector<report::ProvenanceLine> provenance;
};

report::TuneReport TuneReportOf(const TuneFindings& findings);

/// Which of the two misses the constraints on hold-out; empty when both keep them.
std::string ConstraintsNote(const SweepStep& step);

/// "currency units per month and nt/s", "USD a month", ...
std::string UnitOf(Objective objective, const std::string& currency);

}  // namespace penstock::sim
