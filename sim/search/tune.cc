#include "sim/search/tune.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/search/choice_search.h"
#include "sim/search/cma_es.h"
#include "sim/search/line_search.h"
#include "sim/search/nsga2.h"
#include "sim/search/random_search.h"
#include "sim/search/screening.h"
#include "sim/search/tune_verdict.h"
#include "sim/statistics/mean_interval.h"
#include "sim/statistics/rank_correlation.h"

namespace penstock::sim {
namespace {

constexpr double kAlike = 0.02;  // finalists differ by more than this share of some axis
/// By how much tighter constraints may have to be on the screen to be kept on the full model.
constexpr std::array<double, 4> kMargins = {0, 0.005, 0.01, 0.02};

double FarthestAxis(const Point& a, const Point& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::fabs(a[i] - b[i]));
  return most;
}

template <class Figure>
std::vector<double> FiguresOf(const std::vector<Evaluation>& evaluations, const Figure& figure) {
  std::vector<double> figures;
  for (const Evaluation& evaluation : evaluations) figures.push_back(figure(evaluation));
  return figures;
}

class Tuning {
 public:
  Tuning(const TuneTerms& terms, const TuneModels& models, const TuneWatch& watch)
      : terms_(terms),
        models_(models),
        watch_(watch),
        log_(watch.resumed, models.parallel, watch.checkpoint),
        screening_(terms, models, log_) {
    PENSTOCK_CHECK(!models.space.axes.empty() && models.screen && models.full && models.hold_out && models.parallel);
    PENSTOCK_CHECK(terms.finalists >= 1 && terms.full_seeds.size() >= 2 && terms.hold_out_seeds.size() >= 2);
    PENSTOCK_CHECK(!terms.screen_seeds.empty() && terms.screen_budget >= terms.screen_seeds.size());
    phases_ = models.baselines.size() + (terms.random_search ? 7 : 6);
  }

  absl::StatusOr<TuneResult> Run() {
    for (const TariffFamily& family : models_.baselines) Baseline(family);
    if (terms_.random_search) RandomBaseline();
    if (log_.status().ok()) SearchSpace();
    if (log_.status().ok()) RaceFinalists();
    if (log_.status().ok()) HoldOut();
    if (log_.status().ok()) Sensitivity();
    if (!log_.status().ok()) return log_.status();
    result_.evaluations = log_.count();
    AddVerdicts(terms_, result_);
    return std::move(result_);
  }

 private:
  double Value(const Evaluation& evaluation) const { return ValueOf(evaluation, terms_.objective); }

  void Report(const std::string& phase, size_t done, size_t of, std::optional<double> best) const {
    if (watch_.progress) watch_.progress({phase, phases_done_, phases_, done, of, best});
  }

  std::vector<Screened> Search(const std::string& phase, const TariffFamily& family, Optimiser& search, bool front,
                               const std::function<bool()>& is_done, std::vector<HistoryPoint>* history) {
    const auto told = [&](size_t done, size_t of, std::optional<double> best) {
      if (history != nullptr) history->push_back({done, best});
      Report(phase, done, of, best);
    };
    std::vector<Screened> all = screening_.Search(family, search, front, is_done, told);
    ++phases_done_;
    return all;
  }

  static bool Never() { return false; }

  TunedTariff Described(const TariffFamily& family, const Screened& point) const {
    return {family.name, point.shares, family.read(point.shares), family.tariff_at(point.shares), point.mean};
  }

  // The points, best first.
  std::vector<const Screened*> BestFirst(const std::vector<Screened>& points) const {
    std::vector<const Screened*> sorted;
    for (const Screened& point : points) sorted.push_back(&point);
    std::stable_sort(sorted.begin(), sorted.end(), [&](const Screened* a, const Screened* b) {
      return IsBetter(ScoreOf(*a, terms_, false), ScoreOf(*b, terms_, false));
    });
    return sorted;
  }

  // The best for each margin on the constraints, without repeats; at least one.
  std::vector<const Screened*> Contenders(const std::vector<Screened>& points) const {
    std::vector<const Screened*> contenders;
    for (const double margin : kMargins) {
      TuneTerms tighter = terms_;
      if (auto& least = tighter.constraints.least_service_level) least = std::min(1.0, *least + margin);
      if (auto& most = tighter.constraints.most_cross_subsidy) most = std::max(0.0, *most - margin);
      const auto better = [&](const Screened& a, const Screened& b) {
        return IsBetter(ScoreOf(a, tighter, false), ScoreOf(b, tighter, false));
      };
      const Screened* best = &*std::min_element(points.begin(), points.end(), better);
      const auto same = [&](const Screened* other) { return other->shares == best->shares; };
      if (std::none_of(contenders.begin(), contenders.end(), same)) contenders.push_back(best);
    }
    return contenders;
  }

