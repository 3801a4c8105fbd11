// The cheap part of tuning: points of a family on the screen, one by one or by a search.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/search/evaluation_log.h"
#include "sim/search/optimiser.h"
#include "sim/search/tune.h"

namespace penstock::sim {

/// The name under which the log knows a point of a family, and its tariff.
NamedTariff TariffOf(const TariffFamily& family, const Point& shares);

/// For each tariff its evaluations by seed.
std::vector<std::vector<Evaluation>> EvaluateAll(EvaluationLog& log, std::string_view model, const Evaluator& evaluator,
                                                 const std::vector<NamedTariff>& tariffs,
                                                 const std::vector<uint64_t>& seeds);

/// A point that the screen has seen, and its mean over the screen's seeds.
struct Screened {
  Point shares;
  Evaluation mean;
};

/// The violation, and what is to be made small: the objective's opposite, and with `front` cross-subsidy and the
/// opposite of welfare.
Score ScoreOf(const Screened& point, const TuneTerms& terms, bool front);
/// The objective, if the constraints are kept.
std::optional<double> ValueIfKept(const Screened& point, const TuneTerms& terms);

class Screening {
 public:
  /// All must outlive it. `told` hears of every generation: evaluations so far, at most, the best value so far.
  using Told = std::function<void(size_t done, size_t of, std::optional<double> best)>;
  Screening(const TuneTerms& terms, const TuneModels& models, EvaluationLog& log)
      : terms_(terms), models_(models), log_(log) {}

  std::vector<Screened> At(const TariffFamily& family, const std::vector<Point>& points);

  /// Runs a search over a family until the budget cannot pay for another generation, or `is_done`, or the log has a
  /// fault; all points, in order. The first generation is always paid for.
  std::vector<Screened> Search(const TariffFamily& family, Optimiser& search, bool front,
                               const std::function<bool()>& is_done, const Told& told);

 private:
  const TuneTerms& terms_;
  const TuneModels& models_;
  EvaluationLog& log_;
};

}  // namespace penstock::sim
