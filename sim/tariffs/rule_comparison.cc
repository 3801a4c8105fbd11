#include "sim/tariffs/rule_comparison.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "admission/vocabulary/check.h"
#include "ledger/rating/demand.h"
#include "ledger/tariff.h"
#include "sim/demand/load_profile.h"
#include "sim/demand/rating_rows.h"
#include "sim/world_begin.h"

namespace penstock::sim {
namespace {

using ledger::DemandCharge;
using ledger::DemandRule;
using ledger::rating::Period;
using ledger::rating::Sample;

/// Load is counted in thousandths, so that it is whole.
constexpr double kPartsOfLoad = 1'000;

std::vector<Work> ThousandthsRoundNearest(std::span<const double> load) {
  std::vector<Work> whole;
  whole.reserve(load.size());
  for (const double each : load) whole.push_back(Work(static_cast<int64_t>(std::floor(each * kPartsOfLoad + 0.5))));
  return whole;
}

/// A rule as a tariff would have it, and how the load must lie for it.
struct Measure {
  DemandCharge charge;
  RowSpread spread = RowSpread::kAtStart;
  Period period;
  double windows_per_unit = 1;  // a demand of the charge is this part of a window's load
};

class Comparison {
 public:
  Comparison(std::span<const ComparedLoad> loads, Duration window, const RuleTerms& terms)
      : loads_(loads), window_(window), terms_(terms), minutes_(window.count() / ledger::kBaseWindow.count()) {
    PENSTOCK_CHECK(!loads.empty() && loads.front().load.size() >= 2 && minutes_ > 0);
    result_.windows = loads.front().load.size();
    everyone_.assign(result_.windows, 0);
    for (const ComparedLoad& one : loads) {
      PENSTOCK_CHECK(one.load.size() == result_.windows);
      for (size_t w = 0; w < result_.windows; ++w) everyone_[w] += one.load[w];
    }
    peak_ = BusiestWindows(everyone_, terms.peak_share);
    result_.peak_windows = peak_.size();
    // The second half begins with a billing month, so that the first lies in the month before.
    half_ = window * static_cast<int64_t>(result_.windows / 2);
    start_ = kWorldBegin - half_;
  }

  RuleComparison Run() {
    const double total = ShapeOf(everyone_).total;
    const double in_peak = LoadIn(peak_, everyone_);
    for (const ComparedLoad& one : loads_) {
      RuleComparison::Row row;
      row.name = one.name;
      const LoadShape shape = ShapeOf(one.load);
      row.load_factor = shape.load_factor();
      row.spiky = row.load_factor < terms_.spiky_below;
      row.volume_share = total > 0 ? shape.total / total : 0;
      row.peak_share = in_peak > 0 ? LoadIn(peak_, one.load) / in_peak : 0;
      result_.rows.push_back(std::move(row));
    }
    for (size_t rule = 0; rule < kComparedRules; ++rule) Bill(static_cast<ComparedRule>(rule));
    for (const RuleComparison::Row& row : result_.rows) Count(row, row.spiky ? &result_.spiky : &result_.smooth);
    return std::move(result_);
  }

 private:
  static double LoadIn(const std::vector<size_t>& windows, std::span<const double> load) {
    double sum = 0;
    for (const size_t w : windows) sum += load[w];
    return sum;
  }

  Measure MeasureOf(ComparedRule rule) const {
    Measure measure;
    measure.period = {start_, start_ + window_ * static_cast<int64_t>(result_.windows)};
    measure.charge.rule = DemandRule::kBlockMaximum;
    measure.charge.windows = minutes_;
    switch (rule) {
      case ComparedRule::kOwnMaximum:
        break;
      case ComparedRule::kCoincident:
        measure.charge.rule = DemandRule::kCoincident;
        measure.charge.n = static_cast<int64_t>(peak_.size());
        break;
      case ComparedRule::kPercentile:
        measure.charge.rule = DemandRule::kPercentile;
        measure.charge.percentile = terms_.percentile;
        measure.spread = RowSpread::kEvenly;
        measure.windows_per_unit = static_cast<double>(minutes_);
        break;
      case ComparedRule::kRatchet:
        measure.charge.ratchet.look_back = 1;
        measure.charge.ratchet.percent.fill(terms_.ratchet_percent);
        measure.charge.ratchet.own_percent.fill(100);
        measure.period.from = kWorldBegin;
        break;
    }
    measure.charge.steps = {{0, ledger::DemandScale(measure.charge)}};
    return measure;
  }