  // ---- Baselines.

  void AddBaseline(const TariffFamily& family, const std::string& name, const std::vector<Screened>& points) {
    if (!log_.status().ok()) return;
    std::vector<TunedTariff> contenders;
    for (const Screened* point : Contenders(points)) {
      contenders.push_back(Described(family, *point));
      contenders.back().family = name;
    }
    Standing standing;
    standing.tariff = contenders.front();
    result_.baselines.push_back(std::move(standing));
    contenders_.push_back(std::move(contenders));
    families_.push_back(&family);
  }

  void Baseline(const TariffFamily& family) {
    if (!log_.status().ok()) return;
    if (family.axes.empty()) {
      AddBaseline(family, family.name, screening_.At(family, {Point()}));
      ++phases_done_;
    } else if (family.axes.size() == 1) {
      LineSearch search({.box = UnitCube(1)});
      const auto is_done = [&] { return search.HasConverged(); };
      AddBaseline(family, family.name, Search(family.name, family, search, false, is_done, nullptr));
    } else {
      CmaEs search({.box = UnitCube(family.axes.size()), .seed = terms_.seed, .last_step = 1e-4});
      AddBaseline(family, family.name, Search(family.name, family, search, false, Never, nullptr));
    }
  }

  void RandomBaseline() {
    RandomSearch search({.box = UnitCube(models_.space.axes.size()), .seed = terms_.seed});
    const std::string name = "random search";
    drawn_ = Search(name, models_.space, search, false, Never, nullptr);
    AddBaseline(models_.space, name, drawn_);
  }

  // Where the simple tariffs lie in the space; not what random search found, which has its own budget.
  std::vector<Point> Starts() const {
    std::vector<Point> starts;
    if (!models_.space.nearest) return starts;
    for (size_t i = 0; i < models_.baselines.size(); ++i) {
      const TariffFamily& family = models_.baselines[i];
      if (!family.parameters_at) continue;
      starts.push_back(models_.space.nearest(family.parameters_at(result_.baselines[i].tariff.shares)));
    }
    return starts;
  }

  // ---- The search.

  void SearchSpace() {
    const Box box = UnitCube(models_.space.axes.size());
    const CmaEsTerms cma{
        .box = box, .seed = terms_.seed, .population = 4 + 2 * box.size(), .last_step = 1e-3, .starts = Starts()};
    const std::optional<TariffFamily::Choice>& choice = models_.space.choice;
    std::unique_ptr<Optimiser> search;
    if (terms_.front) {
      search =
          std::make_unique<Nsga2>(Nsga2Terms{.box = box, .seed = terms_.seed, .objectives = 3, .starts = Starts()});
    } else if (choice && box.size() > 1) {
      // Half of the budget finds out which choice is best.
      const size_t trial = terms_.screen_budget / terms_.screen_seeds.size() / 2 / choice->options;
      search = std::make_unique<ChoiceSearch>(
          ChoiceSearchTerms{.search = cma, .axis = choice->axis, .choices = choice->options, .trial = trial});
    } else {
      search = std::make_unique<CmaEs>(cma);
    }
    searched_ = Search("search", models_.space, *search, terms_.front, Never, &result_.history);
    if (!log_.status().ok()) return;
    std::vector<Candidate> all;
    for (const Screened& point : searched_) all.push_back({point.shares, ScoreOf(point, terms_, true)});
    for (const size_t i : ParetoFront(all)) result_.front.push_back(Described(models_.space, searched_[i]));
    ChooseFinalists();
  }

  void ChooseFinalists() {
    std::vector<const Screened*> points = Contenders(searched_);
    const std::vector<const Screened*> best_first = BestFirst(searched_);
    points.insert(points.end(), best_first.begin(), best_first.end());
    for (const Screened* point : points) {
      if (result_.finalists.size() == terms_.finalists) return;
      const bool alike = std::any_of(result_.finalists.begin(), result_.finalists.end(), [&](const TunedTariff& other) {
        return FarthestAxis(other.shares, point->shares) <= kAlike;
      });
      if (!alike) result_.finalists.push_back(Described(models_.space, *point));
    }
  }

