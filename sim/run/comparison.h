// Two tariffs on the same traffic: paired differences under common random numbers.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/statistics/estimate.h"
#include "sim/tariffs/evaluation.h"

namespace penstock::sim {

/// A figure under the first tariff, under the second, and the second less the first, seed by seed.
struct PairedFigure {
  std::string name;
  bool is_share = false;  // for people: in percent
  Estimate first;
  Estimate second;
  Estimate difference;
};

/// What the change means for one customer's bill, in currency units a month.
struct BillImpact {
  std::string name;
  double load_factor = 0;
  double work = 0;        // nt under the first tariff
  double peak_share = 0;  // of the busiest windows, under the first tariff
  double share_first = 0;   // of all bills
  double share_second = 0;
  Estimate first;
  Estimate second;
  Estimate difference;
  enum class Verdict { kPaysLess, kPaysMore, kCannotTell };
  Verdict verdict = Verdict::kCannotTell;  // with the confidence that was asked for
};

struct TariffComparison {
  std::vector<PairedFigure> figures;
  std::vector<BillImpact> customers;  // by name
  size_t pay_less = 0;
  size_t pay_more = 0;
};

/// Evaluations of the same seeds in the same order, at least one each; customers are matched by name. With one seed
/// there are no intervals, and a bill counts as less or more when it is.
TariffComparison CompareTariffs(std::span<const Evaluation> first, std::span<const Evaluation> second,
                                double confidence);

}  // namespace penstock::sim
