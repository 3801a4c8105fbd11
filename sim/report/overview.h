// The top of a report: what was found, the figures that matter, where they come from.
#pragma once

#include <string>
#include <vector>

#include "sim/report/figures.h"
#include "sim/report/section.h"
#include "sim/statistics/estimate.h"

namespace penstock::sim::report {

enum class Finding { kBetter, kNotBetter, kUndecided };

struct Verdict {
  Finding finding = Finding::kUndecided;
  std::string headline;                 // one sentence: "The tuned tariff earns 12 % more than the flat token price."
  std::vector<std::string> paragraphs;  // plain sentences: against which baselines it wins, where it does not
};
std::string VerdictHtml(const Verdict& verdict);

struct KeyFigure {
  std::string name;
  Unit unit;
  Estimate value;
  std::string note;  // "flat token price: 1.10 M USD"; may be empty
};
std::string KeyFiguresHtml(const std::vector<KeyFigure>& figures);

/// Figures of several tariffs side by side, with intervals.
struct Comparison {
  struct Row {
    std::string figure;
    Unit unit;
    std::vector<Estimate> values;  // one per tariff
  };
  std::string note;                  // "on four days that the search never saw"; may be empty
  std::vector<std::string> tariffs;  // the first is the chosen one
  std::vector<Row> rows;
};
Section ComparisonSection(const Comparison& comparison);

/// A file's text as it stands.
Section TariffSection(const std::string& file_name, const std::string& yaml);

/// What a reader needs to get the same bytes again: scenario, seeds, hashes, versions.
struct ProvenanceLine {
  std::string name;
  std::string value;
};
Section ProvenanceSection(const std::vector<ProvenanceLine>& lines);

}  // namespace penstock::sim::report
