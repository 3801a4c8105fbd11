#include "sim/search/screening.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "sim/search/state_text.h"

namespace penstock::sim {

NamedTariff TariffOf(const TariffFamily& family, const Point& shares) {
  NamedTariff named{family.name, family.tariff_at(shares)};
  for (const double share : shares) absl::StrAppend(&named.name, " ", ExactText(share));
  return named;
}

std::vector<std::vector<Evaluation>> EvaluateAll(EvaluationLog& log, std::string_view model, const Evaluator& evaluator,
                                                 const std::vector<NamedTariff>& tariffs,
                                                 const std::vector<uint64_t>& seeds) {
  std::vector<EvaluationJob> jobs;
  for (const NamedTariff& tariff : tariffs) {
    for (const uint64_t seed : seeds) jobs.push_back({&tariff, seed});
  }
  const std::vector<Evaluation> flat = log.Evaluate(model, evaluator, jobs);
  std::vector<std::vector<Evaluation>> by_tariff(tariffs.size());
  for (size_t i = 0; i < flat.size(); ++i) by_tariff[i / seeds.size()].push_back(flat[i]);
  return by_tariff;
}

Score ScoreOf(const Screened& point, const TuneTerms& terms, bool front) {
  Score score{std::max(0.0, ShortfallOf(point.mean, terms.constraints)), {-ValueOf(point.mean, terms.objective)}};
  if (front) score.costs.insert(score.costs.end(), {point.mean.cross_subsidy, -point.mean.welfare});
  return score;
}

std::optional<double> ValueIfKept(const Screened& point, const TuneTerms& terms) {
  if (ShortfallOf(point.mean, terms.constraints) > 0) return std::nullopt;
  return ValueOf(point.mean, terms.objective);
}

std::vector<Screened> Screening::At(const TariffFamily& family, const std::vector<Point>& points) {
  std::vector<NamedTariff> tariffs;
  for (const Point& point : points) tariffs.push_back(TariffOf(family, point));
  std::vector<Screened> screened;
  for (const auto& by_seed : EvaluateAll(log_, "screen", models_.screen, tariffs, terms_.screen_seeds)) {
    screened.push_back({points[screened.size()], MeanOf(by_seed)});
  }
  return screened;
}

std::vector<Screened> Screening::Search(const TariffFamily& family, Optimiser& search, bool front,
                                        const std::function<bool()>& is_done, const Told& told) {
  std::vector<Screened> all;
  size_t best = 0;
  size_t spent = 0;
  while (log_.status().ok() && !is_done()) {
    const std::vector<Point> points = search.Ask();
    const size_t price = points.size() * terms_.screen_seeds.size();
    if (!all.empty() && spent + price > terms_.screen_budget) break;
    spent += price;
    std::vector<Candidate> generation;
    for (Screened& point : At(family, points)) {
      generation.push_back({point.shares, ScoreOf(point, terms_, front)});
      all.push_back(std::move(point));
      if (IsBetter(generation.back().score, ScoreOf(all[best], terms_, false))) best = all.size() - 1;
    }
    told(spent, std::max(spent, terms_.screen_budget), ValueIfKept(all[best], terms_));
    search.Tell(generation);
  }
  return all;
}

}  // namespace penstock::sim