  // ---- The full model.

  RaceScore RaceScoreOf(const Evaluation& evaluation) const {
    return {ShortfallOf(evaluation, terms_.constraints), -Value(evaluation)};
  }

  void RaceFinalists() {
    std::vector<NamedTariff> tariffs;
    for (const TunedTariff& finalist : result_.finalists) tariffs.push_back(TariffOf(models_.space, finalist.shares));
    std::vector<std::vector<Evaluation>> seen(tariffs.size());
    size_t spent = 0;
    const auto judge = [&](const std::vector<size_t>& candidates, size_t round) {
      std::vector<NamedTariff> asked;
      for (const size_t i : candidates) asked.push_back(tariffs[i]);
      const auto evaluated = EvaluateAll(log_, "full", models_.full, asked, {terms_.full_seeds[round]});
      std::vector<RaceScore> scores;
      for (size_t i = 0; i < candidates.size(); ++i) {
        seen[candidates[i]].push_back(evaluated[i][0]);
        scores.push_back(RaceScoreOf(evaluated[i][0]));
      }
      spent += candidates.size();
      Report("race", spent, std::max(spent, terms_.full_budget), std::nullopt);
      return scores;
    };
    const size_t rounds = terms_.full_seeds.size();
    result_.race = Race({.candidates = tariffs.size(),
                         .least_rounds = std::min<size_t>(4, rounds),
                         .most_rounds = rounds,
                         .budget = terms_.full_budget,
                         .confidence = terms_.confidence},
                        judge);
    ++phases_done_;
    if (log_.status().ok()) TrainBaselines(seen);
  }

  // Baselines on the seeds that the winner of the race has seen.
  void TrainBaselines(const std::vector<std::vector<Evaluation>>& seen) {
    const std::vector<Evaluation>& winner = seen[result_.race.best];
    const std::vector<uint64_t> seeds(terms_.full_seeds.begin(),
                                      terms_.full_seeds.begin() + static_cast<std::ptrdiff_t>(winner.size()));
    result_.winner.tariff = result_.finalists[result_.race.best];
    AddTraining(result_.winner, winner, winner);
    size_t spent = 0;
    for (size_t i = 0; i < result_.baselines.size(); ++i) spent += TrainBaseline(i, seeds);
    const std::vector<Evaluation> prevailed = LetTheSimplePrevail(seeds);
    for (size_t i = 0; i < result_.baselines.size(); ++i) {
      AddTraining(result_.baselines[i], trained_[i], prevailed.empty() ? winner : prevailed);
    }
    Report("baselines in full", spent, spent, std::nullopt);
    ++phases_done_;
    result_.finalists_rank_correlation = FinalistsRankCorrelation(seen);
    result_.rank_correlation = DrawnRankCorrelation();
  }

  // Where the best of the simple tariffs did better than the winner of the race, the space has it too: it is the winner
  // then, and these are its evaluations.
  std::vector<Evaluation> LetTheSimplePrevail(const std::vector<uint64_t>& seeds) {
    const auto score = [&](const Point& shares, const std::vector<Evaluation>& seen) {
      return ScoreOf({shares, MeanOf(seen)}, terms_, false);
    };
    Score best = ScoreOf({result_.winner.tariff.shares, result_.winner.training}, terms_, false);
    std::optional<size_t> simple;
    for (size_t i = 0; i < models_.baselines.size(); ++i) {
      if (!models_.space.nearest || !models_.baselines[i].parameters_at) continue;
      const Score own = score(result_.baselines[i].tariff.shares, trained_[i]);
      if (!IsBetter(own, best)) continue;
      best = own;
      simple = i;
    }
    if (!simple) return {};
    const Point& of_simple = result_.baselines[*simple].tariff.shares;
    const Point shares = models_.space.nearest(models_.baselines[*simple].parameters_at(of_simple));
    std::vector<Evaluation> seen =
        EvaluateAll(log_, "full", models_.full, {TariffOf(models_.space, shares)}, seeds).front();
    if (!IsBetter(score(shares, seen), ScoreOf({shares, result_.winner.training}, terms_, false))) return {};
    result_.winner.tariff = Described(models_.space, screening_.At(models_.space, {shares}).front());
    AddTraining(result_.winner, seen, seen);
    return seen;
  }