  std::vector<Sample> SamplesBy(const Measure& measure, std::span<const double> load) const {
    return SamplesOf(ThousandthsRoundNearest(load), start_, window_, measure.spread);
  }

  void Bill(ComparedRule rule) {
    const auto column = static_cast<size_t>(rule);
    const Measure measure = MeasureOf(rule);
    const std::vector<Sample> everyone = SamplesBy(measure, everyone_);
    const Period in_force = {start_, measure.period.to};
    const auto parts = static_cast<double>(ledger::DemandScale(measure.charge));
    double sum = 0;
    for (size_t i = 0; i < loads_.size(); ++i) {
      const std::vector<Sample> own = SamplesBy(measure, loads_[i].load);
      const ledger::rating::Demand demand = ledger::rating::BilledDemand(measure.charge, calendar_, {own, everyone},
                                                                         measure.period, in_force, std::nullopt);
      const double billed = static_cast<double>(demand.sum) / parts / kPartsOfLoad * measure.windows_per_unit;
      result_.rows[i].demand[column] = billed;
      sum += billed;
    }
    for (RuleComparison::Row& row : result_.rows) {
      row.pays[column] = sum > 0 ? row.demand[column] / sum : 0;
      result_.cross_subsidy[column] += std::abs(row.pays[column] - row.peak_share) / 2;
    }
  }

  static void Count(const RuleComparison::Row& row, RuleComparison::Group* group) {
    ++group->customers;
    group->volume_share += row.volume_share;
    group->peak_share += row.peak_share;
    for (size_t rule = 0; rule < kComparedRules; ++rule) {
      group->pays[rule] += row.pays[rule];
      if (row.volume_share > 0 && row.demand[rule] <= 0) ++group->pay_nothing[rule];
    }
  }

  std::span<const ComparedLoad> loads_;
  const Duration window_;
  const RuleTerms terms_;
  const int64_t minutes_;
  const ledger::Calendar calendar_;
  Instant start_;
  Duration half_;
  std::vector<double> everyone_;
  std::vector<size_t> peak_;
  RuleComparison result_;
};

std::string Cell(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string Padded(std::string_view text, size_t width) {
  std::string padded(text);
  padded.insert(0, width > text.size() ? width - text.size() : 0, ' ');
  return padded;
}

}  // namespace

RuleComparison CompareRules(std::span<const ComparedLoad> loads, Duration window, const RuleTerms& terms) {
  return Comparison(loads, window, terms).Run();
}

std::string GroupTable(std::string_view title, const RuleComparison& comparison) {
  constexpr size_t kLabel = 22;
  constexpr size_t kColumn = 12;
  const auto line = [](std::string_view label, const std::string& spiky, const std::string& smooth) {
    std::string text(label);
    text.resize(kLabel, ' ');
    return text + Padded(spiky, kColumn) + Padded(smooth, kColumn) + "\n";
  };
  const auto percent = [](double share) { return Cell("%.1f %%", 100 * share); };
  std::string table = std::string(title) + "\n" + line("", "spiky", "smooth");
  const RuleComparison::Group& a = comparison.spiky;
  const RuleComparison::Group& b = comparison.smooth;
  table += line("customers", std::to_string(a.customers), std::to_string(b.customers));
  table += line("volume", percent(a.volume_share), percent(b.volume_share));
  table += line("causes the peak", percent(a.peak_share), percent(b.peak_share));
  for (size_t rule = 0; rule < kComparedRules; ++rule) {
    const std::string name(kComparedRuleNames[rule]);
    table += line("pays, " + name, percent(a.pays[rule]), percent(b.pays[rule]));
    table += line("  pay nothing", std::to_string(a.pay_nothing[rule]), std::to_string(b.pay_nothing[rule]));
  }
  return table;
}

}  // namespace penstock::sim
