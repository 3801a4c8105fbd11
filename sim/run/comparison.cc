#include "sim/run/comparison.h"

#include <cmath>
#include <functional>
#include <map>

#include "admission/vocabulary/check.h"
#include "sim/statistics/mean_interval.h"

namespace penstock::sim {
namespace {

using Evaluations = std::span<const Evaluation>;
using Figure = std::function<double(const Evaluation&)>;

std::vector<double> Values(Evaluations evaluations, const Figure& figure) {
  std::vector<double> values;
  for (const Evaluation& evaluation : evaluations) values.push_back(figure(evaluation));
  return values;
}

PairedFigure Paired(std::string name, bool is_share, Evaluations first, Evaluations second, const Figure& figure,
                    double confidence) {
  const std::vector<double> a = Values(first, figure);
  const std::vector<double> b = Values(second, figure);
  return {.name = std::move(name),
          .is_share = is_share,
          .first = MeanEstimate(a, confidence),
          .second = MeanEstimate(b, confidence),
          .difference = PairedDifference(b, a, confidence)};
}

struct OfCustomer {
  std::vector<double> first;
  std::vector<double> second;
  BillImpact impact;
};

double BillsOf(const Evaluation& evaluation) {
  double sum = 0;
  for (const CustomerOutcome& customer : evaluation.customers) sum += customer.bill;
  return sum;
}

BillImpact::Verdict VerdictOf(const Estimate& difference) {
  const double slack = std::isfinite(difference.half_width) ? difference.half_width : 0;
  if (difference.mean + slack < 0) return BillImpact::Verdict::kPaysLess;
  if (difference.mean - slack > 0) return BillImpact::Verdict::kPaysMore;
  return BillImpact::Verdict::kCannotTell;
}

}  // namespace

TariffComparison CompareTariffs(Evaluations first, Evaluations second, double confidence) {
  PENSTOCK_CHECK(!first.empty() && first.size() == second.size());
  TariffComparison comparison;
  const auto add = [&](std::string name, bool is_share, const Figure& figure) {
    comparison.figures.push_back(Paired(std::move(name), is_share, first, second, figure, confidence));
  };
  add("revenue", false, [](const Evaluation& e) { return e.revenue; });
  add("revenue less capacity", false, [](const Evaluation& e) { return e.revenue - e.capacity_cost; });
  add("revenue per nt/s", false, [](const Evaluation& e) { return e.revenue_per_capacity; });
  add("welfare", false, [](const Evaluation& e) { return e.welfare; });
  add("cross-subsidy", true, [](const Evaluation& e) { return e.cross_subsidy; });
  add("served in time", true, [](const Evaluation& e) { return e.service_level; });
  add("refused", true, [](const Evaluation& e) { return e.refused; });
  add("utilisation", true, [](const Evaluation& e) { return e.utilisation; });
  add("busiest minute", true, [](const Evaluation& e) { return e.peak_utilisation; });

  std::map<std::string, OfCustomer> customers;
  for (const Evaluation& evaluation : first) {
    const double all = BillsOf(evaluation);
    for (const CustomerOutcome& customer : evaluation.customers) {
      OfCustomer& of = customers[customer.name];
      of.first.push_back(customer.bill);
      const auto part = 1 / static_cast<double>(first.size());
      of.impact.load_factor += customer.load_factor * part;
      of.impact.work += customer.work * part;
      of.impact.peak_share += customer.peak_share * part;
      if (all > 0) of.impact.share_first += customer.bill / all * part;
    }
  }
  for (const Evaluation& evaluation : second) {
    const double all = BillsOf(evaluation);
    for (const CustomerOutcome& customer : evaluation.customers) {
      OfCustomer& of = customers[customer.name];
      of.second.push_back(customer.bill);
      if (all > 0) of.impact.share_second += customer.bill / all / static_cast<double>(second.size());
    }
  }
  for (auto& [name, of] : customers) {
    PENSTOCK_CHECK(of.first.size() == first.size() && of.second.size() == second.size());
    of.impact.name = name;
    of.impact.first = MeanEstimate(of.first, confidence);
    of.impact.second = MeanEstimate(of.second, confidence);
    of.impact.difference = PairedDifference(of.second, of.first, confidence);
    of.impact.verdict = VerdictOf(of.impact.difference);
    comparison.pay_less += of.impact.verdict == BillImpact::Verdict::kPaysLess ? 1 : 0;
    comparison.pay_more += of.impact.verdict == BillImpact::Verdict::kPaysMore ? 1 : 0;
    comparison.customers.push_back(of.impact);
  }
  return comparison;
}

}  // namespace penstock::sim