  // The best of its contenders; how many evaluations it took.
  size_t TrainBaseline(size_t baseline, const std::vector<uint64_t>& seeds) {
    const std::vector<TunedTariff>& contenders = contenders_[baseline];
    std::vector<NamedTariff> tariffs;
    for (const TunedTariff& each : contenders) tariffs.push_back(TariffOf(*families_[baseline], each.shares));
    const auto evaluated = EvaluateAll(log_, "full", models_.full, tariffs, seeds);
    const auto score = [&](size_t i) { return ScoreOf({contenders[i].shares, MeanOf(evaluated[i])}, terms_, false); };
    size_t best = 0;
    for (size_t i = 1; i < contenders.size(); ++i) {
      if (IsBetter(score(i), score(best))) best = i;
    }
    result_.baselines[baseline].tariff = contenders[best];
    trained_.push_back(evaluated[best]);
    return contenders.size() * seeds.size();
  }

  // Over the seeds that all finalists have seen.
  double FinalistsRankCorrelation(const std::vector<std::vector<Evaluation>>& seen) const {
    size_t rounds = terms_.full_seeds.size();
    for (const std::vector<Evaluation>& evaluations : seen) rounds = std::min(rounds, evaluations.size());
    std::vector<double> screen;
    std::vector<double> full;
    for (size_t i = 0; i < seen.size(); ++i) {
      screen.push_back(Value(result_.finalists[i].screen));
      full.push_back(Value(MeanOf(std::span(seen[i]).first(rounds))));
    }
    return RankCorrelation(screen, full);
  }

  // Of tariffs spread evenly over the ranks of what random search drew.
  double DrawnRankCorrelation() {
    const std::vector<const Screened*> sorted = BestFirst(drawn_);
    const size_t count = std::min(terms_.rank_points, sorted.size());
    if (count < 2) {
      ++phases_done_;
      return 0;
    }
    std::vector<NamedTariff> tariffs;
    std::vector<double> screen;
    for (size_t i = 0; i < count; ++i) {
      const Screened& point = *sorted[i * (sorted.size() - 1) / (count - 1)];
      tariffs.push_back(TariffOf(models_.space, point.shares));
      screen.push_back(Value(point.mean));
    }
    const std::vector<uint64_t> seeds = {terms_.full_seeds[0], terms_.full_seeds[1]};
    std::vector<double> full;
    for (const auto& by_seed : EvaluateAll(log_, "full", models_.full, tariffs, seeds)) {
      full.push_back(Value(MeanOf(by_seed)));
    }
    Report("screen against full", count * seeds.size(), count * seeds.size(), std::nullopt);
    ++phases_done_;
    return RankCorrelation(screen, full);
  }

  std::vector<NamedTariff> BaselineTariffs() const {
    std::vector<NamedTariff> tariffs;
    for (size_t i = 0; i < result_.baselines.size(); ++i) {
      tariffs.push_back(TariffOf(*families_[i], result_.baselines[i].tariff.shares));
    }
    return tariffs;
  }

  std::vector<double> ValuesOf(const std::vector<Evaluation>& evaluations) const {
    return FiguresOf(evaluations, [&](const Evaluation& e) { return Value(e); });
  }

  void AddTraining(Standing& standing, const std::vector<Evaluation>& own,
                   const std::vector<Evaluation>& winner) const {
    standing.training = MeanOf(own);
    standing.training_value = MeanEstimate(ValuesOf(own), terms_.confidence);
    standing.winner_gains_in_training = PairedDifference(ValuesOf(winner), ValuesOf(own), terms_.confidence);
  }

  void HoldOut() {
    std::vector<NamedTariff> tariffs = {TariffOf(models_.space, result_.winner.tariff.shares)};
    for (NamedTariff& tariff : BaselineTariffs()) tariffs.push_back(std::move(tariff));
    const auto evaluated = EvaluateAll(log_, "hold-out", models_.hold_out, tariffs, terms_.hold_out_seeds);
    AddHoldOut(result_.winner, evaluated[0], evaluated[0]);
    for (size_t i = 0; i < result_.baselines.size(); ++i) {
      AddHoldOut(result_.baselines[i], evaluated[i + 1], evaluated[0]);
    }
    const size_t count = tariffs.size() * terms_.hold_out_seeds.size();
    Report("hold-out", count, count, result_.winner.held_out_value.mean);
    ++phases_done_;
  }

  void AddHoldOut(Standing& standing, const std::vector<Evaluation>& own, const std::vector<Evaluation>& winner) const {
    const double confidence = terms_.confidence;
    standing.held_out = MeanOf(own);
    standing.held_out_value = MeanEstimate(ValuesOf(own), confidence);
    standing.held_out_service_level =
        MeanEstimate(FiguresOf(own, [](const Evaluation& e) { return e.service_level; }), confidence);
    const auto subsidy = [](const Evaluation& e) { return e.cross_subsidy; };
    standing.held_out_cross_subsidy = MeanEstimate(FiguresOf(own, subsidy), confidence);
    standing.winner_cross_subsidy_more =
        PairedDifference(FiguresOf(winner, subsidy), FiguresOf(own, subsidy), confidence);
    standing.held_out_shortfall = ShortfallOf(standing.held_out, terms_.constraints);
    Evaluation at_best;
    at_best.service_level = standing.held_out_service_level.high();
    at_best.cross_subsidy = standing.held_out_cross_subsidy.low();
    standing.clearly_misses = ShortfallOf(at_best, terms_.constraints) > 0;
    standing.winner_gains_held_out = PairedDifference(ValuesOf(winner), ValuesOf(own), confidence);
  }

  // ---- Sensitivity.

  void Sensitivity() {
    const TunedTariff& winner = result_.winner.tariff;
    std::vector<Point> points;
    for (size_t axis = 0; axis < winner.shares.size(); ++axis) {
      for (const double end : {0.0, 1.0}) {
        points.push_back(winner.shares);
        points.back()[axis] = end;
      }
    }
    const std::vector<Screened> ends = screening_.At(models_.space, points);
    result_.winner_on_screen = Value(winner.screen);
    for (size_t axis = 0; axis < winner.shares.size(); ++axis) result_.tornado.push_back(BarOf(axis, ends));
    std::stable_sort(result_.tornado.begin(), result_.tornado.end(), [](const TornadoBar& a, const TornadoBar& b) {
      return std::fabs(a.value_at_high - a.value_at_low) > std::fabs(b.value_at_high - b.value_at_low);
    });
    Report("sensitivity", ends.size(), ends.size(), result_.winner_on_screen);
    ++phases_done_;
  }

  TornadoBar BarOf(size_t axis, const std::vector<Screened>& ends) const {
    const Screened& low = ends[2 * axis];
    const Screened& high = ends[2 * axis + 1];
    TornadoBar bar;
    bar.low = models_.space.read(low.shares)[axis];
    bar.winner = result_.winner.tariff.reading[axis];
    bar.high = models_.space.read(high.shares)[axis];
    bar.value_at_low = Value(low.mean);
    bar.value_at_high = Value(high.mean);
    bar.low_keeps_constraints = ValueIfKept(low, terms_).has_value();
    bar.high_keeps_constraints = ValueIfKept(high, terms_).has_value();
    return bar;
  }

  const TuneTerms& terms_;
  const TuneModels& models_;
  const TuneWatch& watch_;
  EvaluationLog log_;
  Screening screening_;
  size_t phases_ = 0;
  size_t phases_done_ = 0;
  std::vector<const TariffFamily*> families_;         // of the baselines
  std::vector<std::vector<TunedTariff>> contenders_;  // likewise
  std::vector<std::vector<Evaluation>> trained_;      // likewise, on the full model by seed
  std::vector<Screened> drawn_;                       // by random search
  std::vector<Screened> searched_;
  TuneResult result_;
};

}  // namespace

double ValueOf(const Evaluation& evaluation, Objective objective) {
  switch (objective) {
    case Objective::kRevenue:
      return evaluation.revenue;
    case Objective::kProfit:
      return evaluation.revenue - evaluation.capacity_cost;
    case Objective::kWelfare:
      return evaluation.welfare;
    case Objective::kRevenuePerCapacity:
      return evaluation.revenue_per_capacity;
  }
  return 0;
}

double ShortfallOf(const Evaluation& evaluation, const TuneConstraints& constraints) {
  double most = -std::numeric_limits<double>::infinity();
  if (constraints.least_service_level) most = *constraints.least_service_level - evaluation.service_level;
  if (constraints.most_cross_subsidy) most = std::max(most, evaluation.cross_subsidy - *constraints.most_cross_subsidy);
  return std::isfinite(most) ? most : 0;
}

absl::StatusOr<TuneResult> Tune(const TuneTerms& terms, const TuneModels& models, const TuneWatch& watch) {
  return Tuning(terms, models, watch).Run();
}

}  // namespace penstock::sim
